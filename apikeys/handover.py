"""What a reader is told of a rotation: how far it is, and whether the old key can go.

`Rotation` knows the pair; this adds what is said when one of the two has expired meanwhile, and what the keys are
called where more than two follow one another.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import models

from apikeys.models import ApiKey, Rotation


@dataclass(frozen=True, slots=True)
class Handover:
    """A rotation as it is at `now`.

    `in_chain` says that one of the two keys is part of another rotation as well, `superseded` that the new key is
    replaced itself.
    """

    class Stage(models.TextChoices):
        """How far it is."""

        UNUSED = "unused", "New key not used yet"
        BOTH = "both", "Both in use"
        SILENT = "silent", "Waiting for silence"
        SAFE = "safe", "Safe to delete"
        STALLED = "stalled", "New key expired"

    rotation: Rotation
    now: dt.datetime
    in_chain: bool = False
    superseded: bool = False

    @property
    def old(self) -> ApiKey:
        """The key that is replaced."""
        return self.rotation.old

    @property
    def new(self) -> ApiKey:
        """The key that replaces it."""
        return self.rotation.new

    @property
    def stage(self) -> Stage:
        """How far it is; stalled if the new key has expired before the old one went."""
        if self.new.is_expired(self.now) and not self.old.is_expired(self.now):
            return self.Stage.STALLED
        return self.Stage(self.rotation.state(self.now).value)

    @property
    def old_expired(self) -> bool:
        """Whether the old key is out of use anyway."""
        return self.old.is_expired(self.now)

    @property
    def safe_at(self) -> dt.datetime | None:
        """From when on the old key can go if it stays silent; None while the new one is unused."""
        return self.rotation.safe_at()

    @property
    def goes_by_itself(self) -> bool:
        """Whether the old key will be deleted by itself."""
        # Only its own successor's first use counts for that.
        return self.old.delete_when_silent and self.new.replaces_id == self.old.pk

    @property
    def old_name(self) -> str:
        """What the old key is called in a sentence."""
        return f"key …{self.old.last_four}" if self.in_chain else "the old key"

    @property
    def new_name(self) -> str:
        """What the new key is called in a sentence."""
        return f"key …{self.new.last_four}" if self.in_chain else "the new key"


def chains(keys: Iterable[ApiKey]) -> list[list[ApiKey]]:
    """Part `keys` so that those which replace one another are together, the newest first; their order stays."""
    keys = list(keys)
    by_pk = {api_key.pk: api_key for api_key in keys}
    replaced = {api_key.replaces_id for api_key in keys}
    return [chain_from(newest, by_pk) for newest in keys if newest.pk not in replaced]


def chain_from(newest: ApiKey, by_pk: dict[int, ApiKey]) -> list[ApiKey]:
    """Return `newest`, the key that it replaces, and so on, as far as they are among `by_pk`."""
    chain = [newest]
    while (older := by_pk.get(chain[-1].replaces_id or 0)) is not None:
        chain.append(older)
    return chain


def handovers(chain: Sequence[ApiKey], now: dt.datetime) -> list[Handover | None]:
    """Return the handover of each key in `chain`, newest first; None for the first, which nothing replaces.

    Whoever rotates twice may never use the key in the middle: what counts then is the nearest that is in use.
    """
    found: list[Handover | None] = [None]
    for place, old in enumerate(chain[1:], start=1):
        in_use = (key for key in reversed(chain[:place]) if key.first_used_at and not key.is_expired(now))
        new = next(in_use, chain[place - 1])
        found.append(Handover(Rotation(old, new), now, in_chain=len(chain) > 2, superseded=new is not chain[0]))
    return found


def handover_of(api_key: ApiKey, now: dt.datetime) -> Handover | None:
    """Return the handover from `api_key` to another key, or None if nothing replaces it."""
    for chain in chains(api_key.organization.api_keys.existing().order_by("-id")):
        for key, handover in zip(chain, handovers(chain, now), strict=True):
            if key.pk == api_key.pk:
                return handover
    return None
