"""The request id at every door, and the access line: one line of JSON for each request, when it ends.

The line says which door, method, route, status, how many milliseconds, which key, organization and client, how many
bytes, and the request id. It has the URL's pattern in place of the path, and no query string: both may hold e-mail
addresses. It doesn't go through `logging`, which would cost more than a small answer does.
"""

import datetime as dt
import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from time import perf_counter
from typing import Any

import orjson
from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from audit.actor import origin_of
from lib import request_id
from lib.lines import write_line
from torii_settings.callers import NOBODY, Caller

Application = Callable[[dict[str, Any], Callable[..., Any]], list[bytes]]

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

IN_ENVIRON = f"HTTP_{request_id.HEADER.upper().replace('-', '_')}"
OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


# The request as Django sees it; None while there is none, as for a body that is refused before any view is asked.
_seen: ContextVar[HttpRequest | None] = ContextVar("request", default=None)

# In an environ that is refused before any view is asked: who is known to have sent it.
CALLER = "torii.caller"


def request_seen() -> HttpRequest | None:
    """Return the request that this thread answers or has just answered, as Django saw it."""
    return _seen.get()


class RequestIds:
    """The outermost middleware: begins a request under its id, and puts that into the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request under its id."""
        _seen.set(request)
        proposed = request.META.get(IN_ENVIRON, "")
        if proposed and proposed == request_id.known():
            # The AccessLog goes around Django: it has begun, and puts the id into the answer.
            return self.get_response(request)
        with request_id.using(proposed):
            response = self.get_response(request)
            response.headers[request_id.HEADER] = request_id.known()
        return response


class AccessLog:
    """The outermost WSGI layer: writes the access line unless `ACCESS_LOG` is off.

    It chooses the id, for what is refused before Django is asked, and for a request that is answered twice.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Answer a request, as WSGI has it (PEP 3333)."""
        began = perf_counter()
        token = request_id.begin(environ.get(IN_ENVIRON, ""))
        environ[IN_ENVIRON] = request_id.known()
        _seen.set(None)
        status = ""

        def started(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status
            status = line
            headers.append((request_id.HEADER, request_id.known()))
            return start_response(line, headers)

        try:
            body = self.application(environ, started)
            if settings.ACCESS_LOG:
                line = access_line(environ, _seen.get(), int(status[:3]), sum(map(len, body)), perf_counter() - began)
                write_line(orjson.dumps(line, option=OPTIONS))
        finally:
            _seen.set(None)
            request_id.end(token)
        return body


def access_line(
    environ: dict[str, Any], request: HttpRequest | None, status: int, size: int, seconds: float
) -> dict[str, Any]:
    """Return what the access line says. The key is the one that came, whether or not it was let in."""
    api_key = getattr(request, "known_key", None)
    organization = getattr(request, "organization", None) or (api_key and api_key.organization)
    caller: Caller = environ.get(CALLER, NOBODY)
    path = environ.get("PATH_INFO", "")
    door = door_of(path)
    return {
        "timestamp": dt.datetime.now(dt.UTC),
        "level": "info",
        "logger": "access",
        "event": "request",
        "door": door,
        "method": environ.get("REQUEST_METHOD", "")[:20],
        "route": None if door == "static" else route_of(path, request),
        "status": status,
        "ms": round(seconds * 1000, 2),
        "key": api_key.key_id if api_key else caller.key_id,
        "organization": organization.public_id if organization else caller.organization,
        "client": origin_of(environ.get("REMOTE_ADDR", ""), "").ip,
        "request_id": request_id.known(),
        "bytes": size,
    }


def door_of(path: str) -> str:
    """Return the name of the door that `path` leads to."""
    return next(door for start, door in DOORS if path.startswith(start))


def route_of(path: str, request: HttpRequest | None) -> str | None:
    """Return the URL's pattern, as in `/scim/v2/Users/<uuid>`; None for an address where nothing is."""
    match = request.resolver_match if request else None
    if match is None:
        # The answer came before the view was looked up, as a stranger's at the settings does.
        try:
            match = resolve(path)
        except Resolver404:
            return None
    return readable(match.route, tuple(match.kwargs))


@lru_cache(maxsize=1024)
def readable(route: str, names: tuple[str, ...]) -> str:
    """Return `route` without the marks of regular expressions; `names` are the parameters that the address had."""
    path = re.sub(r"<\w+:", "<", simplify_regex(route.replace("/?$", "$")).replace("\\", ""))
    optional = [f"<{name}>" for name in names if f"<{name}>" not in path]
    return "/".join([path.rstrip("/"), *optional]) if optional else path
