"""Django's door to the outbox: whatever calls `send_mail` writes the mail down and talks to no mail server."""

from collections.abc import Sequence
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from outbox.models import OutgoingMail


class EmailBackend(BaseEmailBackend):
    """The backend that the product, allauth and Django itself send through (EMAIL_BACKEND)."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        OutgoingMail.objects.write_down(email_messages)
        return len(email_messages)

    def __init__(self, fail_silently: bool = False, **kwargs: Any) -> None:
        super().__init__(fail_silently=fail_silently)
