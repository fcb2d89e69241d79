"""An Organization is a customer: its members, roles, groups, keys and log, and nobody else's.

Everything starts from it: `request.organization.members.get(…)`, never `Member.objects.get(…)`.
"""

import datetime as dt
import zoneinfo
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator, validate_email
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone

from audit.actor import name_shown
from audit.models import Action, Actor, Event
from lib.addresses import absolute
from lib.plain_text import quoted
from members.errors import LastAdmin, UserNameInvalid
from members.ids import organization_id
from members.models.power import check
from members.models.scope import Scope
from members.names import clean_names
from torii_settings.statement import Parameter, Select

if TYPE_CHECKING:
    from members.models.member import Member

KEY_LIFETIME_DAYS = 365
KEY_POLICY = (
    "key_expiration_required",
    "key_lifetime_days",
    "keys_end_with_maker",
    "reminds_week_before",
    "reminds_day_before",
    "reminds_at_expiry",
    "reminder_contact",
)

valid_domain = RegexValidator(
    r"^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$",
    "Write the domain alone, in lower case, as in example.com.",
)


@cache
def time_zones() -> list[str]:
    """Return the names in the IANA time zone database, sorted; the first time, 600 files are opened for it."""
    return sorted(zoneinfo.available_timezones())


def zone_named(name: str) -> dt.tzinfo | None:
    """Return the time zone called `name`, None if this host knows none."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def valid_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is in the IANA time zone database."""
    if name not in time_zones():
        raise ValidationError(f'"{name[:64]}" is no time zone: use a name such as Europe/Berlin.')


def folded(name: str) -> str:
    """Return `name` without what two spellings of one name may differ in: case, and how many spaces."""
    return " ".join(name.split()).casefold()


def check_address(user_name: str) -> None:
    """Raise UserNameInvalid unless `user_name` is an e-mail address."""
    # Django's pattern ignores case, so it takes the few letters whose other case is ASCII, as the sign of Kelvin; and
    # control characters between quotation marks.
    is_plain = user_name.isascii() and user_name.isprintable()
    try:
        validate_email(user_name if is_plain else "")
    except ValidationError:
        raise UserNameInvalid(
            f'userName "{quoted(user_name)}" is not an e-mail address; it must be one, as in ana@example.com.'
        ) from None
    if len(user_name) > 254:
        raise UserNameInvalid("userName is longer than 254 characters.")


