"""An ApiKey is a secret that opens one of the APIs for one organization.

Its text exists once, in the answer that made it. Its expiration never changes: neither `save`, nor an `update`, nor a
trigger in the database lets it.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from dateutil.relativedelta import relativedelta
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from apikeys.errors import ExpirationImmutable, KeyInvalid
from apikeys.secret import KeyText
from audit.actor import USER_AGENT_LENGTH, Actor, ActorKind, Origin
from audit.models import Action, Event
from members.models import Member, Organization

EXPIRES_SOON = relativedelta(months=1)
USE_WRITTEN_EVERY = dt.timedelta(minutes=1)
DESCRIPTION_LENGTH = 120


def expiry_instant(expires_on: dt.date, organization: Organization) -> dt.datetime:
    """Return the instant from which a key is invalid: 00:00 of `expires_on` in the organization's time zone."""
    return dt.datetime.combine(expires_on, dt.time.min, tzinfo=organization.zone)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just generated: the row, and the text that is shown this once."""

    api_key: "ApiKey"
    text: str


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys read as adjectives; call it on `organization.api_keys`."""

    def existing(self) -> "ApiKeyQuerySet":
        """Keys that are not deleted, expired ones included."""
        return self.filter(deleted_at=None)

    def live(self, now: dt.datetime) -> "ApiKeyQuerySet":
        """Keys that work at `now`."""
        return self.existing().exclude(expires_at__lte=now)

    def expired(self, now: dt.datetime) -> "ApiKeyQuerySet":
        """Keys whose expiration has come and that are not deleted."""
        return self.existing().filter(expires_at__lte=now)

    def expiring_before(self, moment: dt.datetime) -> "ApiKeyQuerySet":
        """Keys that are not deleted and expire before `moment`."""
        return self.existing().filter(expires_at__lt=moment)

    def scim(self) -> "ApiKeyQuerySet":
        """Keys of type Torii SCIM."""
        return self.filter(kind=ApiKey.Kind.SCIM)

    def update(self, **kwargs: Any) -> int:
        """Update rows. Raises ExpirationImmutable if an expiration is among the fields."""
        if {"expires_on", "expires_at"} & kwargs.keys():
            raise ExpirationImmutable
        return super().update(**kwargs)


