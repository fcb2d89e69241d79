"""A unit of work that can be counted."""

from django.db import transaction

from members.models import Organization


def rename(acme: Organization, runs: list[str]) -> str:
    """Give acme the next name, in a transaction."""
    with transaction.atomic():
        runs.append("run")
        name = f"Acme {int(acme.name.partition(' ')[2] or 0) + 1}"
        Organization.objects.filter(pk=acme.pk).update(name=name)
    return name
