"""How django-allauth signs people in here: nobody signs up by themselves, and mails go through the outbox."""

import datetime as dt
from typing import Any
from urllib.parse import quote

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from audit.actor import Origin
from audit.models import Action
from lib.addresses import absolute, is_ours
from lib.durations import lasting
from members.account_events import record_attempt, record_by_person, record_in_history
from members.account_mail import facts_of, tell_new_device
from members.devices import Device
from members.models import User
from members.proofs import noted
from members.recent_proof import is_recent
from members.sessions import memberships, proven_at
from members.sign_in_limits import Attempt
from outbox.models import LIFETIME, OutgoingMail

# allauth's name for the mail to an address that nobody has.
UNKNOWN_ADDRESS = "account/email/unknown_account"

# A code or link that no longer works isn't worth sending.
LIFETIMES = {
    "account/email/login_code": dt.timedelta(seconds=app_settings.LOGIN_BY_CODE_TIMEOUT),
    "account/email/password_reset_key": dt.timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
}


LATER = "Too many attempts. Wait a few minutes, then try again."
BY_CODE = "Too many attempts. Wait a few minutes, or have a new code e-mailed."
ENOUGH_MAILS = "Too many e-mails to this address were asked for. Use the latest one, or try again later."
LINK_IS_DEAD = "This link no longer works: it was used before, or it is too old. Ask for a new one."


class AccountAdapter(DefaultAccountAdapter):
    """Closes public sign-up: people come from the identity provider or are added by an admin."""

    # allauth asks here for what it says of a wrong entry. Messages about what this product doesn't have stay as they
    # are: user names, phone numbers, addresses that change.
    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": "This address can’t sign in. An Admin of your organization can say why.",
        "email_password_mismatch": "The e-mail address or the password is wrong.",
        "enter_current_password": "Write your current password.",
        "incorrect_code": "This is not the code of the last e-mail. Look at it again, or have a new one sent.",
        "incorrect_password": "The password is wrong.",
        "invalid_login": "The e-mail address or the password is wrong.",
        "invalid_or_expired_key": LINK_IS_DEAD,
        "invalid_password_reset": LINK_IS_DEAD,
        "rate_limited": LATER,
        "same_as_current": "The new password is the present one. Choose another.",
        "too_many_login_attempts": BY_CODE,
        "too_many_mails": ENOUGH_MAILS,
        "unknown_email": "No organization has an active member with this address.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def is_safe_url(self, url: str) -> bool:
        """Whether somebody may be sent on to `url`. The Host that the request named says nothing about that."""
        return is_ours(url)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client's address, by which allauth counts what it limits itself."""
        return Origin.of(request).ip or "unknown"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the password, before it is looked at. Raises ValidationError for too many."""
        address = credentials.get("email", "")
        if not Attempt(request, address).try_password():
            record_attempt(Action.SIGN_IN_LOCKED, address, request)
            raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Return whose address and password these are, if they are anybody's."""
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        if user:
            Attempt(request, credentials.get("email", "")).password_is_right()
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Record a wrong password."""
        record_attempt(Action.SIGN_IN_FAILED, credentials.get("email", ""), request)

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Begin the session; tell the person if it is on a new device. Their very first device is no news."""
        assert isinstance(user, User)  # noqa: S101 - the user model
        is_first = user.last_login is None
        super().login(request, user)
        record_by_person(Action.SIGNED_IN, memberships(user, request.session).usable, request)
        record_in_history(Action.SIGNED_IN, user, by=user.pk, request=request)
        if not is_first and not Device.of(request).knows(user.email):
            tell_new_device(user, request)

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """Set the password; it proves what the link or the session proves with which it is set."""
        assert isinstance(user, User)  # noqa: S101 - the user model
        request = current.request
        user.proven_at = noted(request) or proven_at(request.session)
        super().set_password(user, password)

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        """Return where to go on, and have the browser remember that the account has signed in on it."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        Device.of(request).remember(user.get_username(), response)
        return response

    def get_reauthentication_methods(self, user: AbstractBaseUser | AnonymousUser) -> list[dict[str, Any]]:
        """Return how somebody can prove again who they are: who has a second factor, by that alone."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [method for method in methods if method["id"] == "mfa_reauthenticate"] or methods

    def is_reauthentication_required(self, **kwargs: Any) -> bool:
        """Whether a page of allauth's has to ask for a proof again."""
        return not is_recent(current.request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write the mail down: whoever waits for the answer must not wait for the mail server.

        For an address that nobody has, do the same work for nothing: how long an answer takes tells nobody which
        addresses are known.
        """
        if template_prefix == UNKNOWN_ADDRESS:
            self.pretend_mail(email)
            return
        lifetime = LIFETIMES.get(template_prefix, LIFETIME)
        OutgoingMail.objects.write_down([self.written(template_prefix, email, context)], lifetime=lifetime)

    def pretend_mail(self, email: str) -> None:
        """Do the work of a mail with a code."""
        code = {"code": self.generate_login_code()}
        OutgoingMail.objects.pretend([self.written("account/email/login_code", email, code)])

    def written(self, template_prefix: str, email: str, context: dict[str, Any]) -> EmailMessage:
        """Return the mail, with what all of them say."""
        lifetime = LIFETIMES.get(template_prefix, LIFETIME)
        told = {
            "request": current.request,
            "email": email,
            "works_for": lasting(int(lifetime.total_seconds())),
            "facts": facts_of(current.request, "Asked for on"),
        }
        message: EmailMessage = self.render_mail(template_prefix, email, told | context)
        return message

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link of a mail."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return absolute(path.replace("UID-KEY", quote(key)))
