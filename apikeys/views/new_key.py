"""A new key."""

from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import render

from apikeys.forms import NewKeyForm
from apikeys.models import ApiKey
from apikeys.views.shown_once import made_by, render_made_before, render_shown_once
from members.access import requires
from members.middleware import MemberRequest
from members.models import Level, Scope

REFUSED = 422


@requires(Scope.API_ACCESS, Level.ACT)
def new_key(request: MemberRequest) -> HttpResponse:
    """Ask what the key is for, generate it, and show it this once."""
    form = NewKeyForm(request.POST or None, organization=request.organization, like=model_of(request))
    if not form.is_valid():
        return render_form(request, form)
    if made := made_by(form):
        return render_made_before(request, made)
    try:
        new = form.make(by=request.actor)
    except IntegrityError:
        # The same form was sent twice at once; the constraint let one of them through.
        made = made_by(form)
        if made is None:
            raise
        return render_made_before(request, made)
    if new is None:
        return render_form(request, form)
    return render_shown_once(request, new)


def model_of(request: MemberRequest) -> ApiKey | None:
    """Return the key that the new one is to be like, as in `?like=ab12cd34`."""
    key_id = request.GET.get("like", "")
    # PostgreSQL takes no text with a NUL in it.
    return request.organization.api_keys.existing().filter(key_id=key_id).first() if key_id.isalnum() else None


def render_form(request: MemberRequest, form: NewKeyForm) -> HttpResponse:
    """Render the form, with what was typed and what is wrong with it."""
    return render(request, "apikeys/api_key_new.html", {"form": form}, status=REFUSED if form.errors else 200)
