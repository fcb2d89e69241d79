# ruff: noqa: S608 - nothing but our own names goes into the SQL
"""The functions that count members find their table whatever the session's `search_path` is.

pg_restore sets an empty one, and a temporary table of the same name comes first in any other: the functions of 0010
failed in the one case and wrote to the wrong table in the other. Now each has a `search_path` of its own.

- The trigger functions look where the table is that has fired them (`TG_TABLE_SCHEMA`), and in `pg_temp` last. A schema
  written into them would be wrong once the schema is renamed.
- `members_headcount_sum_up` is bound to its table when it is created (`BEGIN ATOMIC`), and follows it anywhere. It
  updates one row of each sum and deletes the others, so it inserts nothing.

Functions are replaced, which locks no table.
"""

from importlib import import_module

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

headcount = import_module("members.migrations.0010_headcount")

OWN_PATH = "SET search_path = pg_catalog, pg_temp"
# The function's own path is back in force when the function returns, and the session's after that.
LOOK_BESIDE_THE_TABLE = "PERFORM set_config('search_path', quote_ident(TG_TABLE_SCHEMA) || ', pg_temp', true)"

REPLACE = [
    f"""
    CREATE OR REPLACE FUNCTION members_headcount_sum_up(one bigint) RETURNS void LANGUAGE sql {OWN_PATH} BEGIN ATOMIC
        WITH found AS (
            SELECT id, role_id, is_active, change FROM members_headcount
            WHERE organization_id = one ORDER BY id FOR UPDATE SKIP LOCKED
        ), summed AS (
            SELECT min(id) AS id, sum(change) AS change FROM found GROUP BY role_id, is_active HAVING sum(change) <> 0
        ), deleted AS (
            DELETE FROM members_headcount
            WHERE id IN (SELECT id FROM found) AND id NOT IN (SELECT id FROM summed)
        )
        UPDATE members_headcount SET change = summed.change FROM summed WHERE members_headcount.id = summed.id;
    END
    """,
    f"""
    CREATE OR REPLACE FUNCTION members_headcount_follow() RETURNS trigger LANGUAGE plpgsql {OWN_PATH} AS $$
    BEGIN
        {LOOK_BESIDE_THE_TABLE};
        IF TG_OP = 'INSERT' THEN
            INSERT INTO members_headcount ({headcount.COLUMNS})
            SELECT organization_id, role_id, deactivated_at IS NULL, count(*) FROM added GROUP BY 1, 2, 3;
        ELSIF TG_OP = 'DELETE' THEN
            INSERT INTO members_headcount ({headcount.COLUMNS})
            SELECT organization_id, role_id, deactivated_at IS NULL, -count(*) FROM removed GROUP BY 1, 2, 3;
        END IF;
        IF FOUND AND random() < 0.02 THEN
            IF TG_OP = 'INSERT' THEN
                PERFORM members_headcount_sum_up(organization_id) FROM added GROUP BY organization_id;
            ELSE
                PERFORM members_headcount_sum_up(organization_id) FROM removed GROUP BY organization_id;
            END IF;
        END IF;
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION members_headcount_move() RETURNS trigger LANGUAGE plpgsql {OWN_PATH} AS $$
    BEGIN
        {LOOK_BESIDE_THE_TABLE};
        INSERT INTO members_headcount ({headcount.COLUMNS}) VALUES
            (OLD.organization_id, OLD.role_id, OLD.deactivated_at IS NULL, -1),
            (NEW.organization_id, NEW.role_id, NEW.deactivated_at IS NULL, 1);
        IF random() < 0.02 THEN
            PERFORM members_headcount_sum_up(NEW.organization_id);
        END IF;
        RETURN NULL;
    END $$
    """,
]
RESTORE = [
    statement.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    for statement in headcount.POSTGRESQL
    if "CREATE FUNCTION" in statement
]


def replace(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Replace the functions by ones with a path of their own. SQLite's triggers see their own database alone."""
    if schema_editor.connection.vendor == "postgresql":
        for statement in REPLACE:
            schema_editor.execute(statement)


def restore(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Bring back the functions of 0010."""
    if schema_editor.connection.vendor == "postgresql":
        for statement in RESTORE:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    """Replaces three functions, and no table."""

    dependencies = [("members", "0011_room_for_updates")]

    operations = [migrations.RunPython(replace, restore)]
