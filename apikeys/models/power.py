"""What a REST key may do: no more than it was given, and no more than the member who made it may do now."""

from dataclasses import dataclass

from django.utils import timezone

from members.models.power import NOTHING
from members.models.scope import Access, Level, everywhere, lesser


def most_of(kind: str) -> Access:
    """Return the most that a key of this type gives access to."""
    return everywhere(Level.READ if kind == "api_read" else Level.ACT)


@dataclass(frozen=True, slots=True)
class KeyPower:
    """The power of the REST key with this primary key.

    A key that nobody in particular made (a command did) has no maker to limit it.
    """

    api_key_id: int

    def access(self) -> Access:
        """Return what the key gives access to now; nothing once it or its maker is gone. One query."""
        from apikeys.models.api_key import ApiKey

        key = ApiKey.objects.live(timezone.now()).filter(pk=self.api_key_id)
        rows = key.values_list(
            "kind", "access", "maker_id", "created_by_id", "created_by__deactivated_at", "created_by__role__access"
        )
        for kind, access, maker_id, created_by_id, deactivated_at, makers in rows:
            own = most_of(kind) if access is None else access
            # The release before names the maker in `created_by` alone.
            if maker_id is None and created_by_id is None:
                return own
            return lesser(own, makers) if makers is not None and deactivated_at is None else NOTHING
        return NOTHING
