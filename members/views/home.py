"""Where an organization's settings begin."""

from django.http import HttpResponse
from django.shortcuts import redirect, render

from members.middleware import MemberRequest
from members.navigation import rooms_of


def home(request: MemberRequest, organization_id: str) -> HttpResponse:
    """Lead to the first page that the member may see; tell one who may see none so."""
    rooms = rooms_of(request.member)
    if rooms:
        return redirect(rooms[0].path_in(organization_id))
    return render(request, "members/no_access.html", status=403)
