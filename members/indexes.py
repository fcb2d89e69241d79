"""PostgreSQL's indexes on the sort keys of members, and those that find what holds a text anywhere.

The latter are of trigrams and need the extension `pg_trgm`. Not every database has it, and not every user may add it.
Without it, everything is found as well, but by reading all members of the organization. `members.checks` then says so,
and once somebody has added the extension, `manage.py add_trigram_indexes` builds the indexes.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

# The columns of members whose sort keys (`members.comparison`) are indexed; True for those that are caseExact.
COLUMNS = {
    "user_name": False,
    "display_name": False,
    "given_name": False,
    "family_name": False,
    "external_id": True,
}


def key_sql(column: str, *, case_exact: bool = False) -> str:
    """Return the SQL of what `members.comparison.sort_key` makes of a column."""
    folded = f"normalize(lower(normalize({column}, NFC)), NFC)"
    plain, other = (column, f"normalize({column}, NFC)") if case_exact else (f"lower({column})", folded)
    form = f"CASE WHEN octet_length({column}) = length({column}) THEN {plain} ELSE {other} END"
    return f"""(NULLIF({form}, '') COLLATE "C")"""


MEMBER_KEYS = ", ".join(f"{key_sql(column, case_exact=exact)} gin_trgm_ops" for column, exact in COLUMNS.items())
INDEXES = {
    "member_trigrams": f"members_member USING gin ({MEMBER_KEYS})",
    "member_email_trigrams": "members_memberemail USING gin (address gin_trgm_ops)",
}


def has_extension(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database has `pg_trgm`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')")
        return bool(cursor.fetchone()[0])


def missing_indexes(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of the indexes that are not there, or half built."""
    query = """
        SELECT relname FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid
        WHERE indisvalid AND relname = ANY(%s) AND pg_table_is_visible(pg_class.oid)
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [list(INDEXES)])
        there = {name for (name,) in cursor.fetchall()}
    return [name for name in INDEXES if name not in there]


def drop(connection: BaseDatabaseWrapper) -> None:
    """Drop the indexes of trigrams beside the traffic. Not inside a transaction."""
    with connection.cursor() as cursor:
        for name in INDEXES:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def build(connection: BaseDatabaseWrapper) -> list[str]:
    """Build the indexes that are missing, beside the traffic; return their names. Not inside a transaction."""
    names = missing_indexes(connection)
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            cursor.execute(f"CREATE INDEX CONCURRENTLY {name} ON {INDEXES[name]}")
    return names
