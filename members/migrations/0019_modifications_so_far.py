"""Those who were members before the triggers of 0018 get their rows, some thousand at a time."""

from uuid import UUID

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

CHUNK = 5_000
FIRST = UUID(int=0)
# Nobody is locked. Whoever is modified meanwhile has a row from the trigger already, or their trigger waits for this
# statement and then updates the row. A row of somebody who is removed at this moment may stay; it is joined to nobody.
FILL = """
    WITH members AS (
        SELECT id, organization_id, updated_at FROM members_member WHERE id > %s ORDER BY id LIMIT %s
    ), filled AS (
        INSERT INTO members_modification (member_id, organization_id, updated_at)
        SELECT id, organization_id, updated_at FROM members ON CONFLICT (member_id) DO NOTHING
    )
    SELECT id FROM members ORDER BY id DESC LIMIT 1
"""


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Add the rows; each piece is a transaction of its own."""
    if schema_editor.connection.vendor != "postgresql":
        return
    last: UUID | None = FIRST
    with schema_editor.connection.cursor() as cursor:
        while last is not None:
            cursor.execute(FILL, [last, CHUNK])
            row = cursor.fetchone()
            last = row[0] if row else None
        cursor.execute("ANALYZE members_modification")


class Migration(migrations.Migration):
    """Reads all members and adds as many rows, 5,000 at a time: half a minute for a million."""

    atomic = False

    dependencies = [("members", "0018_modification")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
