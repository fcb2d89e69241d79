"""The web's door: sets `request.member`, `request.organization` and `request.actor` on the settings pages."""

from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.middleware import HtmxDetails

from audit.actor import Actor, Origin
from members.models import Member, Organization
from members.sessions import memberships, unproven_memberships

SETTINGS_PATH = "/settings/"


class MemberRequest(HttpRequest):
    """A request to a settings page, as views get it."""

    member: Member
    other_members: list[Member]
    organization: Organization
    actor: Actor
    htmx: HtmxDetails


class CurrentMember:
    """Lets only signed-in active members through to `/settings/`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Ask a stranger to sign in; tell a user without an active membership so."""
        if not request.path_info.startswith(SETTINGS_PATH):
            return self.get_response(request)
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        usable = memberships(request.user, request.session)
        if not usable:
            context = {"unproven": unproven_memberships(request.user, request.session)}
            return render(request, "members/no_membership.html", context, status=403)
        member, *others = usable
        request.member, request.other_members = member, others  # type: ignore[attr-defined]
        request.organization = member.organization  # type: ignore[attr-defined]
        request.actor = member.actor(Origin.of(request))  # type: ignore[attr-defined]
        return self.get_response(request)
