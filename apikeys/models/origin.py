"""From where a key is used: networks, and families of user agents, each remembered when first met.

A key that is suddenly used from elsewhere may have been stolen, so the first call from a network or a user agent that
the key has not met before marks it and is told to the Admins. What it meets in its very first call is simply its home.

No new network goes unrecorded, however many there are and whatever else a caller invents: when a key has met many,
further ones are summed up in the wider networks that they are part of (docs/decisions/0071-origins-are-summed-up.md).
"""

import datetime as dt
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from apikeys.models.notice import Notice
from audit.actor import Origin
from audit.models import Action, Event
from lib.rerun import repeatable

if TYPE_CHECKING:
    from apikeys.models.api_key import ApiKey

Fact = tuple[str, str]

IPV4_NETWORK, IPV6_NETWORK = 24, 48
# By the version of IP, the networks that sum up others; of the widest there are 256 at most.
WIDER = {4: (16, 8), 6: (32, 8)}
FAMILY_LENGTH = 60
FAMILY = re.compile(r"(.*?)(?:/|\s+v?\d|\s*\(|$)", re.IGNORECASE | re.DOTALL)

# What is known stays known, so each process may remember it; it spares a query on every request.
MET: set[tuple[str, Fact]] = set()
MET_MAX = 100_000

# How many are kept by themselves, of those that are refused and of those that aren't; then come the networks around.
NETWORKS_MAX = 100
AGENTS_MAX = 50
# Stands for all other user agents; no family is called so.
OTHER_AGENTS = ""
LATEST = 10
# A caller may invent a user agent for each call. Once they are summed up, each process writes that down this often.
AGENTS_WRITTEN_EVERY = 60.0


