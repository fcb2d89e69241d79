"""How django-allauth signs people in here: nobody signs up by themselves, and mails go through the outbox."""

import datetime as dt
from typing import Any
from urllib.parse import quote

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from audit.actor import Origin
from lib.durations import lasting
from members.templatetags.moments import day_text
from outbox.models import LIFETIME, OutgoingMail

# A code or link that no longer works isn't worth sending.
LIFETIMES = {
    "account/email/login_code": dt.timedelta(seconds=app_settings.LOGIN_BY_CODE_TIMEOUT),
    "account/email/password_reset_key": dt.timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
}


LATER = "Too many attempts. Wait a few minutes, then try again."
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
        "too_many_login_attempts": LATER,
        "unknown_email": "No organization has an active member with this address.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write the mail down: whoever waits for the answer must not wait for the mail server."""
        lifetime = LIFETIMES.get(template_prefix, LIFETIME)
        told = {
            "request": current.request,
            "email": email,
            "works_for": lasting(int(lifetime.total_seconds())),
            "facts": facts_of(current.request),
        }
        message = self.render_mail(template_prefix, email, told | context)
        OutgoingMail.objects.write_down([message], lifetime=lifetime)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link of a mail. Its host is ours, whatever Host the request named."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return settings.BASE_URL + path.replace("UID-KEY", quote(key))


def facts_of(request: HttpRequest) -> list[dict[str, str]]:
    """Return when and from where a mail was asked for, as a mail shows facts."""
    now = timezone.now().astimezone(dt.UTC)
    return [
        {"label": "Asked for on", "value": f"{day_text(now)}, {now:%H:%M} (UTC)"},
        {"label": "From the address", "value": Origin.of(request).ip or "unknown"},
    ]
