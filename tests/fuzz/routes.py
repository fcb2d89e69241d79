"""Every address of the URL configuration, by door: a new view is tried out from its first day."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
STAFF = re.compile(r"^/?admin/(\w+)/(\w+)/")


@lru_cache(maxsize=16)
def routes_below(prefix: str) -> tuple[str, ...]:
    """Return the routes that begin with `prefix`, as in `/settings/members/<member_id>`, without those for anything."""
    found = {simplified(route) for route in _routes(get_resolver().url_patterns)}
    return tuple(sorted(route for route in found if route.startswith(prefix)))


def simplified(route: str) -> str:
    """Return a route with its parameters by name, whether it was written as a path or a regular expression."""
    return "/" + PARAMETER.sub(r"<\1>", str(simplify_regex(route))).lstrip("/")


def _routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route
