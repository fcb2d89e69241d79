"""The web's door: sets `request.member`, `request.organization` and `request.actor` on the settings pages.

The path names the organization. The session says only which memberships the person has, and which one was used last.
"""

from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.middleware import HtmxDetails

from audit.actor import Actor, Origin
from members.addresses import SETTINGS_PATH, is_short, named_organization
from members.models import Member, Organization
from members.sessions import memberships, remember_last_used

SAFE_METHODS = ("GET", "HEAD")


class MemberRequest(HttpRequest):
    """A request to a settings page, as views get it.

    `other_members` are the person's memberships in organizations that the path doesn't name, the last used first.
    `unproven` are memberships that wait for the person to prove their address anew.
    """

    member: Member
    other_members: list[Member]
    unproven: list[Member]
    organization: Organization
    actor: Actor
    htmx: HtmxDetails


class CurrentMember:
    """Lets only signed-in active members of the organization in the path through to `/settings/`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Ask a stranger to sign in. Tell whoever isn't an active member so, whether or not the organization exists."""
        if not request.path_info.startswith(SETTINGS_PATH):
            return self.get_response(request)
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        usable, request.unproven = memberships(request.user, request.session)  # type: ignore[attr-defined]
        if not usable:
            return render(request, "members/no_membership.html", status=403)
        named = named_organization(request.path_info)
        member = next((each for each in usable if each.organization.public_id == named), None)
        request.other_members = [each for each in usable if each is not member]  # type: ignore[attr-defined]
        if member is None:
            if is_short(request.path_info):
                return self.get_response(request)
            return render(request, "members/not_a_member.html", status=404)
        request.member = member  # type: ignore[attr-defined]
        request.organization = member.organization  # type: ignore[attr-defined]
        request.actor = member.actor(Origin.of(request))  # type: ignore[attr-defined]
        if member is not usable[0] and request.method in SAFE_METHODS:
            remember_last_used(member, request.session, request.actor)  # type: ignore[attr-defined]
        return self.get_response(request)