class ApiKey(models.Model):
    """A key of one organization; `existing()` ones are in the list, a deleted one stays as a tombstone for the log.

    `digest` is the HMAC of the text (`apikeys.secret`), NULL once deleted. `form_token` names the form that asked for
    the key, so that sending the form again makes no second one.
    """

    class Kind(models.TextChoices):
        """What a key opens."""

        SCIM = "scim", "Torii SCIM"
        API_READ = "api_read", "Torii API (read-only)"
        API_WRITE = "api_write", "Torii API (read-write)"

    class Status(models.TextChoices):
        """How far a key is in its life."""

        LIVE = "live", "Live"
        EXPIRES_SOON = "expires_soon", "Expires soon"
        EXPIRED = "expired", "Expired"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="api_keys")
    kind = models.CharField("type", max_length=10, choices=Kind)
    key_id = models.CharField("id part", max_length=8, unique=True, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    digest = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001 - many have none
    description = models.CharField(max_length=DESCRIPTION_LENGTH)
    expires_on = models.DateField("expiration date", null=True, blank=True, editable=False)
    expires_at = models.DateTimeField("expires at", null=True, blank=True, editable=False, db_index=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(Member, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    created_by_label = models.CharField("created by", max_length=320, editable=False)
    form_token = models.UUIDField(default=uuid.uuid4, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_used_ip = models.GenericIPAddressField(null=True, editable=False)
    last_used_user_agent = models.CharField(max_length=USER_AGENT_LENGTH, blank=True, editable=False)
    expiry_recorded_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint("organization", "form_token", name="api_key_form_token_unique"),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                name="api_key_expiry_ahead",
                condition=models.Q(deleted_at=None, expiry_recorded_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.description} ({self.hint})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row. Raises ExpirationImmutable if it would change when an existing key expires."""
        update_fields = kwargs.get("update_fields")
        touches_expiry = update_fields is None or {"expires_on", "expires_at"} & set(update_fields)
        if not self._state.adding and touches_expiry:
            stored = ApiKey.objects.values_list("expires_on", "expires_at").get(pk=self.pk)
            if stored != (self.expires_on, self.expires_at):
                raise ExpirationImmutable
        super().save(*args, **kwargs)

    @property
    def prefix(self) -> str:
        """The first word of the text: "scim" or "api"."""
        return "scim" if self.kind == self.Kind.SCIM else "api"

    @property
    def hint(self) -> str:
        """What may be shown of the text, as in `torii_scim_ab12cd34…wxyz`."""
        return f"torii_{self.prefix}_{self.key_id}…{self.last_four}"

    @property
    def may_write(self) -> bool:
        """Whether the key may change things through its API."""
        return self.kind != self.Kind.API_READ

    def is_live(self, now: dt.datetime) -> bool:
        """Whether the key works at `now`."""
        return self.deleted_at is None and not self.is_expired(now)

    def is_expired(self, now: dt.datetime) -> bool:
        """Whether the key's expiration has come at `now`."""
        return self.expires_at is not None and self.expires_at <= now

    def status(self, now: dt.datetime) -> Status:
        """Return how far the key is in its life at `now`; it expires soon from a calendar month before."""
        if self.is_expired(now):
            return self.Status.EXPIRED
        if self.expires_at is not None and now >= self.local_expiry() - EXPIRES_SOON:
            return self.Status.EXPIRES_SOON
        return self.Status.LIVE

    def local_expiry(self) -> dt.datetime:
        """Return the expiry instant in the organization's time zone; only for keys that expire."""
        if self.expires_at is None:
            raise ValueError("This key never expires.")
        return self.expires_at.astimezone(self.organization.zone)

    def used_within(self, span: dt.timedelta, now: dt.datetime) -> bool:
        """Whether the key was last used less than `span` before `now`."""
        return self.last_used_at is not None and now - self.last_used_at < span

    # Verbs ------------------------------------------------------------------------------------------------------------

    @classmethod
    def generate(
        cls,
        organization: Organization,
        *,
        kind: str,
        description: str,
        expires_on: dt.date | None,
        by: Actor,
        form_token: uuid.UUID | None = None,
    ) -> NewKey:
        """Generate a key of `organization` and return it with its text, which exists nowhere else.

        Raises KeyInvalid for an unknown kind, an empty or over-long description, or an expiration date that is not in
        the future (in the organization's time zone).
        """
        description = description.strip()
        now = timezone.now()
        if kind not in cls.Kind.values:
            raise KeyInvalid("kind", "Choose what the key opens.")
        if not description:
            raise KeyInvalid("description", "Say where the key will be used, as in “Okta production”.")
        if len(description) > DESCRIPTION_LENGTH:
            raise KeyInvalid("description", f"Use at most {DESCRIPTION_LENGTH} characters.")
        if expires_on is not None and expiry_instant(expires_on, organization) <= now:
            raise KeyInvalid("expires_on", "The expiration date must be in the future.")
        text = KeyText.generate("scim" if kind == cls.Kind.SCIM else "api")
        with transaction.atomic():
            api_key = cls.objects.create(
                organization=organization,
                kind=kind,
                key_id=text.key_id,
                last_four=text.last_four,
                digest=text.digest(settings.API_KEY_PEPPERS[0]),
                description=description,
                expires_on=expires_on,
                expires_at=expires_on and expiry_instant(expires_on, organization),
                created_at=now,
                created_by_id=by.id if by.kind == ActorKind.MEMBER else None,
                created_by_label=by.label,
                form_token=form_token or uuid.uuid4(),
            )
            Event.record(
                Action.API_KEY_GENERATED,
                organization,
                by=by,
                target=api_key,
                changes={"type": api_key.get_kind_display(), "expires_on": expires_on and expires_on.isoformat()},
            )
        return NewKey(api_key, text.text)

    def delete_key(self, *, by: Actor) -> None:
        """Delete the key: it is refused from the next request on, for good. Deleting it again changes nothing."""
        with transaction.atomic():
            self.refresh_from_db(from_queryset=ApiKey.objects.select_for_update(of=("self",)))
            if self.deleted_at is not None:
                return
            self.deleted_at, self.digest = timezone.now(), None
            self.save(update_fields=["deleted_at", "digest"])
            Event.record(Action.API_KEY_DELETED, self.organization, by=by, target=self)

    def record_use(self, origin: Origin, now: dt.datetime) -> None:
        """Remember when and from where the key was used, at most once a minute."""
        if self.used_within(USE_WRITTEN_EVERY, now):
            return
        ApiKey.objects.filter(pk=self.pk).update(
            last_used_at=now, last_used_ip=origin.ip, last_used_user_agent=origin.user_agent
        )

    def record_expiry(self, *, by: Actor, now: dt.datetime) -> None:
        """Put the expiry of the key in the audit log, once."""
        with transaction.atomic():
            self.refresh_from_db(from_queryset=ApiKey.objects.select_for_update(of=("self",)))
            if self.expiry_recorded_at is not None or self.deleted_at is not None or not self.is_expired(now):
                return
            self.expiry_recorded_at = now
            self.save(update_fields=["expiry_recorded_at"])
            Event.record(Action.API_KEY_EXPIRED, self.organization, by=by, target=self)


class Reminder(models.Model):
    """That a person is told, once, that a key is about to expire: the row is the truth, not the task that sends it."""

    class Step(models.TextChoices):
        """When a reminder goes out."""

        MONTH = "month", "A month before"
        WEEK = "week", "7 days before"
        DAY = "day", "1 day before"
        EXPIRY = "expiry", "At expiry"

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="reminders")
    step = models.CharField(max_length=10, choices=Step)
    recipient = models.EmailField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint("api_key", "step", "recipient", name="reminder_once")]
        indexes = [models.Index(fields=["id"], name="reminder_unsent", condition=models.Q(sent_at=None))]

    def __str__(self) -> str:
        return f"{self.get_step_display()} to {self.recipient}"
