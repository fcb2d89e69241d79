"""When a key may expire, and at which instant it does."""

import datetime as dt

from apikeys.errors import KeyInvalid
from members.models import Organization


def expiry_instant(expires_on: dt.date, organization: Organization) -> dt.datetime:
    """Return the instant from which a key is invalid: 00:00 of `expires_on` in the organization's time zone."""
    return dt.datetime.combine(expires_on, dt.time.min, tzinfo=organization.zone)


def meets_policy(expires_on: dt.date | None, organization: Organization, made_at: dt.datetime) -> bool:
    """Whether a key made at `made_at` that expires on `expires_on`, or never, is as `organization` requires."""
    if not organization.key_expiration_required:
        return True
    return expires_on is not None and expires_on <= organization.longest_expiration(made_at)


def check_expiration(expires_on: dt.date | None, organization: Organization, now: dt.datetime) -> None:
    """Raise KeyInvalid unless a key of `organization` made at `now` may expire on `expires_on`, or never if None."""
    if not meets_policy(expires_on, organization, now):
        allowed = f"{organization.longest_expiration(now):%-d %b %Y} ({organization.key_lifetime_days} days from today)"
        raise KeyInvalid(
            "expires_on",
            f"Your organization requires an expiration date, by {allowed} at the latest."
            if expires_on is None
            else f"Your organization allows expiration dates until {allowed}.",
        )
    if expires_on is not None and expiry_instant(expires_on, organization) <= now:
        raise KeyInvalid("expires_on", "The expiration date must be in the future.")
