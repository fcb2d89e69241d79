"""What a browser needs and a machine doesn't: sessions, messages and the like, skipped on the machines' doors."""

from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.utils.deprecation import MiddlewareMixin

from lib.time_limit import TimeLimit
from torii_settings.policy import EVERYWHERE, ON_PAGES, PAGE_POLICY, STAFF_POLICY

MACHINE_PATHS = ("/scim/", "/v1.0/", "/healthz", "/readyz")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def answer_by_view(request: HttpRequest) -> HttpResponseBase:
    """Find the view for a request and call it, as Django does behind the last middleware; what it answers is complete.

    Left out is what no view of a machine's needs: those of middleware, transactions around a whole request, and views
    that are asynchronous.
    """
    match = request.resolver_match = resolve(request.path_info)
    response = match.func(request, *match.args, **match.kwargs)
    if render := getattr(response, "render", None):
        response = render()
    return cast(HttpResponseBase, response)


def is_page(response: HttpResponseBase) -> bool:
    """Whether an error at a machine's door is a page after all, as Django's own are for what no view answers."""
    return response.headers.get("Content-Type", "").startswith("text/html")


class Doors:
    """Takes requests under `MACHINE_PATHS` straight to their view, past all middleware that follows in the settings.

    They are authenticated by a key, hold no session and set no cookie, and every step left out is time won on each. At
    either door the database works on a request for a limited time: machines ask again and at any hour, people wait.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.browsers = get_response
        self.machines = convert_exception_to_response(answer_by_view)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request within its time. One that is run again (`lib.rerun`), which is early, has it anew."""
        is_for_change = request.method not in SAFE_METHODS and not request.path_info.endswith("/.search")
        if not request.path_info.startswith(MACHINE_PATHS):
            with TimeLimit(settings.REQUEST_TIMEOUT_PEOPLE, is_for_change=is_for_change):
                return self.browsers(request)
        with TimeLimit(settings.REQUEST_TIMEOUT_MACHINES, is_for_change=is_for_change):
            response = cast(HttpResponseBase, self.machines(request))
        headers = ON_PAGES if response.status_code >= 400 and is_page(response) else EVERYWHERE
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response


class ContentSecurityPolicy(MiddlewareMixin):
    """Says what a page may load, and that no page behind a sign-in is kept by a cache or the browser's history."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add the headers unless the view set its own."""
        staff = request.path_info.startswith("/admin/")
        response.headers.setdefault("Content-Security-Policy", STAFF_POLICY if staff else PAGE_POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
