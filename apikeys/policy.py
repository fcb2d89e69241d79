"""Which keys are as their organization requires of new ones. Those that aren't stay valid all the same."""

import datetime as dt

from apikeys.models import ApiKey
from members.models import Organization


def meets_policy(api_key: ApiKey) -> bool:
    """Whether the key expires as its organization requires of new ones; where nothing is required every key does."""
    organization = api_key.organization
    if not organization.key_expiration_required:
        return True
    return api_key.expires_on is not None and api_key.expires_on <= organization.longest_expiration(api_key.created_at)


def keys_against_policy(organization: Organization, now: dt.datetime) -> int:
    """Return how many live keys could not be made like this any more."""
    if not organization.key_expiration_required:
        return 0
    return sum(not meets_policy(api_key) for api_key in organization.api_keys.live(now))
