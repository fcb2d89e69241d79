"""Members who are restored from a dump are counted once.

`pg_restore --data-only` fills `members_headcount` from the dump, and then `members_member`, whose trigger counts every
member again. So rows that come from anywhere but a trigger are ignored. With `--disable-triggers` both tables are
restored as they were dumped, and a restore of the whole database creates its triggers last: both were right already.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

CREATE = [
    """
    CREATE FUNCTION members_headcount_ignore() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER members_headcount_written_by_triggers BEFORE INSERT ON members_headcount
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION members_headcount_ignore()
    """,
]
DROP = [
    "DROP TRIGGER members_headcount_written_by_triggers ON members_headcount",
    "DROP FUNCTION members_headcount_ignore()",
]


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Ignore what a restore inserts. SQLite is restored as a file."""
    if schema_editor.connection.vendor == "postgresql":
        for statement in CREATE:
            schema_editor.execute(statement)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take any row again."""
    if schema_editor.connection.vendor == "postgresql":
        for statement in DROP:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    """Adds a trigger to a small table; writers wait for as long as that takes."""

    dependencies = [("members", "0012_search_path")]

    operations = [migrations.RunPython(create, drop)]
