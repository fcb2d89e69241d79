"""Sign-in forms: a member who never signed in before gets their User when they first ask for a code or a password."""

from allauth.account import forms as allauth_forms

from members.models import User


class EnsureUserMixin:
    """Makes the User of an active member before allauth looks for it."""

    def clean_email(self) -> str:
        """Return the address that was asked for; whether anybody has it is not told."""
        User.objects.ensure_for_member(self.cleaned_data["email"])  # type: ignore[attr-defined]
        return super().clean_email()  # type: ignore[misc,no-any-return]


class RequestLoginCodeForm(EnsureUserMixin, allauth_forms.RequestLoginCodeForm):
    """Asks for a sign-in code by e-mail."""


class ResetPasswordForm(EnsureUserMixin, allauth_forms.ResetPasswordForm):
    """Asks for a link that sets a password."""
