"""Settings > API Access: an admin's keys, from the moment one is shown until it is deleted.

The text of a key is in one answer and nowhere else: not in the session, not in a message, not in a later page. The
answer is that of the POST which made the key, so going back or reloading can only send the form again, and a form that
has made a key makes no other.
"""

import datetime as dt

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from apikeys.forms import NewKeyForm
from apikeys.models import ApiKey, NewKey
from members.access import requires
from members.middleware import MemberRequest
from members.models import Level, Scope
from members.views.answers import see_other

REFUSED = 422
MADE_BEFORE = 409
RECENTLY = dt.timedelta(days=1)


@requires(Scope.API_ACCESS)
def api_access(request: MemberRequest) -> HttpResponse:
    """List the organization's keys, the newest first."""
    now = timezone.now()
    keys = [(api_key, api_key.status(now)) for api_key in request.organization.api_keys.existing().order_by("-id")]
    return render(request, "apikeys/api_key_list.html", {"keys": keys})


@requires(Scope.API_ACCESS, Level.ACT)
def new_key(request: MemberRequest) -> HttpResponse:
    """Ask what the key is for, generate it, and show it this once."""
    form = NewKeyForm(request.POST or None, organization=request.organization)
    if not form.is_valid():
        return render_form(request, form)
    if made := made_by(form):
        return render_made_before(request, made)
    try:
        new = form.generate(by=request.actor)
    except IntegrityError:
        # The same form was sent twice at once; the constraint let one of them through.
        made = made_by(form)
        if made is None:
            raise
        return render_made_before(request, made)
    if new is None:
        return render_form(request, form)
    return render_shown_once(request, new)


@requires(Scope.API_ACCESS, Level.ACT)
def deletion(request: MemberRequest, key_id: str) -> HttpResponse:
    """Ask, saying what will stop working, then delete a key."""
    api_key = get_object_or_404(request.organization.api_keys.existing(), key_id=key_id)
    if request.method == "POST":
        api_key.delete_key(by=request.actor)
        messages.success(request, f"The key “{api_key.description}” was deleted.")
        return see_other(request, "api-access")
    now = timezone.now()
    context = {
        "api_key": api_key,
        "live": api_key.is_live(now),
        "used_recently": api_key.used_within(RECENTLY, now),
    }
    return render(request, "apikeys/api_key_deletion.html", context)


def made_by(form: NewKeyForm) -> ApiKey | None:
    """Return the key that this very form made before, if it did; it may be deleted by now."""
    return form.organization.api_keys.filter(form_token=form.cleaned_data["form_token"]).first()


def render_form(request: MemberRequest, form: NewKeyForm) -> HttpResponse:
    """Render the form, with what was typed and what is wrong with it."""
    return render(request, "apikeys/api_key_new.html", {"form": form}, status=REFUSED if form.errors else 200)


def render_shown_once(request: MemberRequest, new: NewKey) -> HttpResponse:
    """Show the text of a new key, in an answer that nothing may keep."""
    context = {"api_key": new.api_key, "text": new.text}
    response = render(request, "apikeys/api_key_shown_once.html", context)
    response["Cache-Control"] = "no-store"
    return response


def render_made_before(request: MemberRequest, api_key: ApiKey) -> HttpResponse:
    """Say that the form has made its key, which can't be shown again."""
    return render(request, "apikeys/api_key_made_before.html", {"api_key": api_key}, status=MADE_BEFORE)
