"""Addresses that name no organization, as in bookmarks and mails from before Organization IDs were part of the path."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, include, path

from members.addresses import SETTINGS_PATH
from members.middleware import SAFE_METHODS, MemberRequest


def short_address(request: MemberRequest, **ids: Any) -> HttpResponse:
    """Redirect to the same page in the organization that the session used last.

    Refuse a form: it doesn't say which organization it was opened in.
    """
    if request.method not in SAFE_METHODS:
        return render(request, "members/no_organization.html", status=400)
    last_used = request.other_members[0].organization
    page = request.path_info.removeprefix(SETTINGS_PATH).rstrip("/")
    query = request.META.get("QUERY_STRING", "")
    return HttpResponseRedirect(f"{SETTINGS_PATH}{last_used.public_id}/{page}{'?' if query else ''}{query}")


def short_addresses(pages: Iterable[URLPattern | URLResolver]) -> Iterator[URLPattern | URLResolver]:
    """Yield the short address of each of `pages`, with and without a slash at its end. They have no names."""
    for page in pages:
        if isinstance(page, URLResolver):
            yield path(str(page.pattern), include(list(short_addresses(page.url_patterns))))
        elif route := str(page.pattern):
            yield path(route, short_address)
            yield path(f"{route}/", short_address)
