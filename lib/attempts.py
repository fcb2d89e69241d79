"""Limits of attempts: at most so many in a time, by whatever they are counted.

The counts are in the cache. All processes that share a Redis count together; without Redis, or while it can't be used,
each process counts by itself (`lib.cache`). A count ends a fixed time after its first attempt, so that refused attempts
don't prolong it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from django.core.cache import cache


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` attempts in `seconds`; 0 for no limit."""

    name: str
    most: int
    seconds: int

    def by(self, *what: str) -> "Count":
        """Return the count of the attempts that have `what` in common."""
        # Hashed, because it holds addresses of people, and its length is anybody's choice.
        digest = sha256("\0".join([self.name, *what]).encode(errors="replace")).hexdigest()
        return Count(self, f"attempts:{digest}")


@dataclass(frozen=True, slots=True)
class Count:
    """The attempts against one limit that have something in common."""

    limit: Limit
    key: str

    def take(self) -> bool:
        """Count an attempt; return whether it is within the limit. One that isn't leaves the count as it was."""
        if not self.limit.most:
            return True
        if self._add(1) <= self.limit.most:
            return True
        self.give_back()
        return False

    def give_back(self) -> None:
        """Count one attempt less."""
        if self.limit.most and cache.get(self.key):
            self._add(-1)

    def forget(self) -> None:
        """Begin anew."""
        cache.delete(self.key)

    def _add(self, number: int) -> int:
        cache.add(self.key, 0, self.limit.seconds)
        try:
            return cache.incr(self.key, number)
        except ValueError:  # It has ended in between.
            cache.set(self.key, max(number, 0), self.limit.seconds)
            return max(number, 0)


def take_all(counts: Iterable[Count]) -> bool:
    """Count an attempt against all of `counts`, or against none of them if one refuses it. Return whether it counts."""
    taken: list[Count] = []
    for count in counts:
        if not count.take():
            give_back_all(taken)
            return False
        taken.append(count)
    return True


def give_back_all(counts: Iterable[Count]) -> None:
    """Count one attempt less against all of `counts`."""
    for count in counts:
        count.give_back()
