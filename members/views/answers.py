"""How a finished form answers."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect

from members.middleware import MemberRequest


def see_other(request: MemberRequest, to: Any, **kwargs: Any) -> HttpResponse:
    """Send the browser on to the page `to` (anything that `redirect` takes), out of the dialog if it is in one."""
    if request.htmx:
        return HttpResponseClientRedirect(resolve_url(to, **kwargs))
    return HttpResponseRedirect(resolve_url(to, **kwargs))
