"""Reads what an identity provider sends: size, syntax, and the few things that a database can't hold.

What is tolerated in the content is declared in `scim.schemas.POLICY`; what remains is here: a body without `schemas`.
"""

from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from scim.errors import ScimRefusal

MEDIA_TYPES = ("application/scim+json", "application/json")
MAX_DEPTH = 20


def read_object(request: HttpRequest, schema: str) -> dict[str, Any]:
    """Return the JSON object in the body, `schemas` set to `schema` where the sender left it out.

    Raises ScimRefusal: 413 over `SCIM_BODY_LIMIT` bytes, 415 for another media type, 400 `invalidSyntax` for what is no
    JSON object, and what `inspect` finds.
    """
    media_type = (request.content_type or "").lower()
    if media_type and media_type not in MEDIA_TYPES:
        raise ScimRefusal(415, f"Send application/scim+json or application/json, not {media_type[:100]}.")
    try:
        document = orjson.loads(read_bytes(request))
    except orjson.JSONDecodeError as error:
        raise ScimRefusal(
            400,
            f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            "invalidSyntax",
        ) from None
    if not isinstance(document, dict):
        raise ScimRefusal(400, "The body must be a JSON object.", "invalidSyntax")
    inspect(document)
    if not any(name.lower() == "schemas" for name in document):
        document["schemas"] = [schema]
    return document


def read_bytes(request: HttpRequest) -> bytes:
    """Return the body. Raises a 413 when it is larger than Django lets in (`SCIM_BODY_LIMIT`)."""
    try:
        return request.body
    except RequestDataTooBig:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raise ScimRefusal(413, f"The body is larger than {limit} bytes; send less at once.") from None


def inspect(value: Any, depth: int = 0) -> None:
    """Raise a 400 for what no resource holds: a NUL character, which no column takes, or nesting past `MAX_DEPTH`."""
    if isinstance(value, str):
        if "\0" in value:
            raise ScimRefusal(400, "A string holds a NUL character (\\u0000), which can't be stored.", "invalidValue")
        return
    if depth > MAX_DEPTH:
        raise ScimRefusal(400, f"The body is nested more than {MAX_DEPTH} levels deep.", "invalidSyntax")
    if isinstance(value, dict):
        for key, item in value.items():
            inspect(key)
            inspect(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            inspect(item, depth + 1)
