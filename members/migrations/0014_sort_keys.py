"""PostgreSQL finds and sorts members by the beginnings of their names, within an organization.

Each index is on the very expression that `members.comparison.sort_key` makes of a column; a test asks PostgreSQL
whether it uses them. The column itself is included because PostgreSQL counts matches in an index alone only if it holds
every column that the query names.

Members who are written by the release before are in the indexes too. SQLite has none of them.
"""

from django.db import migrations

from lib.migrations import AddPostgresIndexConcurrently


def sort_key(column: str, *, case_exact: bool = False) -> str:
    """Return the SQL of a column's sort key."""
    plain, other = (column, f"normalize({column}, NFC)") if case_exact else (f"lower({column})", folded(column))
    form = f"CASE WHEN octet_length({column}) = length({column}) THEN {plain} ELSE {other} END"
    return f"""(NULLIF({form}, '') COLLATE "C")"""


def folded(column: str) -> str:
    """Return the SQL that folds what isn't ASCII."""
    return f"normalize(lower(normalize({column}, NFC)), NFC)"


def on(column: str, *, case_exact: bool = False) -> AddPostgresIndexConcurrently:
    """Return the index on a column's sort key."""
    definition = f"(organization_id, {sort_key(column, case_exact=case_exact)}, id) INCLUDE ({column})"
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