def network_around(ip: str) -> str:
    """Return the /24 (IPv4) or /48 (IPv6) that the address `ip` is in, as in `203.0.113.0/24`."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ip_network((int(address), IPV4_NETWORK if address.version == 4 else IPV6_NETWORK), strict=False))


def family_of(user_agent: str) -> str:
    """Return what a user agent calls itself, without version and comments (RFC 9110 §10.1.5)."""
    match = FAMILY.match(user_agent.strip())
    return (match[1].strip()[:FAMILY_LENGTH] if match else "") or "no user agent"


class KnownOriginQuerySet(models.QuerySet["KnownOrigin"]):
    """Remembers from where keys are used."""

    def latest_first(self) -> "KnownOriginQuerySet":
        """Order by when an origin, or the latest of a sum, was met."""
        return self.order_by(Coalesce("last_seen_at", "first_seen_at").desc(), "-id")

    def meet(self, api_key: "ApiKey", origin: Origin, now: dt.datetime, *, refused: bool = False) -> None:
        """Remember that `api_key` was used from `origin`; if that is somewhere new, mark the key and tell the Admins.

        `refused` says that the key is not allowed there. The Admins get at most one mail a day about a key.
        """
        facts = facts_to_write(api_key, origin, refused=refused)
        if not facts:
            return
        # Running this again does no harm: an origin that is known already is not added twice.
        with repeatable(), transaction.atomic():
            # Two first calls at once come one after the other, so that one of them is the first.
            type(api_key).objects.select_for_update(of=("self",)).get(pk=api_key.pk)
            known = Known(api_key, self.filter(api_key=api_key), now, refused=refused)
            new = [value for kind, value in facts if known.meet(kind, value)]
            known.write()
            if new:
                self._mark(api_key, origin, new, now)
        if len(MET) > MET_MAX:
            MET.clear()
            PUT_OFF.clear()
        MET.update((api_key.key_id, fact) for fact in [*facts, *known.agents()])
        if has_agent(facts) and known.is_full_of_agents:
            PUT_OFF[api_key.key_id, refused] = PutOff(time.monotonic() + AGENTS_WRITTEN_EVERY)

    def _mark(self, api_key: "ApiKey", origin: Origin, new: list[str], now: dt.datetime) -> None:
        by = api_key.actor(origin)
        type(api_key).objects.filter(pk=api_key.pk).update(new_origin_at=now)
        Event.record(Action.API_KEY_NEW_ORIGIN, api_key.organization, by=by, target=api_key, changes={"origins": new})
        day = api_key.organization.local(now).date().isoformat()
        api_key.tell_admins(Notice.Kind.NEW_ORIGIN, by=by, now=now, occasion=day)


class KnownOrigin(models.Model):
    """A network or a family of user agents from which a key was used, or a sum of `others` of them.

    `is_new` until an Admin has accepted it, for all but the first; `refused` if the key was not allowed there. A sum
    has the `latest` of what it stands for, and when that was met. How many `others` are is an estimate: what several
    processes have met is counted more than once when it isn't among the latest any more.
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
    others = models.IntegerField(default=0, db_default=0)
    latest = models.JSONField(default=list, db_default=[])
    last_seen_at = models.DateTimeField(null=True)

    objects = KnownOriginQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "api_key", "kind", "value"], name="known_origin_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row; its organization is that of its key."""
        self.organization_id = self.api_key.organization_id
        super().save(*args, **kwargs)

    @property
    def name(self) -> str:
        """What readers know it by."""
        return self.value or "other user agents"

    @property
    def summary(self) -> str:
        """What a sum stands for, as in "12 networks, the latest 203.0.113.0/24"; empty for what is no sum."""
        if not self.others:
            return ""
        things = "network" if self.kind == self.Kind.NETWORK else "user agent"
        number = f"about {self.others:,} {things}s" if self.others > 1 else f"1 {things}"
        return f"{number}, the latest {', '.join(self.latest)}"

    def sum_up(self, value: str, number: int, now: dt.datetime) -> bool:
        """Add `number` more to the sum, `value` as the latest; return whether Admins get a notice of it.

        They do, unless one of them has yet to accept what came earlier on the same day.
        """
        told = self.is_new and self.last_seen_at is not None and self._day(self.last_seen_at) == self._day(now)
        self.others += number
        self.latest = [value, *self.latest][:LATEST]
        self.last_seen_at, self.is_new = now, True
        return not told

    def _day(self, moment: dt.datetime) -> dt.date:
        return self.api_key.organization.local(moment).date()


class Known:
    """The origins that a key has met, and what it meets now; read and written while the key is locked."""

    def __init__(self, api_key: "ApiKey", rows: Iterable[KnownOrigin], now: dt.datetime, *, refused: bool) -> None:
        self.api_key, self.now, self.refused = api_key, now, refused
        self.rows: dict[Fact, KnownOrigin] = {}
        for row in rows:
            row.api_key = api_key
            self.rows[row.kind, row.value] = row
        self.at_home = {row.kind for row in self.rows.values() if not row.refused}
        self.added: list[KnownOrigin] = []
        self.changed: list[KnownOrigin] = []

    @property
    def is_full_of_agents(self) -> bool:
        """Whether other user agents are summed up."""
        kind = KnownOrigin.Kind.AGENT.value
        return (kind, OTHER_AGENTS) in self.rows and self._number_like(kind, OTHER_AGENTS) >= AGENTS_MAX

    def agents(self) -> list[Fact]:
        """Return the user agents that are kept by themselves."""
        return [(kind, value) for kind, value in self.rows if kind == KnownOrigin.Kind.AGENT and value != OTHER_AGENTS]

    def meet(self, kind: str, value: str) -> bool:
        """Meet an origin; return whether that is to be told."""
        place, row = self._place(kind, value)
        if row is None:
            row = self._add(kind, place)
            if place == value:
                return row.is_new
        elif place == value or value in row.latest:
            return False
        else:
            self.changed.append(row)
        row.refused = row.refused and self.refused
        put_off = PUT_OFF.get((self.api_key.key_id, self.refused)) if kind == KnownOrigin.Kind.AGENT else None
        return row.sum_up(value, 1 + (put_off.calls if put_off else 0), self.now)

    def write(self) -> None:
        """Write down what has been met."""
        KnownOrigin.objects.bulk_create(self.added)
        for row in self.changed:
            row.save(update_fields=["refused", "others", "latest", "last_seen_at", "is_new"])

    def _place(self, kind: str, value: str) -> tuple[str, KnownOrigin | None]:
        """Return where an origin is kept, and the row there if there is one."""
        for place, most in places_for(kind, value):
            row = self.rows.get((kind, place))
            if row or most is None or self._number_like(kind, place) < most:
                break
        return place, row

    def _number_like(self, kind: str, place: str) -> int:
        """Return how many rows compete with `place` for room."""
        likeness = likeness_of(kind, place)
        return sum(
            row.refused == self.refused and row.value != OTHER_AGENTS and likeness_of(*key) == likeness
            for key, row in self.rows.items()
        )

    def _add(self, kind: str, value: str) -> KnownOrigin:
        row = KnownOrigin(
            organization_id=self.api_key.organization_id,
            api_key=self.api_key,
            kind=kind,
            value=value,
            first_seen_at=self.now,
            is_new=self.refused or kind in self.at_home,
            refused=self.refused,
        )
        self.rows[kind, value] = row
        self.added.append(row)
        return row


