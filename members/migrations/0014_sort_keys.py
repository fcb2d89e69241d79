"""PostgreSQL finds and sorts members by the beginnings of their names, within an organization.

Each index is on the very expression that `members.comparison.sort_key` makes of a column; a test asks PostgreSQL
whether it uses them. The column itself is included because PostgreSQL counts matches in an index alone only if it holds
every column that the query names.

Members who are written by the release before are in the indexes too. SQLite has none of them.
"""

from django.db import migrations

from lib.migrations import AddPostgresIndexConcurrently
from members.indexes import key_sql


def on(column: str, *, case_exact: bool = False) -> AddPostgresIndexConcurrently:
    """Return the index on a column's sort key."""
    definition = f"(organization_id, {key_sql(column, case_exact=case_exact)}, id) INCLUDE ({column})"
    return AddPostgresIndexConcurrently(f"member_{column}_key", "members_member", definition)


class Migration(migrations.Migration):
    """Adds indexes: some seconds for each at a million members, beside the traffic."""

    atomic = False

    dependencies = [("members", "0013_headcount_restored")]

    operations = [
        on("user_name"),
        on("display_name"),
        on("given_name"),
        on("family_name"),
        on("external_id", case_exact=True),
        AddPostgresIndexConcurrently("member_created_at", "members_member", "(organization_id, created_at, id)"),
    ]
