"""Which keys are as their organization requires of new ones. Those that aren't stay valid all the same."""

import datetime as dt

from members.models import Organization


def keys_against_policy(organization: Organization, now: dt.datetime) -> int:
    """Return how many live keys could not be made like this any more."""
    if not organization.key_expiration_required:
        return 0
    return sum(not api_key.meets_policy() for api_key in organization.api_keys.live(now))
