"""How a finished form answers."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django_htmx.http import HttpResponseClientRedirect

from members.addresses import page_path
from members.middleware import MemberRequest


def see_other(request: MemberRequest, name: str, *args: Any) -> HttpResponse:
    """Send the browser on to another page of the organization, out of the dialog if it is in one."""
    path = page_path(request.organization.public_id, name, *args)
    return HttpResponseClientRedirect(path) if request.htmx else HttpResponseRedirect(path)


def redirect_to(request: MemberRequest, name: str, *args: Any) -> HttpResponse:
    """Redirect to another page of the organization, which htmx then swaps in like any answer."""
    return HttpResponseRedirect(page_path(request.organization.public_id, name, *args))
