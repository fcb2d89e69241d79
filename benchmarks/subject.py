"""Who is measured, the service or a peer, and what is known of what it holds."""

from dataclasses import dataclass, field
from typing import Any

DOMAIN = "acme.example"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
SCIM = "application/scim+json"

OURS, FLOOR, PLAIN, IN_MEMORY = "ours", "floor", "plain", "scim2-server"

# As many different members are asked for, or as many as this part of all: pages of a large table are seldom read twice.
SAMPLE = 10_000
SAMPLE_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Size:
    """How many members an organization has, and how many such organizations there are."""

    members: int
    organizations: int = 1

    def __str__(self) -> str:
        return f"{self.members:,}" if self.organizations == 1 else f"{self.organizations:,} x {self.members:,}"

    def sample(self) -> int:
        """Return how many members a subject of this size is asked for."""
        return min(SAMPLE, int(self.members * self.organizations * SAMPLE_SHARE))


@dataclass(frozen=True, slots=True)
class Organization:
    """A key, and the domain of whom it may create."""

    key: str
    domain: str = DOMAIN


@dataclass(frozen=True, slots=True)
class Person:
    """A member whom the work asks for, with the key of their organization."""

    id: str
    user_name: str
    external_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a subject was loaded with, as far as requests need to know.

    `others` are more people, for the floor, which works on the same tables: each finds its members as it left them.
    The sampled people are in the large group and not in the small one. `cursor` is that of a page near the list's end,
    `session` the cookie of an Admin of the first organization, `organization_id` its Organization ID, `more_keys` are
    further keys of it, and `neighbours` are the people of another, small one.
    """

    organizations: list[Organization]
    people: list[Person]
    others: list[Person] = field(default_factory=list)
    small_group: str = ""
    large_group: str = ""
    cursor: str = ""
    session: str = ""
    organization_id: str = ""
    more_keys: list[str] = field(default_factory=list)
    neighbours: list[Person] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Content":
        """Return what a loading process told, as JSON keeps it."""
        return cls(
            **told
            | {
                "organizations": [Organization(**each) for each in told["organizations"]],
                "people": [Person(**each) for each in told["people"]],
                "others": [Person(**each) for each in told["others"]],
                "neighbours": [Person(**each) for each in told["neighbours"]],
            }
        )


@dataclass(frozen=True, slots=True)
class Subject:
    """The service or a peer, loaded and running.

    `base` is the path under which its SCIM begins, `pid` its process and `environment` what that was started with.
    """

    name: str
    size: Size
    address: str
    base: str
    pid: int
    content: Content
    environment: dict[str, str]

    def __str__(self) -> str:
        return f"{self.name} {self.size}"
