"""Machines' URLs are found as Django finds them: `lib.web.routes`."""

import pytest
from django.urls import Resolver404, ResolverMatch, URLResolver, get_resolver, path, re_path
from django.urls.resolvers import RegexPattern

from lib.web.routes import Routes, flattened

ENDS = (
    "",
    "/",
    "x",
    "\n",
    "/\n",
    ".search",
    "/.search",
    "/.search/",
    "/a b",
    "/%2F",
    "/ä",
    "/a/b",
    "/2819c223-7f76-453a-919d-413861904646",
)
ROOTS = ("/scim/v2", "/scim/v2/", "/v1.0/scim/v2/", "/v1.0/", "/", "/docs/api", "/healthz", "/settings/")
NAMES = (
    "",
    "Users",
    "Groups",
    "Roles",
    "Me",
    "Bulk",
    ".search",
    "Schemas",
    "ResourceTypes",
    "ServiceProviderConfig",
    "members",
    "keys",
)


def found(resolve, path: str) -> dict[str, object] | None:
    """Return all that is known of a match, but what was tried on the way."""
    try:
        match: ResolverMatch = resolve(path)
    except Resolver404:
        return None
    return {name: value for name, value in vars(match).items() if name != "tried"}


def test_each_path_leads_where_django_says_the_second_time_too():
    resolver = URLResolver(RegexPattern(r"^/"), "torii_settings.urls")
    routes = Routes(URLResolver(RegexPattern(r"^/"), "torii_settings.urls"))
    paths = [root + name + end for root in ROOTS for name in NAMES for end in ENDS]
    for each in paths * 2:
        assert found(routes.resolve, each) == found(resolver.resolve, each), each


def test_machines_urls_are_among_them_and_none_behind_one_with_a_converter():
    patterns = [pattern.pattern for pattern in flattened(get_resolver().url_patterns)]
    assert any("/scim/v2/Users" in pattern for pattern in patterns)
    assert not any("settings" in pattern for pattern in patterns)


def view(request, *args, **kwargs):
    """Never called."""


@pytest.mark.parametrize(
    "other",
    [
        path("<int:number>", view),
        re_path(r"^(a)$", view),
        re_path(r"^a", view),
        re_path(r"^a$", view, {"more": 1}),
        path("below/", ([path("<slug:name>", view)], "app", None)),
    ],
)
def test_it_ends_where_one_pattern_would_not_do(other):
    resolver = URLResolver(RegexPattern(r"^/"), [path("first", view), other, re_path("", view)])
    assert [pattern.pattern for pattern in flattened(resolver.url_patterns)] == ["/first"]
    for way in ("/first", "/1", "/a", "/ab", "/below/x", "/other"):
        assert found(Routes(resolver).resolve, way) == found(resolver.resolve, way)
