"""Pages of allauth's about the second factor: each asks for a recent proof, and records what was done.

The change and its event are one transaction. Recovery codes are shown once, as keys are.
"""

from typing import Any, cast

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from lib.compression import never_compressed
from members import second_factor
from members.models import User
from members.recent_proof import AsksAgain
from members.staff_sessions import NEXT


class SetUpView(LoginRequiredMixin, AsksAgain, totp.ActivateTOTPView):
    """Shows an app's secret and takes the app's first code."""

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        """Set the app up; its first code is proof."""
        response: HttpResponse = super().form_valid(form)
        second_factor.note_set_up(cast(User, self.request.user), self.request, form.cleaned_data["code"])
        return response


class RemovalView(LoginRequiredMixin, AsksAgain, totp.DeactivateTOTPView):
    """Removes the second factor."""

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        """Remove app and recovery codes."""
        response: HttpResponse = super().form_valid(form)
        second_factor.note_removal(cast(User, self.request.user), self.request)
        return response


class NewRecoveryCodesView(LoginRequiredMixin, AsksAgain, recovery_codes.GenerateRecoveryCodesView):
    """Replaces the recovery codes."""

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        """Make new codes."""
        response: HttpResponse = super().form_valid(form)
        second_factor.note_new_recovery_codes(cast(User, self.request.user), self.request)
        return response


class RecoveryCodesView(LoginRequiredMixin, AsksAgain, recovery_codes.ViewRecoveryCodesView):
    """Shows recovery codes that were just made; later only how many are left."""

    @transaction.atomic
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the codes, uncompressed as any secret. Of two requests at once, one has them."""
        codes = Authenticator.objects.filter(user=request.user, type=second_factor.RECOVERY_CODES)
        list(codes.select_for_update())
        response: TemplateResponse = super().get(request, *args, **kwargs)
        return never_compressed(response)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add where to go on."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        if context["can_view_codes"]:
            context["go_on"] = self.request.session.pop(NEXT, reverse("mfa_index"))
            context["text"] = "\n".join(context["unused_codes"])
            whose = cast(User, self.request.user).email
            context["download"] = f"Recovery codes of {whose} at {settings.BASE_URL}\n\n{context['text']}\n"
        return context
