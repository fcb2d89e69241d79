"""When a key may expire, and at which instant it does."""

import datetime as dt

from dateutil.relativedelta import relativedelta

from apikeys.errors import KeyInvalid
from members.models import Organization

# A key that lives longer should be one that never expires, which people see as such.
LONGEST_YEARS = 10


def expiry_instant(expires_on: dt.date, organization: Organization) -> dt.datetime:
    """Return the instant from which a key is invalid: 00:00 of `expires_on` in the organization's time zone.

    Where the clock skips midnight, it is the first moment of the day, as in 01:00; UTC knows which one that is.
    """
    midnight = dt.datetime.combine(expires_on, dt.time.min, tzinfo=organization.zone)
    return midnight.astimezone(dt.UTC).astimezone(organization.zone)


def zone_of(expires_on: dt.date, expires_at: dt.datetime) -> dt.timezone:
    """Return the time zone, as far as it is known, in which a key expires at 00:00 of `expires_on`."""
    midnight = dt.datetime.combine(expires_on, dt.time.min, tzinfo=dt.UTC)
    return dt.timezone(midnight - expires_at)


def last_expiration(today: dt.date) -> dt.date:
    """Return the latest date on which a key made `today` may expire, whatever the organization's policy."""
    return today + relativedelta(years=LONGEST_YEARS)


def meets_policy(expires_on: dt.date | None, organization: Organization, longest: dt.date) -> bool:
    """Whether a key that may expire on `longest` at the latest, and does on `expires_on`, is as required."""
    if not organization.key_expiration_required:
        return True
    return expires_on is not None and expires_on <= longest


def check_expiration(expires_on: dt.date | None, organization: Organization, now: dt.datetime) -> None:
    """Raise KeyInvalid unless a key of `organization` made at `now` may expire on `expires_on`, or never if None."""
    longest = organization.longest_expiration(now)
    if not meets_policy(expires_on, organization, longest):
        allowed = f"{longest:%-d %b %Y} ({organization.key_lifetime_days} days from today)"
        raise KeyInvalid(
            "expires_on",
            f"Your organization requires an expiration date, by {allowed} at the latest."
            if expires_on is None
            else f"Your organization allows expiration dates until {allowed}.",
        )
    if expires_on is None:
        return
    today = now.astimezone(organization.zone).date()
    # Before any instant is reckoned with: at the ends of the calendar there is none.
    latest = last_expiration(today)
    if expires_on > latest:
        raise KeyInvalid("expires_on", f"A key may expire by {latest:%-d %b %Y} at the latest, or never.")
    if expires_on <= today or expiry_instant(expires_on, organization) <= now:
        raise KeyInvalid("expires_on", "The expiration date must be in the future.")
