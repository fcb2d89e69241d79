"""From where a key is used: networks, and families of user agents, each remembered when first met.

A key that is suddenly used from elsewhere may have been stolen, so the first call from a network or a user agent that
the key has not met before marks it and is told to the Admins. What it meets in its very first call is simply its home.
"""

import datetime as dt
import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils import timezone

from apikeys.models.notice import Notice
from audit.actor import Origin
from audit.models import Action, Event
from lib.rerun import repeatable

if TYPE_CHECKING:
    from apikeys.models.api_key import ApiKey

Fact = tuple[str, str]

IPV4_NETWORK, IPV6_NETWORK = 24, 48
FAMILY_LENGTH = 60
FAMILY = re.compile(r"(.*?)(?:/|\s+v?\d|\s*\(|$)", re.IGNORECASE | re.DOTALL)

# What is known stays known, so each process may remember it; it spares a query on every request.
MET: set[tuple[str, Fact]] = set()
MET_MAX = 100_000

# Whoever calls himself otherwise every time must not fill the table and the audit log.
ORIGINS_MAX = 200


def network_of(ip: str) -> str:
    """Return the /24 (IPv4) or /48 (IPv6) that the address `ip` is in, as in `203.0.113.0/24`."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ip_network(f"{address}/{IPV4_NETWORK if address.version == 4 else IPV6_NETWORK}", strict=False))


def family_of(user_agent: str) -> str:
    """Return what a user agent calls itself, without version and comments (RFC 9110 §10.1.5)."""
    match = FAMILY.match(user_agent.strip())
    return (match[1].strip()[:FAMILY_LENGTH] if match else "") or "no user agent"


class KnownOriginQuerySet(models.QuerySet["KnownOrigin"]):
    """Remembers from where keys are used."""

    def meet(self, api_key: "ApiKey", origin: Origin, now: dt.datetime, *, refused: bool = False) -> None:
        """Remember that `api_key` was used from `origin`; if that is somewhere new, mark the key and tell the Admins.

        `refused` says that the key is not allowed there. The Admins get at most one mail a day about a key.
        """
        facts = facts_of(origin)
        # Running this again does no harm: an origin that is known already is not added twice.
        with repeatable(), transaction.atomic():
            # Two first calls at once come one after the other, so that one of them is the first.
            type(api_key).objects.select_for_update(of=("self",)).get(pk=api_key.pk)
            met_before = self.filter(api_key=api_key).values_list("kind", "value", "refused")
            known = {(kind, value): was_refused for kind, value, was_refused in met_before}
            at_home = {kind for (kind, _), was_refused in known.items() if not was_refused}
            met = [
                KnownOrigin(
                    organization_id=api_key.organization_id,
                    api_key=api_key,
                    kind=kind,
                    value=value,
                    first_seen_at=now,
                    is_new=refused or kind in at_home,
                    refused=refused,
                )
                for kind, value in facts
                if (kind, value) not in known and len(known) < ORIGINS_MAX
            ]
            self.bulk_create(met)
            if new := [fact.value for fact in met if fact.is_new]:
                self._mark(api_key, origin, new, now)
        if len(MET) > MET_MAX:
            MET.clear()
        MET.update((api_key.key_id, fact) for fact in facts)

    def _mark(self, api_key: "ApiKey", origin: Origin, new: list[str], now: dt.datetime) -> None:
        by = api_key.actor(origin)
        type(api_key).objects.filter(pk=api_key.pk).update(new_origin_at=now)
        Event.record(Action.API_KEY_NEW_ORIGIN, api_key.organization, by=by, target=api_key, changes={"origins": new})
        day = api_key.organization.local(now).date().isoformat()
        api_key.tell_admins(Notice.Kind.NEW_ORIGIN, by=by, now=now, occasion=day)


class KnownOrigin(models.Model):
    """A network or a family of user agents from which a key was used.

    `is_new` until an Admin has accepted it, for all but the first; `refused` if the key was not allowed there.
    """

    class Kind(models.TextChoices):
        """What of a request's origin is remembered."""

        NETWORK = "network", "Network"
        AGENT = "agent", "User agent"

    # Its key's. `known_origin_once` is an index of it.
    organization = models.ForeignKey(
        "members.Organization", on_delete=models.CASCADE, db_index=False, related_name="key_origins"
    )
    api_key = models.ForeignKey("apikeys.ApiKey", on_delete=models.CASCADE, related_name="origins")
    kind = models.CharField(max_length=10, choices=Kind)
    value = models.CharField(max_length=FAMILY_LENGTH)
    first_seen_at = models.DateTimeField(default=timezone.now)
    is_new = models.BooleanField(default=False)
    refused = models.BooleanField(default=False)

    objects = KnownOriginQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "api_key", "kind", "value"], name="known_origin_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row; its organization is that of its key."""
        self.organization_id = self.api_key.organization_id
        super().save(*args, **kwargs)


def is_met(api_key: "ApiKey", origin: Origin) -> bool:
    """Whether this process knows already that `api_key` has met `origin`."""
    return all((api_key.key_id, fact) in MET for fact in facts_of(origin))


@lru_cache(maxsize=4096)
def facts_of(origin: Origin) -> tuple[Fact, ...]:
    """Return what of `origin` is remembered, as pairs of kind and value."""
    agent = (KnownOrigin.Kind.AGENT.value, family_of(origin.user_agent))
    return (agent,) if origin.ip is None else (agent, (KnownOrigin.Kind.NETWORK.value, network_of(origin.ip)))