def domain_of(user_name: str) -> str:
    """Return the domain of an e-mail address, in lower case."""
    return user_name.rpartition("@")[2].lower()


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Makes organizations whole: with their domains and predefined roles."""

    def with_name(self, name: str) -> list["Organization"]:
        """Return the organizations that people would call by this name: case and spaces make no difference."""
        return [found for found in self.order_by("id") if folded(found.name) == folded(name)]

    def create_organization(self, name: str, *, domains: list[str], by: Actor, **fields: Any) -> "Organization":
        """Create an organization with its approved `domains` and predefined roles.

        Raises ValidationError for a malformed name or domain, or when `domains` is empty.
        """
        from members.models.role import Role

        if not domains:
            raise ValidationError("An organization needs at least one approved domain.")
        with transaction.atomic():
            organization = self.model(name=name, **fields)
            organization.full_clean()
            organization.save()
            organization._approve(domains)
            Role.objects.predefine(organization)
            Event.record(Action.ORGANIZATION_CREATED, organization, by=by, target=organization)
        return organization


class Organization(models.Model):
    """A customer. `public_id` is the Organization ID, which an admin types into Okta; it never changes."""

    public_id = models.CharField("Organization ID", max_length=20, unique=True, default=organization_id, editable=False)
    name = models.CharField(max_length=100)
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[valid_time_zone],
        help_text="IANA name, as in Europe/Berlin. Keys expire at midnight here.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleting_since = models.DateTimeField(null=True, blank=True, editable=False)
    scim_enabled_at = models.DateTimeField("SCIM on since", null=True, blank=True, editable=False)
    scim_enabled_by = models.CharField(max_length=320, blank=True, editable=False)
    scim_lists_active_only = models.BooleanField(
        "SCIM lists active members only",
        default=False,
        help_text="Off, lists include deactivated members, as Microsoft Entra asks for.",
    )

    directory_assigns_admin = models.BooleanField(
        "identity provider may assign Admin",
        default=True,
        db_default=True,
        help_text="Off, a SCIM request that would make somebody an Admin gets 400. On, all Admins are told of each.",
    )

    key_expiration_required = models.BooleanField("API keys must expire", default=False)
    key_lifetime_days = models.PositiveSmallIntegerField(
        "longest lifetime of an API key, in days",
        default=KEY_LIFETIME_DAYS,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="Required of every new key if API keys must expire, else recommended.",
    )
    keys_end_with_maker = models.BooleanField(
        "API keys end with their maker",
        default=False,
        db_default=False,
        help_text="On, the keys that somebody made are deleted when they are no longer an Admin, SCIM keys too.",
    )
    reminds_week_before = models.BooleanField("remind 7 days before a key expires", default=True)
    reminds_day_before = models.BooleanField("remind 1 day before a key expires", default=True)
    reminds_at_expiry = models.BooleanField("tell when a key has expired", default=True)
    reminder_contact = models.EmailField(
        "contact address",
        max_length=254,
        blank=True,
        help_text="Gets the reminders too, as in it-team@example.com.",
    )

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what no name may have."""
        clean_names(self, "name", "reminder_contact")

    @property
    def scim_enabled(self) -> bool:
        """Whether SCIM is on."""
        return self.scim_enabled_at is not None

    @property
    def scim_enabled_by_name(self) -> str:
        """Who turned SCIM on, as it is shown."""
        return name_shown(self.scim_enabled_by)

    @property
    def scim_base_url(self) -> str:
        """The URL that an admin pastes into the identity provider."""
        return absolute("/scim/v2")

    def settings_url(self, page: str = "") -> str:
        """Return the URL of a page of this organization's settings, as in `members`: what mails link to."""
        return absolute(f"/settings/{self.public_id}/{page}")

    @property
    def zone(self) -> dt.tzinfo:
        """The organization's time zone; UTC on a host that doesn't know it."""
        return zone_named(self.time_zone) or dt.UTC

    @property
    def zone_name(self) -> str:
        """The name of `zone`, which people are told beside a time."""
        return self.time_zone if self.zone_is_known else "UTC"

    @property
    def zone_is_known(self) -> bool:
        """Whether this host knows the organization's time zone: its tz database may be older than the zone."""
        return zone_named(self.time_zone) is not None

    def local(self, moment: dt.datetime) -> dt.datetime:
        """Return `moment` as people are shown it: by the organization's clock.

        It is the last moment that Python knows for a later one.
        """
        zone = self.zone
        try:
            return moment.astimezone(zone)
        except OverflowError:
            return dt.datetime.max.replace(tzinfo=zone)

    def longest_expiration(self, now: dt.datetime, zone: dt.tzinfo | None = None) -> dt.date:
        """Return the latest expiration date that the policy has for a key made at `now`.

        `zone` is the time zone in which the key was made, if that isn't the organization's any more.
        """
        return now.astimezone(zone or self.zone).date() + dt.timedelta(days=self.key_lifetime_days)

    def domain_names(self) -> list[str]:
        """Return the approved domains, sorted."""
        return sorted(domain for (domain,) in DOMAINS.tuples(organization=self.pk))

    def check_user_name(self, user_name: str) -> None:
        """Raise UserNameInvalid unless `user_name` is an e-mail address in one of the approved domains."""
        check_address(user_name)
        domain = domain_of(user_name)
        approved = self.domain_names()
        if domain not in approved:
            raise UserNameInvalid(
                f'userName "{quoted(user_name)}" is at {quoted(domain)}, which this organization has not approved. '
                f"Approved: {', '.join(approved)}."
            )

    def edit(self, *, domains: list[str], by: Actor, **changes: Any) -> None:
        """Change the organization's own fields, and make `domains` the approved ones.

        Members whose domain is no longer approved stay; a change of nothing writes nothing. Raises ValidationError for
        a malformed value, or when `domains` is empty; BeyondPower for whoever may not act in Security.
        """
        if not domains:
            raise ValidationError("An organization needs at least one approved domain.")
        with transaction.atomic():
            self._lock(by)
            changed = self._set(changes)
            before, after = self.domain_names(), sorted({domain.strip().lower() for domain in domains})
            if after != before:
                self.approved_domains.exclude(domain__in=after).delete()
                self._approve([domain for domain in after if domain not in before])
                changed["domains"] = [before, after]
            if changed:
                Event.record(Action.ORGANIZATION_UPDATED, self, by=by, target=self, changes=changed)

    def set_key_policy(self, *, by: Actor, **changes: Any) -> None:
        """Change some of `KEY_POLICY`: what new keys must be like, and what is told of those that expire.

        Keys that exist stay as they are; a change of nothing writes nothing. Raises ValidationError for a malformed
        value, BeyondPower for whoever may not act in Security.
        """
        if unknown := changes.keys() - set(KEY_POLICY):
            raise TypeError(f"These are no part of the key policy: {sorted(unknown)}")
        with transaction.atomic():
            self._lock(by)
            changed = self._set(changes)
            if changed:
                Event.record(Action.ORGANIZATION_UPDATED, self, by=by, target=self, changes=changed)

    def let_directory_assign_admin(self, allowed: bool, *, by: Actor) -> None:
        """Let the identity provider make Admins, or not any more; those whom it has made stay. Raises BeyondPower."""
        with transaction.atomic():
            self._lock(by)
            changed = self._set({"directory_assigns_admin": allowed})
            if changed:
                Event.record(Action.ORGANIZATION_UPDATED, self, by=by, target=self, changes=changed)

    def _lock(self, by: Actor) -> None:
        """Lock and re-read the row. Raises BeyondPower unless `by` may act in Security."""
        self.refresh_from_db(from_queryset=Organization.objects.select_for_update())
        check(by, Scope.SECURITY)

    def _set(self, values: dict[str, Any]) -> dict[str, Any]:
        """Set and save fields of the locked row; return what changed as `[before, after]`. Raises ValidationError."""
        changed = {
            field: [getattr(self, field), value] for field, value in values.items() if getattr(self, field) != value
        }
        for field, value in values.items():
            setattr(self, field, value)
        self.full_clean()
        self.save(update_fields=values)
        return changed

    def _approve(self, domains: list[str]) -> None:
        for domain in dict.fromkeys(text.strip().lower() for text in domains):
            approved = ApprovedDomain(organization=self, domain=domain)
            approved.full_clean()
            approved.save()

    def enable_scim(self, *, by: Actor) -> None:
        """Turn SCIM on; turning on what is on changes nothing. Raises BeyondPower."""
        with transaction.atomic():
            self._lock(by)
            if self.scim_enabled:
                return
            self.scim_enabled_at, self.scim_enabled_by = timezone.now(), by.label
            self.save(update_fields=["scim_enabled_at", "scim_enabled_by"])
            Event.record(Action.SCIM_ENABLED, self, by=by, target=self)

    def disable_scim(self, *, by: Actor) -> None:
        """Turn SCIM off: keys get 403 from the next request on, and nothing is lost. Raises BeyondPower."""
        with transaction.atomic():
            self._lock(by)
            if not self.scim_enabled:
                return
            self.scim_enabled_at, self.scim_enabled_by = None, ""
            self.save(update_fields=["scim_enabled_at", "scim_enabled_by"])
            Event.record(Action.SCIM_DISABLED, self, by=by, target=self)

    def lock_admins(self) -> None:
        """Lock the row, so that two Admins who demote each other at the same moment come one after the other.

        The second then sees what the first has done, to the number of Admins and to the second's own power.
        """
        Organization.objects.select_for_update(no_key=True).get(pk=self.pk)

    def require_admin(self, *, besides: "Member | None" = None) -> None:
        """Raise LastAdmin unless there is an active Admin, `besides` this one who is about to be no more."""
        self.lock_admins()
        admins = self.members.active().admins()
        if not (admins.exclude(pk=besides.pk) if besides else admins).exists():
            raise LastAdmin


class ApprovedDomain(models.Model):
    """A domain at which an organization's members may have their addresses."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="approved_domains")
    domain = models.CharField(max_length=253, validators=[valid_domain])

    class Meta:
        constraints = [models.UniqueConstraint("organization", Lower("domain"), name="approved_domain_unique")]

    def __str__(self) -> str:
        return self.domain


DOMAINS = Select(
    lambda: ApprovedDomain.objects.filter(organization=Parameter("organization", Organization._meta.pk)).values_list(
        "domain"
    )
)
