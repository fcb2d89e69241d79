"""PostgreSQL uses one process for a query about members or their addresses, however many of them it reads.

With parallel plans a search without an index took three processes, and the searches of one organization all there are.
It would end sooner by itself, but everybody else waited for it (docs/decisions/0063-one-process-for-a-query.md).
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TABLES = ("members_member", "members_memberemail")


def use_one(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let no plan scan these tables in parallel; nobody who reads or writes is held up."""
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} SET (parallel_workers = 0)")


def use_several(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Leave it to PostgreSQL again."""
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} RESET (parallel_workers)")


class Migration(migrations.Migration):
    """Changes how PostgreSQL plans queries, and nothing that the tables hold."""

    dependencies = [("members", "0042_keys_end_with_maker")]

    operations = [migrations.RunPython(use_one, use_several)]
