"""The forms that ask for a key: what it opens, where it will be used, until when, and from where.

A form fixes what never changes afterwards, so it shows what the organization's policy recommends or requires before
anything is chosen. The policy itself is enforced by the models; here it only decides what there is to choose from.
"""

import datetime as dt
import re
import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils import timezone

from apikeys.allowed_networks import parse_networks
from apikeys.errors import KeyInvalid
from apikeys.models import DESCRIPTION_LENGTH, ApiKey, NewKey, expiry_instant
from apikeys.models.expiration import last_expiration
from audit.actor import Actor
from members.models import Level, Organization, Scope
from members.models.scope import everywhere

KINDS = {
    ApiKey.Kind.SCIM: "For an identity provider such as Okta: creates, updates and deactivates members.",
    ApiKey.Kind.API_READ: "For scripts and reports that only read.",
    ApiKey.Kind.API_WRITE: "For scripts that also make changes.",
}
# For each area of the settings, how much of what its type allows a key may do there.
LEVELS = (
    (Level.ACT.value, "All that the type allows"),
    (Level.READ.value, "Only read"),
    (Level.NONE.value, "Nothing"),
)
PRESET_DAYS = (30, 90, 180, 365)
ON_DATE = "date"
NEVER = "never"


def area_field(scope: Scope) -> str:
    """Return the name of the field that says what a key may do in `scope`."""
    return f"access_{scope.value}"


def preset_of(days: int) -> str:
    """Return the value that the preset of so many days has in the form."""
    return f"{days}-days"


