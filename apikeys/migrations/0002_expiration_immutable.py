"""A trigger that refuses to change when a key expires, whatever code path tries."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

CREATE = {
    "postgresql": [
        """
        CREATE FUNCTION apikeys_refuse_expiration_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the expiration of a key cannot be changed' USING ERRCODE = 'check_violation';
        END $$
        """,
        """
        CREATE TRIGGER apikeys_expiration_immutable BEFORE UPDATE ON apikeys_apikey FOR EACH ROW
        WHEN (OLD.expires_on IS DISTINCT FROM NEW.expires_on OR OLD.expires_at IS DISTINCT FROM NEW.expires_at)
        EXECUTE FUNCTION apikeys_refuse_expiration_change()
        """,
    ],
    "sqlite": [
        """
        CREATE TRIGGER apikeys_expiration_immutable BEFORE UPDATE ON apikeys_apikey FOR EACH ROW
        WHEN OLD.expires_on IS NOT NEW.expires_on OR OLD.expires_at IS NOT NEW.expires_at
        BEGIN SELECT RAISE(ABORT, 'the expiration of a key cannot be changed'); END
        """,
    ],
}

DROP = {
    "postgresql": [
        "DROP TRIGGER apikeys_expiration_immutable ON apikeys_apikey",
        "DROP FUNCTION apikeys_refuse_expiration_change()",
    ],
    "sqlite": ["DROP TRIGGER apikeys_expiration_immutable"],
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
    """Expirations are immutable in the database too."""

    dependencies = [("apikeys", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
