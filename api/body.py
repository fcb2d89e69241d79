"""JSON in and out: what SCIM refuses to read is refused here too, and answers are written by orjson."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from api.problems import Problem
from scim.body import CHARSETS, inspect, parse, read_bytes


class JsonParser(BaseParser):
    """Reads a JSON object."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the object in the body of the request.

        Raises a Problem, or ScimRefusal for what `scim.body` refuses: size, encoding, syntax, a name twice, NUL, half a
        surrogate pair, numbers that are none, too deep a nesting.
        """
        request = (parser_context or {})["request"]._request
        charset = (request.content_params or {}).get("charset", "utf-8").lower()
        if charset not in CHARSETS:
            raise Problem("unsupported_media_type", "Send UTF-8 (RFC 8259 §8.1).")
        document = parse(read_bytes(request))
        if not isinstance(document, dict):
            raise Problem("malformed_json", "The body must be a JSON object.")
        inspect(document)
        return document


class JsonRenderer(BaseRenderer):
    """Writes JSON; times end in Z."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return `data` as JSON in UTF-8; nothing for no data."""
        return b"" if data is None else orjson.dumps(data, option=orjson.OPT_UTC_Z)
