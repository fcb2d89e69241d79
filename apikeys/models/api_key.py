"""An ApiKey is a secret that opens one of the APIs for one organization.

Its text exists once, in the answer that made it. When it expires and from where it may be used never change: neither
`save`, nor an `update`, nor a trigger in the database lets them.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dateutil.relativedelta import relativedelta
from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from apikeys import peppers
from apikeys.allowed_networks import contains, parse_networks
from apikeys.errors import ExpirationImmutable, KeyInvalid, KeyNotLive, KeyRotated
from apikeys.models.expiration import check_expiration, expiry_instant, meets_policy, zone_of
from apikeys.models.handover import Handover, Lineage
from apikeys.models.notice import Notice
from apikeys.models.power import KeyPower, most_of
from apikeys.secret import KeyText
from apikeys.seen_keys import SEEN
from audit.actor import USER_AGENT_LENGTH, Actor, ActorKind, Origin, Power, name_shown
from audit.models import Action, Event
from lib.plain_text import unfit_character
from lib.rerun import repeatable
from members.models import Member, Organization
from members.models.organization import zone_named
from members.models.power import DIRECTORY, check
from members.models.scope import Access, Level, Scope, covers, in_words, lesser, rank

EXPIRES_SOON = relativedelta(months=1)
USE_WRITTEN_EVERY = dt.timedelta(minutes=1)
DESCRIPTION_LENGTH = 120
# How many origins an event names.
ORIGINS_NAMED = 100
IMMUTABLE = ("expires_on", "expires_at", "time_zone", "allowed_networks", "access")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just generated: the row, and the text that is shown this once, and never in a `repr`."""

    api_key: "ApiKey"
    text: str = field(repr=False)


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

    def with_text(self, text: KeyText) -> "ApiKeyQuerySet":
        """The key that `text` spells, unless it is deleted; under whichever pepper it is stored."""
        return self.filter(digest__in=text.digests(settings.API_KEY_PEPPERS))

    def lacking_their_pepper(self) -> "ApiKeyQuerySet":
        """Keys that are known to be under a pepper which isn't listed any more, so that they don't work."""
        listed = [peppers.fingerprint(pepper) for pepper in settings.API_KEY_PEPPERS]
        return self.exclude(pepper=None).exclude(pepper__in=listed)

    def to_go_by_themselves(self) -> "ApiKeyQuerySet":
        """Keys that are to be deleted by themselves once another key has taken over."""
        return self.existing().filter(delete_when_silent=True)

    def update(self, **kwargs: Any) -> int:
        """Update rows. Raises ExpirationImmutable if what never changes is among the fields."""
        if kwargs.keys() & IMMUTABLE:
            raise ExpirationImmutable
        return super().update(**kwargs)


