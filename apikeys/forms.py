"""The form that asks for a key: what it opens, where it will be used, and until when."""

import datetime as dt
import uuid
from typing import Any

from dateutil.relativedelta import relativedelta
from django import forms
from django.utils import timezone

from apikeys.errors import KeyInvalid
from apikeys.models import DESCRIPTION_LENGTH, ApiKey, NewKey, expiry_instant
from audit.actor import Actor
from members.models import Organization

KINDS = {
    ApiKey.Kind.SCIM: "For an identity provider such as Okta: creates, updates and deactivates members.",
    ApiKey.Kind.API_READ: "For scripts and reports that only read.",
    ApiKey.Kind.API_WRITE: "For scripts that also make changes.",
}
PRESETS = {
    "30-days": ("30 days", relativedelta(days=30)),
    "90-days": ("90 days", relativedelta(days=90)),
    "6-months": ("6 months", relativedelta(months=6)),
    "1-year": ("1 year", relativedelta(years=1)),
}
RECOMMENDED = "1-year"
ON_DATE = "date"
NEVER = "never"


class NewKeyForm(forms.Form):
    """Asks for a key. `form_token` names this form, so that sending it again makes no second key."""

    kind = forms.ChoiceField(choices=ApiKey.Kind.choices, initial=ApiKey.Kind.SCIM)
    description = forms.CharField(
        max_length=DESCRIPTION_LENGTH,
        help_text="Where the key will be used, as in “Okta production”.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
        error_messages={"required": "Write a description, so that this key can be told from others."},
    )
    expiration = forms.ChoiceField(
        choices=[*((name, label) for name, (label, _) in PRESETS.items()), (ON_DATE, ON_DATE), (NEVER, NEVER)],
        initial=RECOMMENDED,
        error_messages={"required": "Choose when the key expires."},
    )
    expires_on = forms.DateField(
        required=False,
        error_messages={"invalid": "Write the date as year-month-day, as in 2027-01-31."},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    form_token = forms.UUIDField(initial=uuid.uuid4, widget=forms.HiddenInput)

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.today = timezone.now().astimezone(organization.zone).date()
        self.fields["expires_on"].help_text = f"Valid until 00:00 of that day ({organization.time_zone})"
        self.fields["expires_on"].widget.attrs["min"] = (self.today + dt.timedelta(days=1)).isoformat()

    def kinds(self) -> list[dict[str, Any]]:
        """Return the types of key to choose from, each with what it is for."""
        chosen = self["kind"].value()
        return [
            {"value": kind.value, "label": kind.label, "text": text, "chosen": kind.value == chosen}
            for kind, text in KINDS.items()
        ]

    def presets(self) -> list[dict[str, Any]]:
        """Return the usual expirations, each with the instant until which the key would be valid."""
        chosen = self["expiration"].value()
        return [
            {
                "value": name,
                "label": label,
                "until": expiry_instant(self.today + span, self.organization),
                "chosen": name == chosen,
                "recommended": name == RECOMMENDED,
            }
            for name, (label, span) in PRESETS.items()
        ]

    def clean(self) -> dict[str, Any]:
        """Turn the choice into a date, or None for never."""
        data = super().clean() or {}
        choice = data.get("expiration")
        if choice != ON_DATE:
            self.errors.pop("expires_on", None)
        if choice in PRESETS:
            data["expires_on"] = self.today + PRESETS[choice][1]
        elif choice == NEVER:
            data["expires_on"] = None
        elif choice == ON_DATE and not data.get("expires_on") and "expires_on" not in self.errors:
            self.add_error("expires_on", "Choose a date, or one of the other expirations.")
        return data

    def generate(self, *, by: Actor) -> NewKey | None:
        """Generate the key that was asked for; return None, with the reason beside its field, if it can't be."""
        asked = {name: self.cleaned_data[name] for name in ("kind", "description", "expires_on", "form_token")}
        try:
            return ApiKey.generate(self.organization, by=by, **asked)
        except KeyInvalid as error:
            self.add_error(error.field, error.detail)
            return None
