"""The request id at every door, and the access line: one line of JSON for each request, when it ends.

The line says which door, method, route, status, how many milliseconds, which key, organization and client, how many
bytes, and the request id. It has the URL's pattern in place of the path, and no query string: both may hold e-mail
addresses. It doesn't go through `logging`, which would cost more than a small answer does.
"""

import datetime as dt
import re
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from typing import Any

import orjson
from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from audit.actor import Origin
from lib import request_id
from lib.lines import write_line

# The first that a path begins with names the door.
DOORS = (
    ("/scim/", "scim"),
    ("/v1.0/scim/", "scim"),
    ("/v1.0/", "api"),
    ("/healthz", "health"),
    ("/readyz", "health"),
    ("/admin/", "staff"),
    (f"/{settings.STATIC_URL.strip('/')}/", "static"),
    ("", "web"),
)

OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


class RequestIds:
    """Gives every request its id and every answer the header, and writes the access line unless `ACCESS_LOG` is off."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request under its id."""
        began = perf_counter()
        token = request_id.begin(request.META.get("HTTP_X_REQUEST_ID", ""))
        try:
            response = self.get_response(request)
            response.headers[request_id.HEADER] = request_id.known()
            if settings.ACCESS_LOG:
                write_line(orjson.dumps(access_line(request, response, perf_counter() - began), option=OPTIONS))
        finally:
            request_id.end(token)
        return response


def access_line(request: HttpRequest, response: HttpResponseBase, seconds: float) -> dict[str, Any]:
    """Return what the access line says. The key is the one that came, whether or not it was let in."""
    api_key = getattr(request, "known_key", None)
    organization = getattr(request, "organization", None) or (api_key and api_key.organization)
    door = door_of(request.path_info)
    return {
        "timestamp": dt.datetime.now(dt.UTC),
        "level": "info",
        "logger": "access",
        "event": "request",
        "door": door,
        "method": (request.method or "")[:20],
        "route": None if door == "static" else route_of(request),
        "status": response.status_code,
        "ms": round(seconds * 1000, 2),
        "key": api_key and api_key.key_id,
        "organization": organization and organization.public_id,
        "client": Origin.of(request).ip,
        "request_id": request_id.known(),
        "bytes": size_of(response),
    }


def door_of(path: str) -> str:
    """Return the name of the door that `path` leads to."""
    return next(door for start, door in DOORS if path.startswith(start))


def route_of(request: HttpRequest) -> str | None:
    """Return the URL's pattern, as in `/scim/v2/Users/<uuid>`; None for an address where nothing is."""
    match = request.resolver_match
    if match is None:
        # A middleware has answered, as it does to a stranger at the settings, before the view was looked up.
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return None
    return readable(match.route, tuple(match.kwargs))


@lru_cache(maxsize=1024)
def readable(route: str, names: tuple[str, ...]) -> str:
    """Return `route` without the marks of regular expressions; `names` are the parameters that the address had."""
    path = re.sub(r"<\w+:", "<", simplify_regex(route.replace("/?$", "$")).replace("\\", ""))
    optional = [f"<{name}>" for name in names if f"<{name}>" not in path]
    return "/".join([path.rstrip("/"), *optional]) if optional else path


def size_of(response: HttpResponseBase) -> int | None:
    """Return the bytes of the body, None if they aren't known beforehand."""
    if isinstance(response, HttpResponse):
        return len(response.content)
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None
