"""A key's successor: the way that the mails about an expiry lead."""

from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from apikeys.errors import KeyNotLive, KeyRotated
from apikeys.forms import RotationForm
from apikeys.models import ApiKey
from apikeys.views.shown_once import made_by, render_made_before, render_shown_once
from members.access import requires
from members.middleware import MemberRequest
from members.models import Level, Scope

CONFLICT = 409
REFUSED = 422


@requires(Scope.API_ACCESS, Level.ACT)
def rotation(request: MemberRequest, key_id: str) -> HttpResponse:
    """Ask how the new key shall be, make it, and show it this once."""
    old = get_object_or_404(request.organization.api_keys.existing(), key_id=key_id)
    form = RotationForm(request.POST or None, old=old)
    if form.is_valid() and (made := made_by(form)):
        return render_made_before(request, made)
    if not can_be_rotated(old):
        return render_impossible(request, old)
    if not form.is_valid():
        return render_form(request, form)
    try:
        new = form.make(by=request.actor)
    except (KeyRotated, KeyNotLive, IntegrityError):
        # Somebody else was quicker, or the same form was sent twice at once.
        if made := made_by(form):
            return render_made_before(request, made)
        if can_be_rotated(old):
            raise
        return render_impossible(request, old)
    if new is None:
        return render_form(request, form)
    return render_shown_once(request, new)


def can_be_rotated(api_key: ApiKey) -> bool:
    """Whether a successor could be made now."""
    now = timezone.now()
    return api_key.is_live(now) and api_key.handover(now) is None


def render_form(request: MemberRequest, form: RotationForm) -> HttpResponse:
    """Render the form, with what was typed and what is wrong with it."""
    context = {"form": form, "api_key": form.old, "waits": form.old.waits_for_scim(timezone.now())}
    return render(request, "apikeys/api_key_rotation.html", context, status=REFUSED if form.errors else 200)


def render_impossible(request: MemberRequest, api_key: ApiKey) -> HttpResponse:
    """Say why the key gets no successor, and where to go instead; whoever only looks has done nothing wrong."""
    now = timezone.now()
    made = api_key.handover(now)
    context = {"api_key": api_key, "new": made and made.new, "new_expired": made and made.new.is_expired(now)}
    status = CONFLICT if request.method == "POST" else 200
    return render(request, "apikeys/api_key_not_rotated.html", context, status=status)
