"""Tells whether a row has changed since it was read, on PostgreSQL: by `xmin`, the transaction that wrote it.

https://www.postgresql.org/docs/current/ddl-system-columns.html
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, TextField
from django.db.models.sql.compiler import SQLCompiler


class RowVersion(Expression):
    """What is another after each change of a row, whichever column it changes; NULL on SQLite.

    `prefix` is what the names of the row's columns begin with, as in "member__".
    """

    def __init__(self, prefix: str = "") -> None:
        super().__init__(output_field=TextField())
        self.id: Any = F(f"{prefix}id")

    def get_source_expressions(self) -> list[Any]:
        """Return the column that leads to the row's table."""
        return [self.id]

    def set_source_expressions(self, exprs: Any) -> None:
        """Take that column, resolved."""
        (self.id,) = exprs

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """SQLite has nothing of the kind."""
        return "NULL", []

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """Return the system column as text: nothing else is as easily sent back."""
        return f"{compiler.quote_name_unless_alias(self.id.alias)}.xmin::text", []
