"""The page of one key: what is known of it, who was told what, and from where it is used."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.html import format_html

from apikeys.models import ApiKey, KnownOrigin, Notice
from apikeys.reminders import schedule
from members.access import requires
from members.middleware import MemberRequest
from members.models import Level, Scope
from members.views.answers import redirect_to

OTHER_MAILS_SHOWN = 50
# Of networks and of user agents, unless all are asked for.
ORIGINS_SHOWN = 15


@requires(Scope.API_ACCESS)
def key_page(request: MemberRequest, key_id: str) -> HttpResponse:
    """Show a key."""
    api_key = find_key(request, key_id)
    now = timezone.now()
    handover = api_key.handover(now)
    others = api_key.notices.exclude(kind__in=Notice.REMINDERS).order_by("-id")
    context = {
        "api_key": api_key,
        "status": api_key.status(now),
        "live": api_key.is_live(now),
        "waits": api_key.waits_for_scim(now),
        "handover": handover,
        "successor": handover and handover.new,
        "reminders": schedule(api_key, now),
        "other_mails": others[:OTHER_MAILS_SHOWN],
    } | origins_of(api_key, show_all=request.GET.get("origins") == "all")
    return render(request, "apikeys/api_key.html", context)


def origins_of(api_key: ApiKey, *, show_all: bool) -> dict[str, Any]:
    """Return the origins that the page shows, the latest of each kind, and how many more there are."""
    rows = list(api_key.origins.latest_first())
    latest = [[row for row in rows if row.kind == kind][:ORIGINS_SHOWN] for kind in KnownOrigin.Kind.values]
    kept = {row.pk for of_kind in latest for row in of_kind}
    shown = [row for row in rows if show_all or row.pk in kept]
    return {"origins": shown, "origins_hidden": len(rows) - len(shown)}


@requires(Scope.API_ACCESS, Level.ACT)
def origins(request: MemberRequest, key_id: str) -> HttpResponse:
    """Take the marks off where the key is used from. A GET, as after a sign-in in between, changes nothing."""
    api_key = find_key(request, key_id)
    if request.method == "POST":
        api_key.accept_origins(by=request.actor)
        words = "Noted: you know from where <bdi>“{}”</bdi> is used."
        messages.success(request, format_html(words, api_key.description))
    return redirect_to(request, "api-key", key_id)


def find_key(request: MemberRequest, key_id: str) -> ApiKey:
    """Return the organization's key with this id, unless it is deleted. Raises Http404."""
    return get_object_or_404(request.organization.api_keys.existing(), key_id=key_id)
