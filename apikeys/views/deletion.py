"""The end of a key."""

import datetime as dt

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.html import format_html

from apikeys.forms import DeletionForm
from apikeys.models import ApiKey
from members.access import requires
from members.middleware import MemberRequest
from members.models import Level, Scope
from members.views.answers import see_other

REFUSED = 422
RECENTLY = dt.timedelta(days=1)


@requires(Scope.API_ACCESS, Level.ACT)
def deletion(request: MemberRequest, key_id: str) -> HttpResponse:
    """Ask, saying what will stop working, then delete a key; one in use only if its description is typed."""
    api_key = get_object_or_404(request.organization.api_keys.existing(), key_id=key_id)
    in_use = is_in_use(api_key)
    form = DeletionForm(request.POST if request.method == "POST" else None, api_key=api_key) if in_use else None
    if request.method != "POST" or (form and not form.is_valid()):
        return render_question(request, api_key, form)
    api_key.delete_key(by=request.actor)
    messages.success(request, format_html("The key <bdi>“{}”</bdi> was deleted.", api_key.description))
    return see_other(request, "api-access")


def is_in_use(api_key: ApiKey) -> bool:
    """Whether something is likely to stop working."""
    now = timezone.now()
    return api_key.is_live(now) and api_key.used_within(RECENTLY, now)


def render_question(request: MemberRequest, api_key: ApiKey, form: DeletionForm | None) -> HttpResponse:
    """Render what is asked before a key goes, with what was typed and what is wrong with it."""
    now = timezone.now()
    replaced = api_key.replaces if api_key.replaces and api_key.replaces.deleted_at is None else None
    context = {
        "api_key": api_key,
        "live": api_key.is_live(now),
        "form": form,
        "handover": api_key.handover(now),
        "replaced": replaced,
        "replaced_live": replaced and replaced.is_live(now),
    }
    status = REFUSED if form and form.errors else 200
    return render(request, "apikeys/api_key_deletion.html", context, status=status)
