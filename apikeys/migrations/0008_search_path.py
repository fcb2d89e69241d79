"""The function that refuses changes of a key has a `search_path` of its own, as all our functions do.

It only raises, so it looks nothing up; `members.migrations.0012_search_path` tells what could happen to one that does.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def set_path(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let the function see PostgreSQL's own schema alone; no table is locked."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER FUNCTION apikeys_refuse_change() SET search_path = pg_catalog, pg_temp")


def reset_path(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let the function see what the session sees."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER FUNCTION apikeys_refuse_change() RESET search_path")


class Migration(migrations.Migration):
    """Changes a setting of a function, and no table."""

    dependencies = [("apikeys", "0007_organization")]

    operations = [migrations.RunPython(set_path, reset_path)]
