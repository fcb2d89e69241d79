"""How a rotation stands: which key has taken over from an old one, and whether the old one can go.

`handover` is the one place that says so. The list, the key's page, REST, every mail and the automatic deletion ask it.
`Lineage` finds the keys that follow an old one, also where a key between them has been deleted.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from apikeys.models.api_key import ApiKey
    from members.models import Organization

# How long the old key must go unused, once the new one is in use, before we assume that nothing needs it: identity
# providers sync at least daily.
SILENCE = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Handover:
    """How the replacement of `old` stands at `now`.

    `new` is the key that counts: the one that took over, else the newest that works, else the newest that has expired.
    `in_chain` says that more than two keys follow one another, so that "the old key" names none of them.
    """

    class Stage(models.TextChoices):
        """How far the handover is."""

        UNUSED = "unused", "New key not used yet"
        BOTH = "both", "Both in use"
        SILENT = "silent", "Waiting for silence"
        SAFE = "safe", "Safe to delete"
        STALLED = "stalled", "New key expired"

    old: "ApiKey"
    new: "ApiKey"
    now: dt.datetime
    in_chain: bool = False

    @property
    def stage(self) -> Stage:
        """How far the handover is; an old key that nothing ever used is safe to delete at once."""
        if self.new.is_expired(self.now):
            return self.Stage.STALLED
        if self.never_used:
            return self.Stage.SAFE
        if self.new.first_used_at is None:
            return self.Stage.UNUSED
        if self.old_expired or (self.safe_at is not None and self.safe_at <= self.now):
            return self.Stage.SAFE
        return self.Stage.BOTH if self.used_since else self.Stage.SILENT

    @property
    def has_taken_over(self) -> bool:
        """Whether the new key works and is in use."""
        return not self.new.is_expired(self.now) and self.new.first_used_at is not None

    @property
    def old_expired(self) -> bool:
        """Whether the old key is refused because its expiration has come."""
        return self.old.is_expired(self.now)

    @property
    def never_used(self) -> bool:
        """Whether nothing ever used the old key."""
        return self.old.last_used_at is None

    @property
    def used_since(self) -> bool:
        """Whether the old key was used after the new one's first use."""
        old, new = self.old.last_used_at, self.new.first_used_at
        return old is not None and new is not None and old > new

    @property
    def safe_at(self) -> dt.datetime | None:
        """From when on the old key can go if it stays silent; None while the new one is unused."""
        first_used_at = self.new.first_used_at
        if first_used_at is None or self.old.last_used_at is None:
            return first_used_at
        return max(first_used_at, self.old.last_used_at) + SILENCE

    @property
    def goes_by_itself(self) -> bool:
        """Whether the old key will be deleted by itself once the new one is in use and the old one is silent."""
        return self.old.delete_when_silent and self.old.deleted_at is None and not self.new.is_expired(self.now)

    @property
    def goes_at(self) -> dt.datetime | None:
        """When the old key will be deleted by itself if it stays silent; None if it won't, or while nobody knows."""
        if not self.goes_by_itself or self.safe_at is None or self.new.is_expired(self.safe_at):
            return None
        return self.safe_at

    @property
    def goes_now(self) -> bool:
        """Whether the old key is to be deleted by itself now."""
        return self.goes_at is not None and self.goes_at <= self.now

    @property
    def old_name(self) -> str:
        """What the old key is called in a sentence."""
        return f"key …{self.old.last_four}" if self.in_chain else "the old key"

    @property
    def new_name(self) -> str:
        """What the new key is called in a sentence."""
        return f"key …{self.new.last_four}" if self.in_chain else "the new key"


def handover(old: "ApiKey", heirs: Sequence["ApiKey"], now: dt.datetime, *, in_chain: bool = False) -> Handover | None:
    """Return how the handover from `old` stands at `now`; None if nothing replaces it.

    `heirs` are the existing keys that replace `old`, oldest first. After two rotations the key in the middle may never
    be used, so the heir that counts is the working key that was used first.
    """
    if not heirs:
        return None
    live = [heir for heir in heirs if not heir.is_expired(now)]
    in_use = [(heir.first_used_at, heir.pk, heir) for heir in live if heir.first_used_at is not None]
    new = min(in_use)[-1] if in_use else (live or heirs)[-1]
    return Handover(old, new, now, in_chain=in_chain or len(heirs) > 1)


class Lineage:
    """Which keys of an organization replace which: `keys` are those that exist, newest first.

    `replaced` has, for each key that is deleted and replaced another, the id of that one.
    """

    def __init__(self, keys: Iterable["ApiKey"], replaced: dict[int, int]) -> None:
        self.keys = list(keys)
        self._by_pk = {api_key.pk: api_key for api_key in self.keys}
        self._replaces = replaced | {
            api_key.pk: api_key.replaces_id for api_key in self.keys if api_key.replaces_id is not None
        }
        self._heirs: dict[int, list[ApiKey]] = {}
        for api_key in reversed(self.keys):
            for pk in self._ancestors(api_key):
                self._heirs.setdefault(pk, []).append(api_key)

    @classmethod
    def of(cls, organization: "Organization", keys: Iterable["ApiKey"] | None = None) -> Self:
        """Read the lineage of `organization`; `keys` are its existing keys, newest first, if they are read already."""
        found = list(organization.api_keys.existing().order_by("-id") if keys is None else keys)
        replaced = {}
        if {api_key.replaces_id for api_key in found} - {api_key.pk for api_key in found} - {None}:
            deleted = organization.api_keys.exclude(deleted_at=None).exclude(replaces=None).order_by()
            replaced = dict(deleted.values_list("pk", "replaces_id"))
        return cls(found, replaced)

    def heirs(self, old: "ApiKey") -> list["ApiKey"]:
        """Return the keys that follow `old`, which may be deleted, the oldest first."""
        return self._heirs.get(old.pk, [])

    def predecessor(self, api_key: "ApiKey") -> "ApiKey | None":
        """Return the nearest existing key that `api_key` follows."""
        return next((self._by_pk[pk] for pk in self._ancestors(api_key) if pk in self._by_pk), None)

    def handover(self, old: "ApiKey", now: dt.datetime) -> Handover | None:
        """Return how the handover from `old` stands at `now`; None if nothing replaces it."""
        return handover(old, self.heirs(old), now, in_chain=self.predecessor(old) is not None)

    def chains(self) -> list[list["ApiKey"]]:
        """Return the existing keys so that those which follow one another are together, each newest first."""
        chains: list[list[ApiKey]] = []
        placed: set[int] = set()
        for newest in self.keys:
            api_key: ApiKey | None = newest
            chain = []
            while api_key is not None and api_key.pk not in placed:
                placed.add(api_key.pk)
                chain.append(api_key)
                api_key = self.predecessor(api_key)
            if chain:
                chains.append(chain)
        return chains

    def _ancestors(self, api_key: "ApiKey") -> Iterator[int]:
        pk = api_key.replaces_id
        while pk is not None:
            yield pk
            pk = self._replaces.get(pk)
