# ruff: noqa: S608 - nothing but our own words goes into the SQL
"""Triggers keep the audit log append-only, whatever code or SQL reaches it: `audit.append_only` has the one door.

- BEFORE INSERT looks at the date alone, in the trigger's own WHEN: no function is called for an event of now.
- A dump switches off `check_function_bodies`, as nothing of ours does: its events come with the dates that they have.
- SQLite's REPLACE deletes a row without firing a trigger of DELETE, so an id that is there already is refused.

Creating a trigger locks the table for as long as that takes, and looks at no row.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

REFUSAL = "audit events are append-only: they cannot be changed, deleted or dated otherwise than now"
IS_CLOSED = "current_setting('audit.append_only', true) IS DISTINCT FROM 'lifted'"

CREATE = {
    "postgresql": [
        f"""
        CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql
        SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'check_violation';
        END $$
        """,
        f"""
        CREATE TRIGGER audit_event_unchanged BEFORE UPDATE OR DELETE ON audit_event FOR EACH ROW
        WHEN ({IS_CLOSED}) EXECUTE FUNCTION audit_event_refuse()
        """,
        f"""
        CREATE TRIGGER audit_event_not_truncated BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT
        WHEN ({IS_CLOSED}) EXECUTE FUNCTION audit_event_refuse()
        """,
        f"""
        CREATE TRIGGER audit_event_dated_now BEFORE INSERT ON audit_event FOR EACH ROW
        WHEN (
            (NEW.created_at < clock_timestamp() - interval '10 minutes'
             OR NEW.created_at > clock_timestamp() + interval '10 minutes')
            AND {IS_CLOSED} AND current_setting('check_function_bodies') <> 'off'
        )
        EXECUTE FUNCTION audit_event_refuse()
        """,
    ],
    "sqlite": [
        f"""
        CREATE TRIGGER audit_event_unchanged BEFORE UPDATE ON audit_event
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
        """,
        f"""
        CREATE TRIGGER audit_event_kept BEFORE DELETE ON audit_event
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
        """,
        f"""
        CREATE TRIGGER audit_event_not_replaced BEFORE INSERT ON audit_event
        WHEN EXISTS (SELECT 1 FROM audit_event WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
        """,
        # In days; a text that is no date has no julianday.
        f"""
        CREATE TRIGGER audit_event_dated_now BEFORE INSERT ON audit_event
        WHEN coalesce(abs(julianday(NEW.created_at) - julianday('now')), 1) > 10.0 / (24 * 60)
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
        """,
    ],
}

TRIGGERS = {
    "postgresql": ("unchanged", "not_truncated", "dated_now"),
    "sqlite": ("unchanged", "kept", "not_replaced", "dated_now"),
}


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers in the database's own words."""
    for statement in CREATE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop them."""
    vendor = schema_editor.connection.vendor
    where = " ON audit_event" if vendor == "postgresql" else ""
    for name in TRIGGERS[vendor]:
        schema_editor.execute(f"DROP TRIGGER audit_event_{name}{where}")
    if vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION audit_event_refuse()")


class Migration(migrations.Migration):
    """Adds triggers to the log."""

    dependencies = [("audit", "0007_maker_left")]

    operations = [migrations.RunPython(create, drop)]
