"""How a key is shown, this once.

The text of a key is in one answer and nowhere else: not in the session, not in a message, not in a later page. The
answer is that of the POST which made the key, so going back or reloading can only send the form again, and a form that
has made a key makes no other.
"""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apikeys.forms import KeyForm
from apikeys.models import ApiKey, NewKey
from apikeys.secret import Unprinted
from lib.addresses import absolute
from lib.compression import never_compressed
from members.middleware import MemberRequest

MADE_BEFORE = 409


def made_by(form: KeyForm) -> ApiKey | None:
    """Return the key that this very form made before, if it did; it may be deleted by now."""
    return form.organization.api_keys.filter(form_token=form.cleaned_data["form_token"]).first()


def render_shown_once(request: MemberRequest, new: NewKey) -> HttpResponse:
    """Show the text of a new key, in an answer that nothing may keep."""
    api_key = new.api_key
    is_scim = api_key.kind == ApiKey.Kind.SCIM
    base_url = request.organization.scim_base_url if is_scim else absolute("/v1.0")
    first_call = f"{base_url}/Users?count=1" if is_scim else f"{base_url}/organization"
    context = {
        "api_key": api_key,
        "old": api_key.replaces,
        "text": Unprinted(new.text),
        "waits": api_key.waits_for_scim(timezone.now()),
        "base_url": base_url,
        "base_url_label": "SCIM base URL" if is_scim else "REST base URL",
        "curl": Unprinted(f'curl -H "Authorization: Bearer {new.text}" "{first_call}"'),
    }
    response = render(request, "apikeys/api_key_shown_once.html", context)
    response["Cache-Control"] = "no-store"
    return never_compressed(response)


def render_made_before(request: MemberRequest, api_key: ApiKey) -> HttpResponse:
    """Say that the form has made its key, which can't be shown again."""
    return render(request, "apikeys/api_key_made_before.html", {"api_key": api_key}, status=MADE_BEFORE)