def places_for(kind: str, value: str) -> Iterator[tuple[str, int | None]]:
    """Yield where an origin may be kept, by itself and in ever wider sums, and how many there may be like that one."""
    if kind == KnownOrigin.Kind.AGENT:
        yield value, AGENTS_MAX
        yield OTHER_AGENTS, None
        return
    yield value, NETWORKS_MAX
    network = ip_network(value)
    wide, widest = WIDER[network.version]
    yield str(network.supernet(new_prefix=wide)), NETWORKS_MAX
    yield str(network.supernet(new_prefix=widest)), None


def likeness_of(kind: str, value: str) -> tuple[str, ...]:
    """Return what user agents, and networks of one version and size, have in common."""
    if kind == KnownOrigin.Kind.AGENT:
        return (kind,)
    address, _, prefix = value.partition("/")
    return kind, "6" if ":" in address else "4", prefix


@dataclass(slots=True)
class PutOff:
    """User agents that a process doesn't write down before a moment of `time.monotonic()`, by their `calls`."""

    until: float
    calls: int = 0


# By the id part of the key, and whether it is refused: where so many were met that others are summed up.
PUT_OFF: dict[tuple[str, bool], PutOff] = {}


def facts_to_write(api_key: "ApiKey", origin: Origin, *, refused: bool) -> list[Fact]:
    """Return what this process hasn't met yet of `origin`, without a user agent that is put off; that is counted."""
    facts = [fact for fact in facts_of(origin) if (api_key.key_id, fact) not in MET]
    put_off = PUT_OFF.get((api_key.key_id, refused))
    if put_off is None or time.monotonic() >= put_off.until or not has_agent(facts):
        return facts
    put_off.calls += 1
    return [fact for fact in facts if not has_agent([fact])]


def has_agent(facts: list[Fact]) -> bool:
    """Whether a user agent is among the facts."""
    return any(kind == KnownOrigin.Kind.AGENT for kind, _ in facts)


def is_met(api_key: "ApiKey", origin: Origin) -> bool:
    """Whether this process knows already that `api_key` has met `origin`."""
    return all((api_key.key_id, fact) in MET for fact in facts_of(origin))


@lru_cache(maxsize=4096)
def facts_of(origin: Origin) -> tuple[Fact, ...]:
    """Return what of `origin` is remembered, as pairs of kind and value."""
    agent = (KnownOrigin.Kind.AGENT.value, family_of(origin.user_agent))
    return (agent,) if origin.ip is None else (agent, (KnownOrigin.Kind.NETWORK.value, network_around(origin.ip)))
