"""The body of a request, read in full before a place is taken: a slow sender keeps nobody from being answered.

Django reads `CONTENT_LENGTH` bytes and none without it, so a body in chunks is given its length here. As every body is
read, or what is too large discarded, before the answer is written, a refusal never meets a client that is still
sending, whose connection would be reset.
"""

import sys
from io import BytesIO
from typing import Any

from django.conf import settings

from lib.web import patience
from torii_settings.refusals import Refusal

# A client that is refused sends on until it has sent all. Up to here it is listened to.
DISCARDED = 16 * 1024 * 1024
PIECE = 64 * 1024


def read_body(environ: dict[str, Any]) -> None:
    """Replace the stream in `environ` by one that holds the whole body, and say how long it is.

    Raises Refusal: 413 for more than `SCIM_BODY_LIMIT` bytes, 408 for a body that takes longer than `WEB_BODY_TIMEOUT`,
    400 for fewer bytes than Content-Length says.
    """
    length = environ.get("CONTENT_LENGTH", "")
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    if not chunked and length in ("", "0"):
        return
    told = None if chunked else int(length) if length.isdecimal() else 0
    with patience.reading() as reading:
        try:
            body = read(environ["wsgi.input"], told, waits="HTTP_EXPECT" in environ)
        except Refusal:
            if not reading.late:
                raise
    if reading.late:
        seconds = settings.WEB_BODY_TIMEOUT
        raise Refusal(408, f"The body didn't arrive within {seconds} seconds.", closes=True)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = BytesIO(body)


def read(stream: Any, told: int | None, *, waits: bool) -> bytes:
    """Return all that `stream` holds, which is `told` bytes if the client has told; raise what `read_body` does.

    A client that `waits` for leave to send (RFC 9110 §10.1.1) gets the 413 instead. Of others, what they are sending is
    read to its end first, unless that is too far away.
    """
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or sys.maxsize
    if told is not None and told > limit:
        raise too_large(limit, ends=not waits and told <= DISCARDED and discard(stream))
    body: bytes = stream.read(min(limit, sys.maxsize - 1) + 1 if told is None else told)
    if len(body) > limit:
        raise too_large(limit, ends=discard(stream))
    if told is not None and len(body) < told:
        raise Refusal(400, f"The body ended after {len(body)} of {told} bytes.", closes=True)
    return body


def discard(stream: Any) -> bool:
    """Read what comes, up to a bound; return whether it ended."""
    return any(not stream.read(PIECE) for _ in range(DISCARDED // PIECE))


def too_large(limit: int, *, ends: bool) -> Refusal:
    """Return the 413; the connection closes unless the body `ends`."""
    return Refusal(413, f"The body is larger than {limit} bytes; send less at once.", closes=not ends)
