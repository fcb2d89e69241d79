"""The trigger again, which now also refuses to change from where a key may be used."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

CREATE = {
    "postgresql": [
        """
        CREATE FUNCTION apikeys_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the expiration and the networks of a key cannot be changed'
            USING ERRCODE = 'check_violation';
        END $$
        """,
        """
        CREATE TRIGGER apikeys_immutable BEFORE UPDATE ON apikeys_apikey FOR EACH ROW
        WHEN (
            OLD.expires_on IS DISTINCT FROM NEW.expires_on OR OLD.expires_at IS DISTINCT FROM NEW.expires_at
            OR OLD.allowed_networks IS DISTINCT FROM NEW.allowed_networks
        )
        EXECUTE FUNCTION apikeys_refuse_change()
        """,
    ],
    "sqlite": [
        """
        CREATE TRIGGER apikeys_immutable BEFORE UPDATE ON apikeys_apikey FOR EACH ROW
        WHEN OLD.expires_on IS NOT NEW.expires_on OR OLD.expires_at IS NOT NEW.expires_at
        OR OLD.allowed_networks IS NOT NEW.allowed_networks
        BEGIN SELECT RAISE(ABORT, 'the expiration and the networks of a key cannot be changed'); END
        """,
    ],
}

DROP = {
    "postgresql": [
        "DROP TRIGGER apikeys_immutable ON apikeys_apikey",
        "DROP FUNCTION apikeys_refuse_change()",
    ],
    "sqlite": ["DROP TRIGGER apikeys_immutable"],
}


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the trigger in the database's own words."""
    for statement in CREATE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the trigger."""
    for statement in DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def first_used_when_last_used(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Say of keys that have been used that they have been: their first use was not written down."""
    apps.get_model("apikeys", "ApiKey").objects.filter(first_used_at=None).update(
        first_used_at=models.F("last_used_at")
    )


class Migration(migrations.Migration):
    """Expirations and networks are immutable in the database too."""

    dependencies = [("apikeys", "0005_known_origin")]

    operations = [
        migrations.RunPython(first_used_when_last_used, migrations.RunPython.noop),
        migrations.RunPython(create, drop),
    ]
