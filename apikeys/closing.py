"""The keys of an organization that is being deleted are dead at once."""

from typing import Any

from django.utils import timezone

from members.models import Organization
from members.signals import organization_closed


def connect() -> None:
    """Listen to organizations that are closed."""
    organization_closed.connect(end_keys, dispatch_uid="apikeys.closing")


def end_keys(sender: Any, organization: Organization, **kwargs: Any) -> None:
    """End all keys. No mail goes out: the organization has nobody left to read it."""
    organization.api_keys.existing().update(deleted_at=timezone.now(), digest=None)
