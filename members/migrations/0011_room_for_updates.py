"""PostgreSQL leaves a tenth of each page of members free, so that a member who changes finds room on their own page.

Then no index is written (a heap-only tuple, https://www.postgresql.org/docs/current/storage-hot.html): nothing that
directories change often is in one. Pages that are full already get room as their members change.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def leave_room(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Fill new pages to nine tenths; nobody who reads or writes is held up."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE members_member SET (fillfactor = 90)")


def fill_pages(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Fill pages to the end, as they come."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE members_member RESET (fillfactor)")


class Migration(migrations.Migration):
    """Changes how PostgreSQL stores members, and nothing that they hold."""

    dependencies = [("members", "0010_headcount")]

    operations = [migrations.RunPython(leave_room, fill_pages)]