class ApiKey(models.Model):
    """A key of one organization; `existing()` ones are in the list, a deleted one stays as a tombstone for the log.

    `expires_on` is the date that was asked for, in `time_zone`: the organization's zone at that time, NULL if
    unknown. The organization may have changed its zone since, so pages and e-mails show `expiry_day`. `digest` is
    the HMAC of the text (`apikeys.secret`), NULL once deleted. `pepper` is the fingerprint of the pepper behind the
    digest, NULL for keys made before it was recorded. `form_token` names the form that asked for the key, so that
    sending the form again makes no second key. `maker_id` is the id of the member who made the key, NULL if none
    did; it stays when they are removed, which `created_by` doesn't. `allowed_networks` lists the networks that may
    use the key, in CIDR notation; an empty list allows all. `access` is the level in each scope that a key for the
    REST API was given, NULL if that is what its type gives. `new_origin_at` marks a key that was used from
    somewhere new, until an Admin confirms that. `reminder_owed_at` marks a key whose expiry is in the log before
    anybody got the e-mail about it.
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
    pepper = models.CharField(max_length=16, null=True, editable=False)  # noqa: DJ001 - unknown is not empty
    description = models.CharField(max_length=DESCRIPTION_LENGTH)
    expires_on = models.DateField("expiration date", null=True, blank=True, editable=False)
    expires_at = models.DateTimeField("expires at", null=True, blank=True, editable=False, db_index=True)
    time_zone = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001 - unknown is not empty
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(Member, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    maker_id = models.UUIDField(null=True, editable=False)
    created_by_label = models.CharField("created by", max_length=320, editable=False)
    form_token = models.UUIDField(default=uuid.uuid4, editable=False)
    allowed_networks = models.JSONField(default=list, editable=False)
    access = models.JSONField(null=True, editable=False)
    replaces = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, editable=False, related_name="successors"
    )
    delete_when_silent = models.BooleanField(default=False, editable=False)
    first_used_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_used_ip = models.GenericIPAddressField(null=True, editable=False)
    last_used_user_agent = models.CharField(max_length=USER_AGENT_LENGTH, blank=True, editable=False)
    new_origin_at = models.DateTimeField(null=True, editable=False)
    expiry_recorded_at = models.DateTimeField(null=True, editable=False)
    reminder_owed_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint("organization", "form_token", name="api_key_form_token_unique"),
            models.UniqueConstraint(
                fields=["organization", "replaces"],
                name="api_key_one_successor",
                condition=models.Q(deleted_at=None),
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                name="api_key_expiry_ahead",
                condition=models.Q(deleted_at=None, expiry_recorded_at=None),
            ),
            models.Index(
                fields=["maker_id"],
                name="api_key_maker",
                condition=models.Q(deleted_at=None, maker_id__isnull=False),
            ),
            models.Index(
                fields=["id"], name="api_key_reminder_owed", condition=models.Q(reminder_owed_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.description} ({self.hint})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row. Raises ExpirationImmutable if it would change when, where or for what an existing key works."""
        update_fields = kwargs.get("update_fields")
        touched = update_fields is None or set(IMMUTABLE) & set(update_fields)
        if not self._state.adding and touched:
            stored = ApiKey.objects.values_list(*IMMUTABLE).get(pk=self.pk)
            if stored != tuple(getattr(self, name) for name in IMMUTABLE):
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
    def created_by_name(self) -> str:
        """Who generated the key, as it is shown."""
        return name_shown(self.created_by_label) if self.created_by_id is None else self.created_by_label

    @property
    def may_write(self) -> bool:
        """Whether the key may change things through its API."""
        return self.kind != self.Kind.API_READ

    @property
    def own_access(self) -> Access:
        """What the key was given, whatever its maker may do now; only for keys that open the REST API."""
        return most_of(self.kind) if self.access is None else self.access

    @property
    def lost_its_maker(self) -> bool:
        """Whether a member made the key who may make none any more."""
        if self.maker_id is None:
            return False
        return self.created_by is None or not self.created_by.can(Scope.API_ACCESS, Level.ACT)

    @property
    def is_restricted(self) -> bool:
        """Whether the key was given less than its type can give."""
        return self.kind != self.Kind.SCIM and not covers(self.own_access, most_of(self.kind))

    @property
    def access_in_words(self) -> str:
        """A sentence that says what the key was given."""
        return in_words(self.own_access)

    def actor(self, origin: Origin | None = None) -> Actor:
        """Return whoever holds this key as the actor of a verb: a directory, or a script that its maker limits."""
        power: Power = DIRECTORY if self.kind == self.Kind.SCIM else KeyPower(self.pk)
        return Actor(ActorKind.API_KEY, str(self.pk), self.hint, origin or Origin(), power, maker_id=self.created_by_id)

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

    def waits_for_scim(self, now: dt.datetime) -> bool:
        """Whether the key is live at `now` but gets 403, because its organization has SCIM turned off."""
        return self.kind == self.Kind.SCIM and self.is_live(now) and not self.organization.scim_enabled

    def local_expiry(self) -> dt.datetime:
        """Return the expiry instant in the organization's time zone; only for keys that expire."""
        if self.expires_at is None:
            raise ValueError("This key never expires.")
        return self.organization.local(self.expires_at)

    @property
    def expiry_day(self) -> dt.date | None:
        """The day on which the key expires, by the organization's clock of now; None if it never does.

        This is the one source: 401s, REST, mails, pages and the staff admin all name this day.
        """
        return None if self.expires_at is None else self.local_expiry().date()

    @property
    def zone_when_made(self) -> dt.tzinfo:
        """The time zone that the organization had when the key was made, as far as that is known."""
        if self.time_zone and (zone := zone_named(self.time_zone)):
            return zone
        if self.expires_on is None or self.expires_at is None:
            return self.organization.zone
        if expiry_instant(self.expires_on, self.organization) == self.expires_at:
            return self.organization.zone
        return zone_of(self.expires_on, self.expires_at)

    def made_on(self) -> dt.date:
        """Return the day on which the key was made, by the clock of that time."""
        return self.created_at.astimezone(self.zone_when_made).date()

    def meets_policy(self) -> bool:
        """Whether the key expires as its organization requires of new ones."""
        longest = self.organization.longest_expiration(self.created_at, self.zone_when_made)
        return meets_policy(self.expires_on, self.organization, longest)

    def used_within(self, span: dt.timedelta, now: dt.datetime) -> bool:
        """Whether the key was last used less than `span` before `now`."""
        return self.last_used_at is not None and now - self.last_used_at < span

    def is_allowed_from(self, ip: str | None) -> bool:
        """Whether the key may be used from the address `ip`; from one that isn't known only if it may from all."""
        return not self.allowed_networks or contains(self.allowed_networks, ip)

    def handover(self, now: dt.datetime) -> Handover | None:
        """Return how the replacement of the key stands at `now`; None if nothing replaces it."""
        return Lineage.of(self.organization).handover(self, now)

    # Verbs ------------------------------------------------------------------------------------------------------------

    @classmethod
    @sensitive_variables()
    def generate(
        cls,
        organization: Organization,
        *,
        kind: str,
        description: str,
        expires_on: dt.date | None,
        by: Actor,
        form_token: uuid.UUID | None = None,
        allowed_networks: Iterable[str] = (),
        access: Access | None = None,
        replaces: "ApiKey | None" = None,
    ) -> NewKey:
        """Generate a key of `organization`, tell its Admins, and return it with its text, which exists nowhere else.

        A key for the REST API is given `access`, or all that its type gives; never more than `by` has.
        Raises KeyInvalid for an unknown kind, an empty or over-long description, a network that is none, no
        access, or an expiration date that is not in the future (in the organization's time zone) or against its
        policy; BeyondPower for whoever may not act in API Access.
        """
        description = description.strip()
        now = timezone.now()
        if kind not in cls.Kind.values:
            raise KeyInvalid("kind", "Choose what the key opens.")
        if not description:
            raise KeyInvalid("description", "Say where the key will be used, as in “Okta production”.")
        if character := unfit_character(description):
            raise KeyInvalid("description", f"Leave {character} out: it can't be seen, or breaks a line.")
        if len(description) > DESCRIPTION_LENGTH:
            raise KeyInvalid("description", f"Use at most {DESCRIPTION_LENGTH} characters.")
        check_expiration(expires_on, organization, now)
        if access is not None and not any(rank(access, scope) for scope in Scope):
            raise KeyInvalid("access", "Give the key access to at least one area.")
        networks = parse_networks(allowed_networks)
        text, pepper = KeyText.generate("scim" if kind == cls.Kind.SCIM else "api"), peppers.in_use()
        made_by = by.id if by.kind == ActorKind.MEMBER else None
        with transaction.atomic():
            held = check(by, Scope.API_ACCESS)
            most = most_of(kind) if held is None else lesser(held, most_of(kind))
            api_key = cls.objects.create(
                organization=organization,
                kind=kind,
                key_id=text.key_id,
                last_four=text.last_four,
                digest=text.digest(pepper),
                pepper=peppers.fingerprint(pepper),
                description=description,
                expires_on=expires_on,
                expires_at=expires_on and expiry_instant(expires_on, organization),
                time_zone=organization.zone_name,
                created_at=now,
                created_by_id=made_by,
                maker_id=made_by,
                created_by_label=by.label,
                form_token=form_token or uuid.uuid4(),
                allowed_networks=networks,
                access=None if kind == cls.Kind.SCIM else lesser(most, access or most),
                replaces=replaces,
            )
            changes: dict[str, Any] = {
                "type": api_key.get_kind_display(),
                "expires_on": expires_on and expires_on.isoformat(),
            }
            if api_key.is_restricted:
                changes["access"] = api_key.access
            if networks:
                changes["allowed_networks"] = networks
            if replaces:
                changes["replaces"] = replaces.hint
            Event.record(Action.API_KEY_GENERATED, organization, by=by, target=api_key, changes=changes)
            api_key.tell_admins(Notice.Kind.GENERATED, by=by, now=now)
        SEEN.share(text)
        return NewKey(api_key, text.text)

    @sensitive_variables()
    def rotate(
        self,
        *,
        description: str,
        expires_on: dt.date | None,
        by: Actor,
        form_token: uuid.UUID | None = None,
        allowed_networks: Iterable[str] = (),
        delete_when_silent: bool = False,
    ) -> NewKey:
        """Generate the key that is to take this one's place; this one goes on working until it is deleted.

        With `delete_when_silent` it is deleted by itself once the new one is in use and it has been silent for a day.
        Raises KeyNotLive, KeyRotated if another key replaces it already, or what `generate` raises.
        """
        with transaction.atomic():
            self._lock()
            now = timezone.now()
            if not self.is_live(now):
                raise KeyNotLive
            if self.handover(now):
                raise KeyRotated
            new = ApiKey.generate(
                self.organization,
                kind=self.kind,
                description=description,
                expires_on=expires_on,
                by=by,
                form_token=form_token,
                allowed_networks=allowed_networks,
                access=self.access,
                replaces=self,
            )
            self.delete_when_silent = delete_when_silent
            self.save(update_fields=["delete_when_silent"])
        return new

    def delete_key(self, *, by: Actor, kind: Notice.Kind = Notice.Kind.DELETED, reason: str = "") -> bool:
        """Delete the key: it is refused from the next request on, for good; all Admins are told, by a notice of `kind`.

        Return whether it was there to be deleted; deleting it again changes nothing. Raises BeyondPower.
        """
        with transaction.atomic():
            self._lock()
            check(by, Scope.API_ACCESS)
            return self._delete(by=by, kind=kind, reason=reason)

    def delete_if_replaced(self, *, by: Actor, now: dt.datetime) -> bool:
        """Delete the key if that was asked for and another has taken over; return whether it was deleted."""
        with transaction.atomic():
            self._lock()
            handover = self.handover(now)
            if handover is None or not handover.goes_now:
                return False
            # Somebody may be deleting the new key at this moment; then this one stays.
            handover.new._lock()
            if not handover.new.is_live(now):
                return False
            return self._delete(by=by, kind=Notice.Kind.DELETED, reason=f"replaced by {handover.new.hint}")

    def end_with_maker(self, maker: str, *, by: Actor) -> None:
        """Delete the key because `by` has just taken from its maker the right to make any; what `by` may is checked."""
        with transaction.atomic():
            self._lock()
            self._delete(by=by, kind=Notice.Kind.DELETED, reason=f"{maker}, who made it, is no longer an Admin")

    def _delete(self, *, by: Actor, kind: Notice.Kind, reason: str) -> bool:
        if self.deleted_at is not None:
            return False
        self.deleted_at, self.digest = timezone.now(), None
        self.save(update_fields=["deleted_at", "digest"])
        changes = {"reason": reason} if reason else {}
        Event.record(Action.API_KEY_DELETED, self.organization, by=by, target=self, changes=changes)
        self.tell_admins(kind, by=by, now=self.deleted_at, reason=reason)
        return True

    def _lock(self) -> None:
        self.refresh_from_db(from_queryset=ApiKey.objects.select_for_update(of=("self",)))

    def tell_admins(
        self, kind: Notice.Kind, *, by: Actor, now: dt.datetime, occasion: str = "", **details: Any
    ) -> None:
        """Write down that every active Admin is to be told what `by` did; call it inside the deed's transaction."""
        admins = self.organization.members.active().admins().values_list("user_name", flat=True)
        details |= {"by": by.label, "ip": by.origin.ip, "user_agent": by.origin.user_agent}
        Notice.objects.write_down(self, kind, admins, now=now, occasion=occasion, details=details)

    def use_is_to_be_written(self, now: dt.datetime) -> bool:
        """Whether a use at `now` is to be remembered: at most one a minute is."""
        return not self.used_within(USE_WRITTEN_EVERY, now)

    def record_use(self, origin: Origin, now: dt.datetime) -> None:
        """Remember when and from where the key was used, at most once a minute."""
        if not self.use_is_to_be_written(now):
            return
        with repeatable():
            ApiKey.objects.filter(pk=self.pk).update(
                first_used_at=Coalesce("first_used_at", now),
                last_used_at=now,
                last_used_ip=origin.ip,
                last_used_user_agent=origin.user_agent,
            )

    def settle_pepper(self, text: KeyText) -> None:
        """Note which pepper this key, spelled `text`, is stored under; move it to the newest if that is asked for."""
        if settings.API_KEY_PEPPER_MOVE:
            pepper = peppers.in_use()
        else:
            pepper = next(pepper for pepper in settings.API_KEY_PEPPERS if text.digest(pepper) == self.digest)
        # If the key is deleted at the same moment, its digest is gone and must not come back.
        same = ApiKey.objects.filter(pk=self.pk, digest=self.digest)
        with repeatable():
            same.update(digest=text.digest(pepper), pepper=peppers.fingerprint(pepper))

    def accept_origins(self, *, by: Actor) -> None:
        """Take the mark of a new origin away: an Admin knows about it. Raises BeyondPower."""
        with transaction.atomic():
            self._lock()
            check(by, Scope.API_ACCESS)
            if self.new_origin_at is None:
                return
            self.new_origin_at = None
            self.save(update_fields=["new_origin_at"])
            accepted = [origin.name for origin in self.origins.filter(is_new=True)]
            self.origins.filter(is_new=True).update(is_new=False)
            more = [f"and {len(accepted) - ORIGINS_NAMED} more"] if len(accepted) > ORIGINS_NAMED else []
            changes = {"origins": accepted[:ORIGINS_NAMED] + more}
            Event.record(Action.API_KEY_ORIGIN_ACCEPTED, self.organization, by=by, target=self, changes=changes)

    def record_expiry(self, *, by: Actor, now: dt.datetime, owed: bool = False) -> None:
        """Put the expiry of the key in the audit log, once, and note whether somebody is still to be told of it."""
        with transaction.atomic():
            self._lock()
            if self.deleted_at is not None or not self.is_expired(now):
                return
            if self.expiry_recorded_at is None:
                self.expiry_recorded_at = now
                # The event is made when the clock notices, which may be weeks after the expiry.
                changes = {"expired_at": self.expires_at and self.expires_at.isoformat()}
                Event.record(Action.API_KEY_EXPIRED, self.organization, by=by, target=self, changes=changes)
            self.reminder_owed_at = now if owed else None
            self.save(update_fields=["expiry_recorded_at", "reminder_owed_at"])
