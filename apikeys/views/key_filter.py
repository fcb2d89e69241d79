"""What the list of keys is narrowed to, once there are many: a type, a status or both."""

import datetime as dt
from dataclasses import dataclass

from django.http import QueryDict

from apikeys.models import ApiKey

# Fewer keys are seen at a glance.
OFFERED_FROM = 10

WAITS = "waits"
STATUSES: dict[str, str] = {**dict(ApiKey.Status.choices), WAITS: "Waits for SCIM"}


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """The type and the status that keys must have; an empty one stands for any."""

    kind: str = ""
    status: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> "KeyFilter":
        """Return what `query` asks for, as in `?type=scim&status=expired`; words that mean nothing are ignored."""
        kind, status = query.get("type", ""), query.get("status", "")
        return cls(kind if kind in ApiKey.Kind.values else "", status if status in STATUSES else "")

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.kind or self.status)

    def keeps(self, api_key: ApiKey, now: dt.datetime) -> bool:
        """Whether a key is as asked for at `now`."""
        if self.kind and api_key.kind != self.kind:
            return False
        if self.status == WAITS:
            return api_key.waits_for_scim(now)
        return not self.status or api_key.status(now) == self.status
