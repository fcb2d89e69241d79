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

from outbox.models import LIFETIME, OutgoingMail

# A code or link that no longer works isn't worth sending.
LIFETIMES = {
    "account/email/login_code": dt.timedelta(seconds=app_settings.LOGIN_BY_CODE_TIMEOUT),
    "account/email/password_reset_key": dt.timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
}


class AccountAdapter(DefaultAccountAdapter):
    """Closes public sign-up: people come from the identity provider or are added by an admin."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write the mail down: whoever waits for the answer must not wait for the mail server."""
        message = self.render_mail(template_prefix, email, {"request": current.request, "email": email} | context)
        OutgoingMail.objects.write_down([message], lifetime=LIFETIMES.get(template_prefix, LIFETIME))

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link of a mail. Its host is ours, whatever Host the request named."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return settings.BASE_URL + path.replace("UID-KEY", quote(key))
