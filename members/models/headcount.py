"""How many members an organization has, without counting them.

Whatever statement inserts, deletes or changes members, a trigger writes down by how much it changes their number, so
that no path can forget to, and none waits for another: rows are only added. Now and then the trigger replaces those of
an organization by their sums. The triggers are in `members.migrations.0010_headcount`, what they call in
`0012_search_path`.
"""

from collections import Counter

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


def headcounts(organization: Organization) -> Counter[tuple[int, bool]]:
    """Return how many members `organization` has, by the key of their role and whether they are active; one query."""
    found: Counter[tuple[int, bool]] = Counter()
    for role_id, is_active, change in CHANGES.tuples(organization=organization.pk):
        found[role_id, bool(is_active)] += change
    return found


def headcount(organization: Organization, *, active: bool | None = None) -> int:
    """Return how many members `organization` has, of any role; with this status, if one is given."""
    return sum(
        number for (_, is_active), number in headcounts(organization).items() if active is None or is_active == active
    )
