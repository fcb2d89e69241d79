"""PostgreSQL gets the extension that its trigram indexes need, where the database has it and lets us add it.

Where it doesn't, nothing fails: `members.checks` says what is lost.
"""

from django.db import ProgrammingError, migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

AVAILABLE = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')"


def add_extension(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Add `pg_trgm` if that is possible."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(AVAILABLE)
        if not cursor.fetchone()[0]:
            return
    try:
        with transaction.atomic(using=connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except ProgrammingError:
        # Permission denied (42501): who may add it can do so later.
        return


class Migration(migrations.Migration):
    """Adds an extension; it stays when this is undone, as others may use it by then."""

    dependencies = [("members", "0014_sort_keys")]

    operations = [migrations.RunPython(add_extension, migrations.RunPython.noop)]
