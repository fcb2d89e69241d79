"""How many members an organization has, without counting them.

Whatever statement inserts, deletes or changes members, a trigger writes down by how much it changes their number, so
that no path can forget to, and none waits for another: rows are only added. Now and then the trigger replaces those of
an organization by their sums. Both are in `members.migrations.0010_headcount`.
"""

from django.db import models

from members.models.organization import Organization
from members.models.role import Role
from torii_settings.statement import Parameter, Select


class Headcount(models.Model):
    """By how much the number of members with a role, active or not, has changed; their number is the sum of these."""

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, db_constraint=False, related_name="headcounts"
    )
    role = models.ForeignKey(Role, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+")
    is_active = models.BooleanField()
    change = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.change:+}"


CHANGES = Select(
    lambda: Headcount.objects.filter(organization=Parameter("organization", Organization._meta.pk)).values_list(
        "role_id", "is_active", "change"
    )
)


def headcount(organization: Organization, *, role: Role | None = None, active: bool | None = None) -> int:
    """Return how many members `organization` has: with any role and status, or with these; one query."""
    return sum(
        change
        for role_id, is_active, change in CHANGES.tuples(organization=organization.pk)
        if (role is None or role_id == role.pk) and (active is None or is_active == active)
    )
