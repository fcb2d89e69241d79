"""Who does something, and from where: what every verb is told as `by`.

The nouns make actors: `member.actor(…)`, `api_key.actor(…)`, `user.actor(…)`; a task or a command is a system. A verb
asks the actor's power under its lock (`members.models.power`), and passes the actor on to the audit log.
"""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self
from uuid import UUID

from django.db import models

from lib.plain_text import UNFIT

if TYPE_CHECKING:
    from django.http import HttpRequest

USER_AGENT_LENGTH = 300
COMMAND_LINE = "the command line"
# How earlier releases recorded who ran a command. What is recorded is never changed, so it is translated to be shown.
EARLIER_COMMAND_LINE = frozenset({"create_api_key", "create_organization", "load_members", "seed_demo", "set_scim"})


class ActorKind(models.TextChoices):
    """What sort of somebody acts."""

    MEMBER = "member", "Member"
    API_KEY = "api_key", "API key"
    STAFF = "staff", "Staff"
    SYSTEM = "system", "System"


def name_shown(label: str) -> str:
    """Return the name by which readers know who is recorded as `label`: a command of ours is the command line."""
    return COMMAND_LINE if label in EARLIER_COMMAND_LINE else label


class Origin(NamedTuple):
    """Where a request came from: `ip` is the client's address, `user_agent` what it calls itself."""

    ip: str | None = None
    user_agent: str = ""

    @classmethod
    def of(cls, request: "HttpRequest") -> "Origin":
        """Return the origin of `request`. Proxies are dealt with in `torii_settings.wsgi`."""
        return origin_of(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_USER_AGENT", ""))


@lru_cache(maxsize=4096)
def origin_of(peer: str, user_agent: str) -> Origin:
    """Return the origin that a request's `REMOTE_ADDR` and `User-Agent` tell; most requests come from a few."""
    return Origin(address_of(peer), UNFIT.sub("", user_agent)[:USER_AGENT_LENGTH])


def address_of(peer: str) -> str | None:
    """Return the IP address in `peer`, without the port that some proxies add; None for what is no address.

    A socket that listens on `::` names clients of IPv4 by addresses of IPv6 that are all in one /64, and would share a
    limit.
    """
    for candidate in (peer, peer.rpartition(":")[0].strip("[]")):
        try:
            address = ip_address(candidate)
        except ValueError:
            continue
        return str((address.version == 6 and address.ipv4_mapped) or address)
    return None


class Power(Protocol):
    """What an actor may do."""

    def access(self) -> Mapping[str, str] | None:
        """Return the level in each scope that the actor has now, read anew from the database; None for no limit."""


class Unlimited:
    """The power of a task or a command: it may do everything."""

    def access(self) -> None:
        """Return None: there is no limit."""


UNLIMITED = Unlimited()


class Actor(NamedTuple):
    """Who acts: `id` is the primary key as text, `label` what a reader of the log recognizes.

    `power` limits what they may do. `maker_id` is the member who made the key that acts, if a key acts.
    """

    kind: ActorKind
    id: str
    label: str
    origin: Origin = Origin()
    power: Power = UNLIMITED
    maker_id: UUID | None = None

    @classmethod
    def command_line(cls, command: str) -> Self:
        """Return the actor for whoever runs a management command; the log keeps the command's name as the id."""
        return cls(ActorKind.SYSTEM, command, COMMAND_LINE)

    @classmethod
    def system(cls, name: str, origin: Origin | None = None) -> Self:
        """Return the actor for a scheduled task or a report by nobody in particular."""
        return cls(ActorKind.SYSTEM, "", name, origin or Origin())
