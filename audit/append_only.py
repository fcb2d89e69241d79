"""The database itself keeps the audit log append-only; this is the one door in that fence.

Triggers (migration 0008) refuse to change, delete or truncate events, and to insert one whose date is more than ten
minutes from the database's clock. They see what the model's methods can't: raw SQL, `_base_manager`, `_raw_delete`,
`bulk_create(update_conflicts=True)`, a cascade. docs/decisions/0055-append-only.md says who may open the door and why.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

# PostgreSQL's name for the door; `SET LOCAL` opens it for a transaction, PGOPTIONS for a program of its own.
SETTING = "audit.append_only"
LIFTED = "lifted"
TABLE = "audit_event"


@contextmanager
def lifted() -> Iterator[None]:
    """Let events be changed, deleted and dated in the past within the block, which is one transaction.

    For erasing a person, for loading a log that was written elsewhere, and for tests that clean up. Nobody else's
    connection notices, and the fence is up again when the outermost such block ends, also by an exception.
    """
    with transaction.atomic(), with_open_door() if connection.vendor == "postgresql" else without_triggers():
        yield


@contextmanager
def with_open_door() -> Iterator[None]:
    """Set PostgreSQL's setting for the block; an exception undoes that with all else, back to the savepoint."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s, true)", [SETTING])
        [before] = cursor.fetchone()
        cursor.execute("SELECT set_config(%s, %s, true)", [SETTING, LIFTED])
        yield
        cursor.execute("SELECT set_config(%s, %s, true)", [SETTING, before or ""])


@contextmanager
def without_triggers() -> Iterator[None]:
    """Take SQLite's triggers away for the block: it has no settings to ask, but one writer, and DDL in transactions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE])
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {connection.ops.quote_name(name)}")
        yield
        for _, sql in triggers:
            cursor.execute(sql)
