"""Whether the database looks at the dates of audit events, as it does in production, or lets any of them pass.

Tests travel in time with the process's clock, and the database's stays where it is.
"""

from importlib import import_module

from django.db import connection

TRIGGER = "audit_event_dated_now"
CREATE = import_module("audit.migrations.0008_append_only").CREATE


def let_pass() -> None:
    """Let any date pass, in this database from now on."""
    run(f"ALTER TABLE audit_event DISABLE TRIGGER {TRIGGER}", sqlite=f"DROP TRIGGER IF EXISTS {TRIGGER}")


def look_at_them() -> None:
    """Refuse events that aren't of now, until the test's transaction is rolled back."""
    [create] = [statement for statement in CREATE["sqlite"] if TRIGGER in statement]
    if connection.vendor == "postgresql":
        # No table is altered while foreign keys wait to be checked.
        connection.check_constraints()
    run(f"ALTER TABLE audit_event ENABLE TRIGGER {TRIGGER}", sqlite=create)


def run(statement: str, *, sqlite: str) -> None:
    """Run the statement in the database's own words."""
    with connection.cursor() as cursor:
        cursor.execute(sqlite if connection.vendor == "sqlite" else statement)
