"""A trigger refuses every change of a key's access, like the trigger of 0006 for its networks."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

CREATE = {
    "postgresql": [
        """
        CREATE FUNCTION apikeys_refuse_access() RETURNS trigger LANGUAGE plpgsql
        SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            RAISE EXCEPTION 'the access of a key cannot be changed' USING ERRCODE = 'check_violation';
        END $$
        """,
        """
        CREATE TRIGGER apikeys_access_immutable BEFORE UPDATE ON apikeys_apikey FOR EACH ROW
        WHEN (OLD.access IS DISTINCT FROM NEW.access) EXECUTE FUNCTION apikeys_refuse_access()
        """,
    ],
    "sqlite": [
        """
        CREATE TRIGGER apikeys_access_immutable BEFORE UPDATE ON apikeys_apikey FOR EACH ROW
        WHEN OLD.access IS NOT NEW.access
        BEGIN SELECT RAISE(ABORT, 'the access of a key cannot be changed'); END
        """,
    ],
}

DROP = {
    "postgresql": [
        "DROP TRIGGER apikeys_access_immutable ON apikeys_apikey",
        "DROP FUNCTION apikeys_refuse_access()",
    ],
    "sqlite": ["DROP TRIGGER apikeys_access_immutable"],
}


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the trigger in the database's own words."""
    for statement in CREATE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the trigger."""
    for statement in DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    """Creates a trigger, which reads no row."""

    dependencies = [("apikeys", "0015_access")]

    operations = [migrations.RunPython(create, drop)]
