"""The body of a request, read in full before a place is taken: a slow sender keeps nobody from being answered.

Django reads `CONTENT_LENGTH` bytes and none without it, so a body in chunks is given its length here. As every body is
read, or what is too large discarded, before the answer is written, a refusal never meets a client that is still
sending, whose connection would be reset.
"""

from io import BytesIO
from typing import Any

from django.conf import settings

from torii_settings.refusals import Refusal

# A client that is refused sends on until it has sent all. Up to here it is listened to.
DISCARDED = 16 * 1024 * 1024
PIECE = 64 * 1024


def read_body(environ: dict[str, Any]) -> None:
    """Replace the stream in `environ` by one that holds the whole body, and say how long it is.

    Raises Refusal: 413 for more than `SCIM_BODY_LIMIT` bytes, 400 for fewer than Content-Length says.
    """
    length = environ.get("CONTENT_LENGTH", "")
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    if not chunked and length in ("", "0"):
        return
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    stream = environ["wsgi.input"]
    if chunked:
        body = read(stream, limit)
    else:
        told = int(length) if length.isdecimal() else 0
        if limit is not None and told > limit:
            raise too_large(stream, limit, told, waits="HTTP_EXPECT" in environ)
        body = stream.read(told)
        if len(body) < told:
            raise Refusal(400, f"The body ended after {len(body)} of {told} bytes.", closes=True)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = BytesIO(body)


def read(stream: Any, limit: int | None) -> bytes:
    """Return all that `stream` holds. Raises the 413 if that is more than `limit` bytes."""
    if limit is None:
        return b"".join(iter(lambda: stream.read(PIECE), b""))
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise too_large(stream, limit, None, waits=False)
    return body


def too_large(stream: Any, limit: int, told: int | None, *, waits: bool) -> Refusal:
    """Return the 413, when what the client is still sending has been discarded.

    `told` is the length that it announced, if it did. One that `waits` for leave to send (RFC 9110 §10.1.1) gets the
    answer instead, and one that sends without end is cut off.
    """
    ends = not waits and (told is None or told <= DISCARDED) and discard(stream)
    return Refusal(413, f"The body is larger than {limit} bytes; send less at once.", closes=not ends)


def discard(stream: Any) -> bool:
    """Read what comes, up to a bound; return whether it ended."""
    return any(not stream.read(PIECE) for _ in range(DISCARDED // PIECE))