class KeyForm(forms.Form):
    """Asks for what every key has. `form_token` names this form, so that sending it again makes no second key.

    `more_days` are lifetimes to offer beside the usual ones; `as_before` is the expiration of the key to be replaced.
    """

    as_before = ""

    description = forms.CharField(
        max_length=DESCRIPTION_LENGTH,
        help_text="Where the key will be used, as in “Okta production”.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
        error_messages={"required": "Write a description, so that this key can be told from others."},
    )
    expiration = forms.ChoiceField(error_messages={"required": "Choose when the key expires."})
    expires_on = forms.DateField(
        required=False,
        error_messages={"invalid": "Write the date as year-month-day, as in 2027-01-31."},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    allowed_networks = forms.CharField(
        required=False,
        help_text="One network a line, as in 203.0.113.0/24. From anywhere else the key gets 403.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
    )
    form_token = forms.UUIDField(initial=uuid.uuid4, widget=forms.HiddenInput)

    def __init__(self, *args: Any, organization: Organization, more_days: Iterable[int] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        now = timezone.now()
        self.today = now.astimezone(organization.zone).date()
        self.longest = organization.longest_expiration(now)
        lifetime = organization.key_lifetime_days
        self.latest = self.longest if organization.key_expiration_required else last_expiration(self.today)
        most = (self.latest - self.today).days
        self.days = sorted(days for days in {*PRESET_DAYS, lifetime, *more_days} if days <= most)
        self._offer_expirations()

    def _offer_expirations(self) -> None:
        organization = self.organization
        names = [*map(preset_of, self.days), ON_DATE]
        if not organization.key_expiration_required:
            names.append(NEVER)
        choice, date = self.fields["expiration"], self.fields["expires_on"]
        choice.choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        if choice.initial is None:
            choice.initial = preset_of(organization.key_lifetime_days)
        choice.error_messages["invalid_choice"] = "Choose one of these expirations."
        if organization.key_expiration_required:
            days = organization.key_lifetime_days
            choice.error_messages["invalid_choice"] = (
                f"Your organization requires an expiration date, {days} day{'' if days == 1 else 's'} from today at "
                "the latest."
            )
        date.help_text = f"Valid until that day begins ({organization.zone_name})"
        date.widget.attrs["max"] = self.latest.isoformat()
        date.widget.attrs["min"] = (self.today + dt.timedelta(days=1)).isoformat()

    def presets(self) -> list[dict[str, Any]]:
        """Return the usual expirations, each with the instant until which the key would be valid."""
        chosen = self["expiration"].value()
        lifetime = self.organization.key_lifetime_days
        return [
            {
                "value": preset_of(days),
                "label": f"{days} day{'' if days == 1 else 's'}",
                "until": expiry_instant(self.today + dt.timedelta(days=days), self.organization),
                "chosen": preset_of(days) == chosen,
                "recommended": days == lifetime,
                "as_before": preset_of(days) == self.as_before,
                "beyond": days > lifetime,
            }
            for days in self.days
        ]

    def networks_open(self) -> bool:
        """Whether the part about networks has something to show from the start."""
        return bool(self["allowed_networks"].value() or self["allowed_networks"].errors)

    def clean_allowed_networks(self) -> list[str]:
        """Return the networks that were typed, one a line; commas part them as well."""
        try:
            return parse_networks(re.split(r"[\s,]+", self.cleaned_data["allowed_networks"]))
        except KeyInvalid as error:
            raise forms.ValidationError(error.detail) from None

    def clean(self) -> dict[str, Any]:
        """Turn the choice into a date, or None for never."""
        data = super().clean() or {}
        choice = data.get("expiration")
        if choice != ON_DATE:
            self.errors.pop("expires_on", None)
        if choice == NEVER:
            data["expires_on"] = None
        elif choice == ON_DATE:
            if not data.get("expires_on") and "expires_on" not in self.errors:
                self.add_error("expires_on", "Choose a date, or one of the other expirations.")
        elif choice:
            data["expires_on"] = self.today + dt.timedelta(days=int(choice.removesuffix("-days")))
        return data

    def make(self, *, by: Actor) -> NewKey | None:
        """Make the key that was asked for; return None, with the reason beside its field, if it can't be."""
        names = ("description", "expires_on", "allowed_networks", "form_token")
        try:
            return self._make(by, {name: self.cleaned_data[name] for name in names})
        except KeyInvalid as error:
            # The field of the date is out of sight while another expiration is chosen.
            hidden = error.field == "expires_on" and self.cleaned_data["expiration"] != ON_DATE
            field = "expiration" if hidden else error.field
            self.add_error(field if field in self.fields else None, error.detail)
            return None

    def _make(self, by: Actor, asked: dict[str, Any]) -> NewKey:
        raise NotImplementedError


class NewKeyForm(KeyForm):
    """Asks for a key. With `like`, what is asked for begins as what that key has."""

    kind = forms.ChoiceField(
        choices=ApiKey.Kind.choices,
        initial=ApiKey.Kind.SCIM,
        error_messages={"invalid_choice": "Choose one of these types."},
    )

    def __init__(self, *args: Any, like: ApiKey | None = None, **kwargs: Any) -> None:
        if like:
            kwargs["initial"] = {
                "kind": like.kind,
                "description": like.description,
                "allowed_networks": "\n".join(like.allowed_networks),
            }
        super().__init__(*args, **kwargs)
        access = like.own_access if like and like.kind != ApiKey.Kind.SCIM else everywhere(Level.ACT)
        for scope in Scope:
            self.fields[area_field(scope)] = forms.ChoiceField(
                label=scope.label,
                choices=LEVELS,
                initial=access.get(scope.value, Level.NONE.value),
                required=False,
                error_messages={"invalid_choice": "Choose one of these levels."},
            )

    def kinds(self) -> list[dict[str, Any]]:
        """Return the types of key to choose from, each with what it is for."""
        chosen = self["kind"].value()
        return [
            {
                "value": kind.value,
                "label": kind.label,
                "text": text,
                "chosen": kind.value == chosen,
                "waits_for_scim": kind == ApiKey.Kind.SCIM and not self.organization.scim_enabled,
            }
            for kind, text in KINDS.items()
        ]

    def areas(self) -> list[forms.BoundField]:
        """Return the fields that say what of the settings the key may use."""
        return [self[area_field(scope)] for scope in Scope]

    def areas_open(self) -> bool:
        """Whether the part about areas has something to show from the start."""
        return any(field.value() not in (None, "", Level.ACT.value) for field in self.areas())

    def _make(self, by: Actor, asked: dict[str, Any]) -> NewKey:
        kind = self.cleaned_data["kind"]
        if kind != ApiKey.Kind.SCIM:
            asked["access"] = {scope.value: self.cleaned_data[area_field(scope)] or Level.ACT.value for scope in Scope}
        return ApiKey.generate(self.organization, kind=kind, by=by, **asked)


class RotationForm(KeyForm):
    """Asks for the key that is to take the place of `old`: of the same type, and to live as long as it was to."""

    delete_when_silent = forms.BooleanField(required=False)

    def __init__(self, *args: Any, old: ApiKey, **kwargs: Any) -> None:
        self.old = old
        days = lifetime_of(old)
        self.as_before = NEVER if days is None else preset_of(days)
        kwargs["initial"] = {
            "description": old.description,
            "allowed_networks": "\n".join(old.allowed_networks),
        }
        super().__init__(*args, organization=old.organization, more_days=[days] if days else [], **kwargs)
        if self.fields["expiration"].valid_value(self.as_before):  # type: ignore[attr-defined]
            self.initial["expiration"] = self.as_before

    def _make(self, by: Actor, asked: dict[str, Any]) -> NewKey:
        return self.old.rotate(by=by, delete_when_silent=self.cleaned_data["delete_when_silent"], **asked)


class DeletionForm(forms.Form):
    """Asks for the description of a key in use, so that nobody deletes one by two quick clicks."""

    description = forms.CharField(
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
        error_messages={"required": "Type the description of the key."},
    )

    def __init__(self, *args: Any, api_key: ApiKey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.api_key = api_key

    def clean_description(self) -> str:
        """Return what was typed if it is the key's description; white space, which nobody sees, doesn't count."""
        typed: str = self.cleaned_data["description"]
        if typed.split() != self.api_key.description.split():
            raise forms.ValidationError(f"That isn’t its description. Type “{self.api_key.description}”.")
        return typed


def lifetime_of(api_key: ApiKey) -> int | None:
    """Return for how many days, at least one, the key was to live when it was made; None if it never expires."""
    if api_key.expires_on is None:
        return None
    return max(1, (api_key.expires_on - api_key.made_on()).days)
