"""PostgreSQL finds whose names and addresses hold or end with a text, by indexes of trigrams.

They are built where the extension is; `members.indexes` tells what to do where it is added later. Addresses also get an
index that finds them by their beginnings: the one that finds whole ones is in the order of a locale.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from lib.migrations import AddPostgresIndexConcurrently
from members.indexes import build, drop, has_extension


def add_indexes(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Build the indexes, and let PostgreSQL look at what these and the last migration's hold, so that it uses them."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    if has_extension(connection):
        build(connection)
    schema_editor.execute("ANALYZE members_member")


def drop_indexes(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop them."""
    if schema_editor.connection.vendor == "postgresql":
        drop(schema_editor.connection)


class Migration(migrations.Migration):
    """Adds three indexes: a minute or two at a million members, beside the traffic."""

    atomic = False

    dependencies = [("members", "0015_pg_trgm")]

    operations = [
        AddPostgresIndexConcurrently(
            "member_email_beginning", "members_memberemail", "(organization_id, address varchar_pattern_ops, member_id)"
        ),
        migrations.RunPython(add_indexes, drop_indexes),
    ]
