"""Pages of allauth's that look at a code or a link, each counted before it is looked at."""

from typing import Any

from allauth.account import views
from allauth.account.adapter import get_adapter
from allauth.core.ratelimit import respond_429
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from audit.models import Action
from members.account_events import record_attempt
from members.adapter import ENOUGH_MAILS, LATER
from members.pending_codes import hide_code
from members.proofs import note_code, note_link
from members.sign_in_limits import Attempt, links


class RequestLoginCodeView(views.RequestLoginCodeView):
    """Mails a sign-in code."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Send the code, and keep its hash alone."""
        response: HttpResponse = super().form_valid(form)
        hide_code(self.request.session)
        return response


class ProveAddressView(RequestLoginCodeView):
    """Signs somebody out whose password is older than a membership, and mails them a code that opens it."""

    http_method_names = ("post",)
    address = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Sign out whoever is signed in; ask anybody else for their address."""
        if not request.user.is_authenticated or request.method != "POST":
            return redirect("account_request_login_code")
        self.address = request.user.email
        get_adapter().logout(request)
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def get_form_kwargs(self) -> dict[str, Any]:
        """Return what the form takes: the address of whoever was signed in."""
        kwargs: dict[str, Any] = super().get_form_kwargs()
        return kwargs | {"data": {"email": self.address}}


class ConfirmLoginCodeView(views.ConfirmLoginCodeView):
    """Takes a sign-in code, or sends a new one."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Count the code, or the mail that is asked for; refuse too many."""
        attempt = self._attempt()
        if self._action == "resend":
            if not attempt.ask_for_mail():
                return self._refused(ENOUGH_MAILS, "account_confirm_login_code")
            if self.stage.login.user is None:
                get_adapter().pretend_mail(self.stage.state["email"])
        elif not attempt.try_code():
            record_attempt(Action.SIGN_IN_LOCKED, self.stage.state["email"], request)
            return self._refused(LATER, "account_login")
        response: HttpResponseBase = super().post(request, *args, **kwargs)
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        """Take the code, which then doesn't count."""
        if self._action != "resend":
            self._attempt().code_is_right()
            note_code(self.request, self.stage.state["at"])
        response: HttpResponse = super().form_valid(form)
        hide_code(self.request.session)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        """Record a wrong code."""
        record_attempt(Action.SIGN_IN_FAILED, self.stage.state["email"], self.request)
        response: HttpResponse = super().form_invalid(form)
        return response

    def _attempt(self) -> Attempt:
        return Attempt(self.request, self.stage.state["email"])

    def _refused(self, why: str, name: str) -> HttpResponse:
        messages.error(self.request, why)
        return redirect(name)


class PasswordResetFromKeyView(views.PasswordResetFromKeyView):
    """Takes a link that sets a password."""

    def dispatch(self, request: HttpRequest, uidb36: str, key: str, **kwargs: Any) -> HttpResponseBase:
        """Count a link that doesn't work; refuse too many."""
        count = links(request)
        if not count.take():
            refusal: HttpResponse = respond_429(request)
            return refusal
        response: HttpResponseBase = super().dispatch(request, uidb36, key, **kwargs)
        # A link that works leads on to an address without it.
        if response.status_code == 302 or self.reset_user is not None:
            count.give_back()
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password. Whoever has mistyped the old one may try the new one at once."""
        Attempt(self.request, self.reset_user.email).password_is_new()
        note_link(self.request, self.key)
        response: HttpResponse = super().form_valid(form)
        return response
