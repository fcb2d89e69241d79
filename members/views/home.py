"""Where the settings begin, and in which of their organizations somebody is who has several."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from audit.actor import Origin
from members.middleware import MemberRequest
from members.navigation import rooms_of
from members.sessions import choose_membership


def home(request: MemberRequest) -> HttpResponse:
    """Lead to the first page that the member may see; tell one who may see none so."""
    rooms = rooms_of(request.member)
    if rooms:
        return redirect(rooms[0].url)
    return render(request, "members/no_access.html", status=403)


@require_POST
def membership(request: MemberRequest, member_id: UUID) -> HttpResponse:
    """Go on as the member that the same person is in another organization. Raises Http404 for anybody else."""
    for member in (request.member, *request.other_members):
        if member.pk == member_id:
            choose_membership(member, request.session, member.actor(Origin.of(request)))
            return redirect("settings")
    raise Http404
