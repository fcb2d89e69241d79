"""What a browser needs and a machine doesn't: sessions, messages and the like, skipped on the machines' doors.

Each class is Django's (or a library's) own with one addition: requests under `MACHINE_PATHS` pass by untouched. They
are authenticated by a key, hold no session and set no cookie, and every step left out is time won on each of them.
"""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.utils.deprecation import MiddlewareMixin
from django_htmx.middleware import HtmxMiddleware

MACHINE_PATHS = ("/scim/", "/v1.0/", "/healthz", "/readyz")

# The staff admin's library evaluates expressions in attributes; the organization's pages run nothing but their files.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; "
    "base-uri 'none'; object-src 'none'"
)
STAFF_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'; object-src 'none'"
)


def for_machine(request: HttpRequest) -> bool:
    """Whether `request` is at a door that machines use."""
    return request.path_info.startswith(MACHINE_PATHS)


class WebOnly:
    """Lets machines' requests pass by the middleware that it is mixed into."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        """Pass a machine's request on; treat a browser's as the middleware does."""
        if for_machine(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class WebSession(WebOnly, SessionMiddleware):
    """Sessions."""


class WebCommon(WebOnly, CommonMiddleware):
    """Trailing slashes and content length."""


class WebAuthentication(WebOnly, AuthenticationMiddleware):
    """`request.user`."""


class WebMessages(WebOnly, MessageMiddleware):
    """Messages for the next page."""


class WebHtmx(WebOnly, HtmxMiddleware):
    """`request.htmx`."""


class WebContentSecurityPolicy(WebOnly, MiddlewareMixin):
    """Says what a page may load, and that no page behind a sign-in is kept by a cache or the browser's history."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add the headers unless the view set its own."""
        staff = request.path_info.startswith("/admin/")
        response.headers.setdefault("Content-Security-Policy", STAFF_POLICY if staff else PAGE_POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
