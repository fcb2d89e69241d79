"""A Rotation is an old key and the new one that takes its place, while both exist."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from apikeys.models.api_key import ApiKey

# For how long an old key has to be silent, once the new one is in use, until nothing is taken to need it: identity
# providers sync at least daily.
SILENCE = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Rotation:
    """The pair: `new` was made to replace `old`."""

    class State(models.TextChoices):
        """How far the new key has taken over."""

        UNUSED = "unused", "The new key has not been used yet"
        BOTH = "both", "Both keys are in use"
        SILENT = "silent", "Only the new key has been used since its first use"
        SAFE = "safe", "The old key can be deleted"

    old: "ApiKey"
    new: "ApiKey"

    def safe_at(self) -> dt.datetime | None:
        """Return from when on the old key can be deleted if it stays silent; None while the new one is unused."""
        if self.new.first_used_at is None:
            return None
        return max(self.new.first_used_at, self.old.last_used_at or self.new.first_used_at) + SILENCE

    def is_safe(self, now: dt.datetime) -> bool:
        """Whether the old key has been silent for long enough at `now`."""
        safe_at = self.safe_at()
        return safe_at is not None and safe_at <= now

    def state(self, now: dt.datetime) -> State:
        """Return how far the new key has taken over at `now`; an old key that has expired is out of use anyway."""
        if self.new.first_used_at is None:
            return self.State.UNUSED
        if self.old.is_expired(now) or self.is_safe(now):
            return self.State.SAFE
        if self.old.last_used_at is not None and self.old.last_used_at > self.new.first_used_at:
            return self.State.BOTH
        return self.State.SILENT
