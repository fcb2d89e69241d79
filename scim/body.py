"""Reads what an identity provider sends: size, encoding, syntax, and the few things that no resource may hold.

What is tolerated in the content is decided in `scim.leniency` and `scim.schemas.POLICY`; here only a body without
`schemas` is.
"""

import json
import sys
import zlib
from collections.abc import Callable
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from scim.errors import ScimRefusal

MEDIA_TYPES = ("application/scim+json", "application/json")
CHARSETS = ("utf-8", "utf8", "us-ascii")
MAX_DEPTH = 20
GZIP = 16 + zlib.MAX_WBITS


def read_object(request: HttpRequest, schema: str, *, inspects: Callable[[Any], None] | None = None) -> dict[str, Any]:
    """Return the JSON object in the body, `schemas` set to `schema` where the sender left it out.

    Raises ScimRefusal: 413 over `SCIM_BODY_LIMIT` bytes, 415 for another media type, charset or encoding, 400
    `invalidSyntax` for what is no JSON object, and what `inspects`, by default `inspect`, finds.
    """
    media_type = (request.content_type or "").lower()
    if media_type and media_type not in MEDIA_TYPES:
        raise ScimRefusal(415, f"Send application/scim+json or application/json, not {media_type[:100]}.")
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if charset not in CHARSETS:
        raise ScimRefusal(415, f"Send UTF-8 (RFC 7644 §3.8), not {charset[:40]}.")
    document = parse(read_bytes(request))
    if not isinstance(document, dict):
        raise syntax_error("The body must be a JSON object.")
    (inspects or inspect)(document)
    if not any(name.lower() == "schemas" for name in document):
        document["schemas"] = [schema]
    return document


def read_anything(request: HttpRequest) -> Any:
    """Return the JSON value in the body as it is, None if it can't be read."""
    try:
        return parse(read_bytes(request))
    except ScimRefusal:
        return None


def read_bytes(request: HttpRequest) -> bytes:
    """Return the body, unpacked if it came gzipped.

    Raises a 413 when it is larger than Django lets in (`SCIM_BODY_LIMIT`), packed or not, a 415 for another encoding.
    """
    try:
        body = request.body
    except RequestDataTooBig:
        raise too_large() from None
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise ScimRefusal(415, f"Send the body as it is or gzipped, not {encoding[:40]}.", Accept_Encoding="gzip")
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    unpacking = zlib.decompressobj(GZIP)
    try:
        unpacked = unpacking.decompress(body, limit)
    except zlib.error:
        raise syntax_error("The body is not gzipped, although Content-Encoding says so.") from None
    if unpacking.unconsumed_tail:
        raise too_large()
    if not unpacking.eof:
        raise syntax_error("The gzipped body ends before its end.")
    return unpacked


def parse(body: bytes) -> Any:
    """Return the JSON value in `body`. Raises a 400 `invalidSyntax`.

    The standard library's reader, because it alone tells of a name that comes twice: which of the two is meant would be
    anybody's guess (RFC 8259 §4), and attribute names are the same in any case (RFC 7643 §2.1).
    """
    try:
        return json.loads(body.decode(), object_pairs_hook=without_duplicates, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise syntax_error(
            f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except UnicodeDecodeError as error:
        raise syntax_error(f"The body is not UTF-8: byte {error.start} belongs to no character.") from None
    except RecursionError:
        raise too_deep() from None
    except ValueError:
        raise syntax_error("The body holds a number with too many digits.") from None


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of `pairs`. Raises a 400 for two names that are the same in any case."""
    names = {name.lower() for name, _ in pairs}
    if len(names) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name.lower() in seen:
                raise syntax_error(f'An object in the body holds "{printable(name)}" twice.')
            seen.add(name.lower())
    return dict(pairs)


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not know."""
    raise syntax_error(f"The body is not valid JSON: {name} is no JSON value.")


def inspect(value: Any) -> None:
    """Raise a 400 for what no resource holds.

    That is a character that can't be stored (NUL, half of a surrogate pair), a string over `SCIM_STRING_LIMIT`
    characters, a number that is none any more (1e400), and nesting past `MAX_DEPTH`.
    """
    inspect_within(value, settings.SCIM_STRING_LIMIT or sys.maxsize, 0)


def inspect_within(value: Any, limit: int, depth: int) -> None:
    """Raise what `inspect` raises; `limit` is that of strings, `depth` how deep the value lies."""
    if isinstance(value, str):
        if len(value) > limit or "\0" in value or not value.isascii():
            inspect_text(value, limit)
    elif isinstance(value, float):
        if value in (float("inf"), float("-inf")):
            raise syntax_error("The body holds a number that is too large.")
    elif isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            raise too_deep()
        for item in value:
            inspect_within(item, limit, depth + 1)
        if isinstance(value, dict):
            for item in value.values():
                inspect_within(item, limit, depth + 1)


def inspect_depth(value: Any, depth: int = 0) -> None:
    """Raise a 400 for nesting past `MAX_DEPTH` alone."""
    if isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            raise too_deep()
        for item in value.values() if isinstance(value, dict) else value:
            inspect_depth(item, depth + 1)


def inspect_text(text: str, limit: int) -> None:
    """Raise a 400 for a string that can't be stored."""
    if len(text) > limit:
        raise ScimRefusal(400, f"A string is longer than {limit} characters.", "invalidValue")
    if "\0" in text:
        raise ScimRefusal(400, "A string holds a NUL character (\\u0000), which can't be stored.", "invalidValue")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ScimRefusal(
            400, "A string holds half of a surrogate pair, which is no character.", "invalidValue"
        ) from None


def printable(text: str) -> str:
    """Return the start of `text`, fit to be quoted in an error."""
    return text[:60].encode(errors="replace").decode()


def syntax_error(detail: str) -> ScimRefusal:
    """Return a 400 `invalidSyntax`."""
    return ScimRefusal(400, detail, "invalidSyntax")


def too_deep() -> ScimRefusal:
    """Return the 400 for a body that is nested too deeply."""
    return syntax_error(f"The body is nested more than {MAX_DEPTH} levels deep.")


def too_large() -> ScimRefusal:
    """Return the 413."""
    return ScimRefusal(413, f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes; send less at once.")
