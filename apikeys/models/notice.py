"""A Notice is that one person is told one thing about one key, once.

Whoever makes something happen to a key writes notices down in the same transaction; `apikeys.delivery` sends them. The
row is the truth: no queue, no cache and no clock knows more than it does.
"""

import datetime as dt
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils import timezone

from lib import request_id
from torii_settings.celery import start_soon

if TYPE_CHECKING:
    from apikeys.models.api_key import ApiKey

# For how long a notice is put off at most between two attempts.
LONGEST_PAUSE = dt.timedelta(hours=4)


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Notices read as adjectives."""

    def waiting(self) -> "NoticeQuerySet":
        """Notices that are neither sent nor given up."""
        return self.filter(sent_at=None, failed_at=None)

    def due(self, now: dt.datetime) -> "NoticeQuerySet":
        """Notices that are to be tried at `now`, those that have waited longest first.

        One that is put off for longer than ever happens was put off by a clock that was ahead, and is due.
        """
        put_off = models.Q(next_attempt_at__gt=now, next_attempt_at__lte=now + LONGEST_PAUSE)
        return self.waiting().exclude(put_off).order_by("next_attempt_at", "id")

    def reminders(self) -> "NoticeQuerySet":
        """Notices that tell of an expiry."""
        return self.filter(kind__in=Notice.REMINDERS)

    def write_down(
        self,
        api_key: "ApiKey",
        kind: "Notice.Kind",
        addresses: Iterable[str],
        *,
        now: dt.datetime,
        occasion: str = "",
        details: dict[str, Any] | None = None,
    ) -> None:
        """Write down that `addresses` are to be told, and have it sent soon after the transaction."""
        from apikeys.tasks import deliver_notices

        self.add(api_key, kind, addresses, now=now, occasion=occasion, details=details)
        transaction.on_commit(partial(start_soon, deliver_notices))

    def add(
        self,
        api_key: "ApiKey",
        kind: "Notice.Kind",
        addresses: Iterable[str],
        *,
        now: dt.datetime,
        occasion: str = "",
        details: dict[str, Any] | None = None,
    ) -> None:
        """Write down that `addresses` are to be told, each once without regard to case, and by which request.

        Whoever is in the table already stays as they are: another worker may write at the same moment.
        """
        self.bulk_create(
            [
                Notice(
                    organization_id=api_key.organization_id,
                    api_key=api_key,
                    kind=kind,
                    occasion=occasion,
                    recipient=address,
                    details=(details or {}) | {"request_id": request_id.current()},
                    created_at=now,
                    next_attempt_at=now,
                )
                for address in distinct(addresses)
            ],
            ignore_conflicts=True,
        )

    def pass_on(self, notice: "Notice", addresses: Iterable[str]) -> None:
        """Write down that `addresses` are to be told in place of the recipient of `notice`, who isn't any more."""
        from apikeys.tasks import deliver_notices

        self.bulk_create(
            [
                Notice(
                    organization_id=notice.organization_id,
                    api_key_id=notice.api_key_id,
                    kind=notice.kind,
                    occasion=notice.occasion,
                    recipient=address,
                    details=notice.details,
                    created_at=notice.created_at,
                    next_attempt_at=notice.next_attempt_at,
                )
                for address in distinct(addresses)
            ],
            ignore_conflicts=True,
        )
        notice.delete()
        transaction.on_commit(partial(start_soon, deliver_notices))


class Notice(models.Model):
    """One mail to one `recipient` about one key: to be sent, sent, or failed for good.

    `occasion` tells apart what may happen to a key more than once (the day, for a new origin), `details` what the mail
    says that the key itself doesn't. `failure` is the mail server's last answer.
    """

    class Kind(models.TextChoices):
        """What is told."""

        MONTH = "month", "A month before"
        WEEK = "week", "7 days before"
        DAY = "day", "1 day before"
        EXPIRY = "expiry", "At expiry"
        GENERATED = "generated", "Key generated"
        DELETED = "deleted", "Key deleted"
        LEAKED = "leaked", "Key found in public and deleted"
        NEW_ORIGIN = "new_origin", "Used from somewhere new"

    REMINDERS = (Kind.MONTH, Kind.WEEK, Kind.DAY, Kind.EXPIRY)

    # Its key's. `notice_once` is an index of it.
    organization = models.ForeignKey(
        "members.Organization", on_delete=models.CASCADE, db_index=False, related_name="notices"
    )
    api_key = models.ForeignKey("apikeys.ApiKey", on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind)
    occasion = models.CharField(max_length=10, blank=True)
    recipient = models.EmailField(max_length=254)
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=300, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "api_key", "kind", "occasion", "recipient"], name="notice_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="notice_waiting",
                condition=models.Q(sent_at=None, failed_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.recipient}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row; its organization is that of its key."""
        self.organization_id = self.api_key.organization_id
        super().save(*args, **kwargs)

    @property
    def is_waiting(self) -> bool:
        """Whether the notice is neither sent nor given up."""
        return self.sent_at is None and self.failed_at is None


def distinct(addresses: Iterable[str]) -> list[str]:
    """Return those that are not empty, the first spelling of each."""
    first: dict[str, str] = {}
    for address in addresses:
        first.setdefault(address.lower(), address)
    first.pop("", None)
    return list(first.values())
