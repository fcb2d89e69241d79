"""A mail that waits to be sent.

Whoever wants to tell somebody something writes a mail down, in the transaction that is the reason for it. No request
talks to the mail server. A mail holds codes and links that open an account, so its row goes as soon as it is sent or
is of no use any more, and no page shows it.
"""

import datetime as dt
from collections.abc import Iterable
from functools import partial
from typing import Self
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import models, transaction
from django.utils import timezone

from lib import request_id
from lib.plain_text import on_one_line
from torii_settings.celery import start_soon

# How long a mail waits at most between two attempts, and how long it is worth sending if nothing else is said.
LONGEST_PAUSE = dt.timedelta(minutes=10)
LIFETIME = dt.timedelta(days=3)


class OutgoingMailQuerySet(models.QuerySet["OutgoingMail"]):
    """Mails that wait."""

    def due(self, now: dt.datetime) -> Self:
        """Mails to be tried at `now`, those that have waited longest first.

        No pause is longer than LONGEST_PAUSE: a longer one was set by a clock that was ahead.
        """
        put_off = models.Q(next_attempt_at__gt=now, next_attempt_at__lte=now + LONGEST_PAUSE)
        return self.exclude(put_off).order_by("next_attempt_at")

    def write_down(
        self, messages: Iterable[EmailMessage], *, lifetime: dt.timedelta = LIFETIME
    ) -> "list[OutgoingMail]":
        """Write down each message once for each recipient, to be sent as soon as the transaction is committed.

        A message that can't be sent within `lifetime` is dropped. Return what is written down.
        """
        from outbox.tasks import deliver_mails

        now = timezone.now()
        mails = [
            OutgoingMail.of(message, recipient, created_at=now, not_after=now + lifetime)
            for message in messages
            for recipient in message.recipients()
        ]
        self.bulk_create(mails)
        if mails:
            transaction.on_commit(partial(start_soon, deliver_mails))
        return mails

    def pretend(self, messages: Iterable[EmailMessage]) -> None:
        """Do what `write_down` does, and leave nothing: it takes as long, and nobody gets a mail."""
        with transaction.atomic(savepoint=False):
            mails = self.write_down(messages)
            self.filter(pk__in=[mail.pk for mail in mails]).delete()


class OutgoingMail(models.Model):
    """One mail to one recipient. Nobody but the delivery reads it."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    sender = models.CharField(max_length=320)
    recipient = models.CharField(max_length=320)
    subject = models.TextField()
    text = models.TextField()
    html = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    not_after = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["next_attempt_at"], name="outgoing_mail_waiting")]

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def of(
        cls, message: EmailMessage, recipient: str, *, created_at: dt.datetime, not_after: dt.datetime
    ) -> "OutgoingMail":
        """Return the mail that takes `message` to `recipient`, not yet saved. Raises ValueError for an attachment."""
        if message.attachments:
            raise ValueError("A mail that waits in the outbox has no attachments.")
        caused_by = {request_id.HEADER: request_id.known()} if request_id.known() else {}
        html = [content for content, mimetype in getattr(message, "alternatives", []) if mimetype == "text/html"]
        return cls(
            sender=message.from_email,
            recipient=one_line(recipient),
            # A subject may hold names that people chose.
            subject=one_line(str(message.subject)),
            text=str(message.body),
            html=html[0] if html else "",
            headers=caused_by | {name: one_line(str(value)) for name, value in message.extra_headers.items()},
            created_at=created_at,
            next_attempt_at=created_at,
            not_after=not_after,
        )

    def message(self) -> EmailMessage:
        """Return the mail as it is sent.

        Its Message-ID (RFC 5322 §3.6.4) is the same at each attempt, so that mail programs show one mail if a crash has
        us send it twice.
        """
        headers = {
            "Message-ID": f"<{self.pk}@{urlsplit(settings.BASE_URL).hostname}>",
            # RFC 3834 §5: nobody's out-of-office answers this.
            "Auto-Submitted": "auto-generated",
        }
        message = EmailMultiAlternatives(
            self.subject, self.text, self.sender, [self.recipient], headers=headers | self.headers
        )
        if self.html:
            message.attach_alternative(self.html, "text/html")
        return message


def one_line(text: str) -> str:
    return on_one_line(text)
