"""Sign-in forms: in our own words, and a member who never signed in before gets their User when they first ask for a
code or a password.
"""

from typing import Any

from allauth.account import app_settings, forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.core import context as current
from django import forms

from lib.durations import lasting
from members.models import User
from members.pending_codes import is_code
from members.sign_in_limits import Attempt

REQUIRED = {
    "login": "Write your e-mail address.",
    "email": "Write your e-mail address.",
    "password": "Write your password.",
    "code": "Write the code from the e-mail.",
    "oldpassword": "Write your current password.",
    "password1": "Write a new password.",
    "password2": "Write the new password once more.",
}
INVALID = {"invalid": "Write an e-mail address, as in ana@example.com."}
DIFFERENT = "The two passwords differ. Write the same one twice."


class OwnWords(forms.Form):
    """Says what is wrong in this project's words; put it before a form of allauth's. The adapter has the other half."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.error_messages |= {"required": REQUIRED.get(name, "Fill this in.")}
            if isinstance(field, forms.EmailField):
                field.error_messages |= INVALID

    def clean(self) -> dict[str, Any] | None:
        """Check that a password written twice is the same one."""
        cleaned = super().clean()
        if self.has_error("password2") and self["password2"].data:
            self.errors["password2"] = self.error_class([DIFFERENT])
        return cleaned


class AsksForMail:
    """Counts the mails to an address, makes the User of an active member before allauth looks for it, and has allauth
    mail nobody without a place.
    """

    def clean_email(self) -> str:
        """Return the address that was asked for; whether anybody has it is not told.

        Raises ValidationError for too many mails, also to an address that nobody has.
        """
        if not Attempt(current.request, self.cleaned_data["email"]).ask_for_mail():  # type: ignore[attr-defined]
            raise get_adapter().validation_error("too_many_mails")
        user = User.objects.ensure_for_sign_in(self.cleaned_data["email"])  # type: ignore[attr-defined]
        email: str = super().clean_email()  # type: ignore[misc]
        if user is None:
            self.find_nobody()
        return email

    def find_nobody(self) -> None:
        """Go on as if nobody had the address."""
        raise NotImplementedError


class LoginForm(OwnWords, allauth_forms.LoginForm):
    """Signs in with a password."""


class RequestLoginCodeForm(OwnWords, AsksForMail, allauth_forms.RequestLoginCodeForm):
    """Asks for a sign-in code by e-mail."""

    def find_nobody(self) -> None:
        """Send no code."""
        self._user = None


class ConfirmLoginCodeForm(OwnWords, allauth_forms.ConfirmLoginCodeForm):
    """Takes the code, of which the session has a hash, and says what one looks like."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = self.fields["code"]
        code.help_text = (
            "Eight letters, as in BCDF-GHJK; capital or small doesn’t matter. The code works for "
            f"{lasting(app_settings.LOGIN_BY_CODE_TIMEOUT)} and {app_settings.LOGIN_BY_CODE_MAX_ATTEMPTS} attempts."
        )
        code.widget.attrs |= {"autocapitalize": "characters", "spellcheck": "false"}

    def clean_code(self) -> str:
        """Return the code. Raises ValidationError for a wrong one."""
        code: str = self.cleaned_data["code"]
        if not is_code(code, self.expected_code):
            raise get_adapter().validation_error("incorrect_code")
        return code


class ReauthenticateForm(OwnWords, allauth_forms.ReauthenticateForm):
    """Asks for the password again."""


class ChangePasswordForm(OwnWords, allauth_forms.ChangePasswordForm):
    """Changes a password."""


class SetPasswordForm(OwnWords, allauth_forms.SetPasswordForm):
    """Sets a first password."""


class ResetPasswordForm(OwnWords, AsksForMail, allauth_forms.ResetPasswordForm):
    """Asks for a link that sets a password."""

    def find_nobody(self) -> None:
        """Send no link."""
        self.users: list[User] = []


class ResetPasswordKeyForm(OwnWords, allauth_forms.ResetPasswordKeyForm):
    """Sets the password to which a link has led."""
