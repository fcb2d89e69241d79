"""How commands find the organization that they were told."""

from django.core.management import CommandError

from members.models import Organization


def organization_with_id(public_id: str) -> Organization:
    """Return the organization with this Organization ID. Raises CommandError."""
    try:
        return Organization.objects.get(public_id=public_id)
    except Organization.DoesNotExist:
        raise CommandError(
            f'No organization has the Organization ID "{public_id[:40]}". It is the 12 characters that '
            "create_organization printed, also shown in Settings > Security and in the staff admin."
        ) from None
