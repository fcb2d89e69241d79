"""Operations for tables that are in use: they let reads and writes through however long they take.

Django has them for PostgreSQL alone. Elsewhere (SQLite) these are the plain operations. A migration with a concurrent
one says `atomic = False` and holds nothing else: what a transaction would undo, nobody undoes.
"""

from typing import Any

from django.contrib.postgres import operations as postgres
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddConstraint, AddIndex, RemoveIndex
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


def is_postgresql(schema_editor: BaseDatabaseSchemaEditor) -> bool:
    return schema_editor.connection.vendor == "postgresql"


class PlainElsewhere(Operation):
    """Has PostgreSQL do Django's operation for it, and other databases the plain one that `plain` names."""

    plain: type[Operation]

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            self.plain.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if is_postgresql(schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        else:
            self.plain.database_backwards(self, app_label, schema_editor, from_state, to_state)


class AddIndexConcurrently(PlainElsewhere, postgres.AddIndexConcurrently):
    """Builds an index beside the traffic. Begins anew if an earlier try was broken off, which leaves an invalid one."""

    plain = AddIndex

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if is_postgresql(schema_editor):
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
        super().database_forwards(app_label, schema_editor, from_state, to_state)


class RemoveIndexConcurrently(PlainElsewhere, postgres.RemoveIndexConcurrently):
    """Drops an index beside the traffic."""

    plain = RemoveIndex


class AddPostgresIndexConcurrently(Operation):
    """Builds an index that PostgreSQL alone has, and no model knows: on `name` of `table`, as `definition` says."""

    atomic = False
    reversible = True

    def __init__(self, name: str, table: str, definition: str) -> None:
        self.name = name
        self.table = table
        self.definition = definition

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """No model knows of it."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Build it, anew if an earlier try was broken off, which leaves an invalid one."""
        if is_postgresql(schema_editor):
            self.database_backwards(app_label, schema_editor, from_state, to_state)
            schema_editor.execute(f"CREATE INDEX CONCURRENTLY {self.name} ON {self.table} {self.definition}", None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Drop it."""
        if is_postgresql(schema_editor):
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {self.name}", None)

    def describe(self) -> str:
        """Say what it does."""
        return f"Concurrently create PostgreSQL's index {self.name} on {self.table}"


class AddConstraintNotValid(PlainElsewhere, postgres.AddConstraintNotValid):
    """Adds a check that new rows have to meet. A later migration looks at the old ones, with `ValidateConstraint`."""

    plain = AddConstraint


class ValidateConstraint(postgres.ValidateConstraint):
    """Looks whether the rows that were there before the constraint meet it."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
