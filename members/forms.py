"""Sign-in forms: in our own words, and a member who never signed in before gets their User when they first ask for a
code or a password.
"""

from typing import Any

from allauth.account import app_settings, forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.core import context as current
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.totp import forms as totp_forms
from django import forms

from audit.models import Action
from lib.durations import lasting
from members.account_events import record_wrong_code
from members.models import User
from members.pending_codes import is_code
from members.second_factor import RECOVERY_CODES, note_proof, note_recovery_code, take_code
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
APP_CODE_REQUIRED = {"required": "Write the code from the app."}
DIGITS = {"inputmode": "numeric", "spellcheck": "false"}
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


class TakesSecondFactor(forms.Form):
    """Takes a code of the app or a recovery code, once; counts it before it is looked at."""

    user: User

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = self.fields["code"]
        code.help_text = "Six digits from the app, or one of your recovery codes."
        code.error_messages |= APP_CODE_REQUIRED
        code.widget.attrs |= DIGITS

    def clean_code(self) -> str:
        """Return the code. Raises ValidationError for a wrong one and for too many."""
        request, attempt = current.request, Attempt(current.request, self.user.email)
        if not attempt.try_factor():
            record_wrong_code(Action.SECOND_FACTOR_LOCKED, self.user, request)
            raise get_adapter().validation_error("rate_limited")
        code: str = self.cleaned_data["code"]
        taken = take_code(self.user, code)
        if taken is None:
            record_wrong_code(Action.SECOND_FACTOR_FAILED, self.user, request)
            raise get_mfa_adapter().validation_error("incorrect_code")
        attempt.factor_is_right()
        self.authenticator = taken
        return code

    def save(self) -> None:
        """Remember the proof in the session."""
        super().save()  # type: ignore[misc]
        note_proof(current.request, self.user)
        if self.authenticator.type == RECOVERY_CODES:
            note_recovery_code(self.user, current.request, self.authenticator)


class SecondFactorForm(OwnWords, TakesSecondFactor, mfa_forms.AuthenticateForm):
    """Takes the second factor at sign-in."""


class SecondFactorAgainForm(OwnWords, TakesSecondFactor, mfa_forms.ReauthenticateForm):
    """Takes the second factor of somebody who is signed in."""


class SetUpSecondFactorForm(OwnWords, totp_forms.ActivateTOTPForm):
    """Takes the app's first code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code = self.fields["code"]
        code.help_text = "Six digits, which the app shows under “Torii”."
        code.error_messages |= APP_CODE_REQUIRED
        code.widget.attrs |= DIGITS
