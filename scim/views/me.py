"""`/Me` (RFC 7644 §3.11): the resource of whoever asks, which a person has and a key has not."""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse

from members.models import Member
from members.sessions import memberships
from scim.errors import ScimRefusal
from scim.views.base import ScimView
from scim.views.users import UsersView

SESSION = SessionMiddleware(lambda request: HttpResponse())
AUTHENTICATION = AuthenticationMiddleware(lambda request: HttpResponse())


def signed_in_member(request: HttpRequest) -> Member:
    """Return the member whose browser sends `request`. Raises a 401 for a stranger, a 403 without a membership.

    Machines' paths skip the middleware that would have told, so it is asked here.
    """
    SESSION.process_request(request)
    AUTHENTICATION.process_request(request)
    if not request.user.is_authenticated:
        raise ScimRefusal(401, "Sign in first, or send a SCIM key.", WWW_Authenticate='Bearer realm="scim"')
    usable = memberships(request.user, request.session).usable
    if not usable:
        raise ScimRefusal(403, "You are signed in but a member of no organization.")
    return usable[0]


class MeView(ScimView):
    """`/Me`: read-only, and for people alone."""

    opened_by = "member"
    http_method_names = ("get", "head", "options")

    def enter(self, request: HttpRequest, **kwargs: Any) -> None:
        """Refuse a key: it speaks for an organization, not for a person."""
        if "HTTP_AUTHORIZATION" in request.META:
            super().enter(request, **kwargs)
            raise ScimRefusal(501, "A SCIM key speaks for an organization, so there is no Me: ask for /Users/<id>.")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the signed-in member."""
        member = signed_in_member(request)
        request.organization = member.organization  # type: ignore[attr-defined]
        request.seek = None  # type: ignore[attr-defined]
        view = UsersView()
        view.setup(request, uuid=str(member.pk))
        response = view.get(request, str(member.pk))  # type: ignore[arg-type] # let in by the session instead
        response["Cache-Control"] = "no-store"
        return response
