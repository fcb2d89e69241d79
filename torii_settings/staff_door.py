"""The staff admin's own host (`ADMIN_HOST`) and networks (`ADMIN_NETWORKS`): elsewhere it isn't there.

The library that draws the admin evaluates expressions, so its pages can't do without `unsafe-eval`. On a host of its
own, what goes wrong in the one reaches no cookie and no page of the other. That host has the sign-in pages besides, and
nothing of an organization. A service with an https address, which is any but the demo and a first look on this machine,
has the admin nowhere until one of the two is set.
"""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from audit.actor import address_of

ADMIN = "/admin/"
# What an admin's host answers besides the admin; where people arrive who have signed in leads to the admin.
SHARED = ("/accounts/", "/static/", "/favicon.ico")
ARRIVALS = ("/", "/settings/")


class StaffDoor:
    """Answers 404 for the admin on any other host or from any other network, and for all else on the admin's host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request, unless it is at the wrong host or comes from the wrong network."""
        path = request.path_info
        host, _ = split_domain_port(request.META.get("HTTP_HOST", ""))
        is_at_home = host == settings.ADMIN_HOST if settings.ADMIN_HOST else may_be_anywhere()
        if path.startswith(ADMIN):
            if not is_at_home or not may_enter(request.META.get("REMOTE_ADDR", "")):
                raise Http404
        elif settings.ADMIN_HOST and is_at_home:
            if path in ARRIVALS:
                return redirect(ADMIN)
            if not path.startswith(SHARED):
                raise Http404
        return self.get_response(request)


def may_be_anywhere() -> bool:
    """Whether every host has the admin, if it has none of its own."""
    return bool(settings.ADMIN_NETWORKS) or not settings.SERVED_OVER_TLS


@lru_cache(maxsize=1024)
def may_enter(peer: str) -> bool:
    """Whether the admin opens from the address of `peer`."""
    if not settings.ADMIN_NETWORKS:
        return True
    address = address_of(peer)
    return address is not None and any(ip_address(address) in ip_network(each) for each in settings.ADMIN_NETWORKS)
