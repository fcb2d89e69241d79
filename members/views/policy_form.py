"""The form of an organization's policy for API keys."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from audit.actor import Actor
from members.models import Organization
from members.models.organization import KEY_POLICY

RECOMMENDED, REQUIRED = "recommended", "required"
EXPIRATIONS = {
    RECOMMENDED: ("Recommended", "New keys may live longer, or never expire. The form suggests the lifetime below."),
    REQUIRED: ("Required", "Every new key expires, after the lifetime below at the latest."),
}
DAYS_MAX = 3650
DAYS_WRONG = f"Write a number of days, from 1 to {DAYS_MAX}."


class KeyPolicyForm(forms.Form):
    """Asks for the policy; begins as what it is."""

    expiration = forms.ChoiceField(
        choices=[(value, label) for value, (label, _) in EXPIRATIONS.items()],
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose one of the two."),
    )
    key_lifetime_days = forms.IntegerField(
        min_value=1,
        max_value=DAYS_MAX,
        help_text=f"From 1 to {DAYS_MAX}. Keys that exist keep the date that they have.",
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), DAYS_WRONG),
    )
    keys_end_with_maker = forms.BooleanField(required=False)
    reminds_week_before = forms.BooleanField(required=False)
    reminds_day_before = forms.BooleanField(required=False)
    reminds_at_expiry = forms.BooleanField(required=False)
    reminder_contact = forms.EmailField(
        required=False,
        max_length=254,
        help_text="Gets the reminders too, as in it-team@example.com. It need not belong to a member.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"invalid": "Write an e-mail address, as in it-team@example.com."},
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        policy = {name: getattr(organization, name) for name in KEY_POLICY}
        expiration = REQUIRED if organization.key_expiration_required else RECOMMENDED
        kwargs["initial"] = policy | {"expiration": expiration}
        super().__init__(*args, **kwargs)
        self.organization = organization

    def expirations(self) -> list[dict[str, Any]]:
        """Return the two ways to treat an expiration date, each with what it means."""
        chosen = self["expiration"].value()
        return [
            {"value": value, "label": label, "text": text, "chosen": value == chosen}
            for value, (label, text) in EXPIRATIONS.items()
        ]

    def save(self, *, by: Actor) -> bool:
        """Save the policy; return False, with the reason beside its field, if it can't be."""
        policy: dict[str, Any] = {name: self.cleaned_data[name] for name in KEY_POLICY if name in self.fields}
        policy["key_expiration_required"] = self.cleaned_data["expiration"] == REQUIRED
        try:
            self.organization.set_key_policy(by=by, **policy)
        except ValidationError as error:
            for field, errors in error.error_dict.items():
                self.add_error(field if field in self.fields else None, errors)
            return False
        return True
