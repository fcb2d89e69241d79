"""Keys that are being replaced, at each stage of it."""

import datetime as dt
from typing import Any

import time_machine
from django.utils import timezone

from apikeys.models import ApiKey
from audit.actor import Actor
from members.models import Organization
from tests.conftest import SETUP, new_key

HOUR = dt.timedelta(hours=1)

# How long ago each of the two was used: the new one for the first time, the old one for the last.
USES: dict[str, tuple[dt.timedelta | None, dt.timedelta | None]] = {
    "unused": (None, 3 * HOUR),
    "both": (2 * HOUR, HOUR / 20),
    "silent": (5 * HOUR, 6 * HOUR),
    "safe": (50 * HOUR, 51 * HOUR),
}


def rotated(
    organization: Organization,
    stage: str,
    *,
    by: Actor = SETUP,
    delete_when_silent: bool = False,
    lifetime: int | None = 365,
    **fields: Any,
) -> tuple[ApiKey, ApiKey]:
    """Make a key 345 days ago, rotate it three days ago, and return both as `stage` has them used by now."""
    now = timezone.now()
    born, replaced = now - dt.timedelta(days=345), now - dt.timedelta(days=3)
    with time_machine.travel(born, tick=False):
        fields = {"description": "Okta production", "expires_on": until(born, lifetime), "by": by} | fields
        old = new_key(organization, **fields).api_key
    with time_machine.travel(replaced, tick=False):
        asked: dict[str, Any] = {"description": old.description, "expires_on": until(replaced, lifetime), "by": by}
        new = old.rotate(delete_when_silent=delete_when_silent, **asked).api_key
    new_used, old_used = USES[stage]
    use(new, new_used, first=True)
    use(old, old_used)
    return old, new


def until(moment: dt.datetime, lifetime: int | None) -> dt.date | None:
    return None if lifetime is None else moment.date() + dt.timedelta(days=lifetime)


def use(api_key: ApiKey, ago: dt.timedelta | None, *, first: bool = False) -> None:
    """Have the key used so long `ago`, as if over the SCIM API."""
    if ago is None:
        return
    at = timezone.now() - ago
    used = {"last_used_at": at, "last_used_ip": "203.0.113.7", "last_used_user_agent": "Okta SCIM Client 1.0.0"}
    ApiKey.objects.filter(pk=api_key.pk).update(first_used_at=at if first else at - HOUR, **used)
    api_key.refresh_from_db()
