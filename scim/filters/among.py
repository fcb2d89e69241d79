"""Whether a row is among those whose ids another table gives, in a form that both databases answer by an index.

EXISTS with a reference to the row is planned well only where nothing is joined to it by `or`: there, PostgreSQL reads
all rows and asks for each. A query that knows nothing of the row is run once, and its ids are looked up.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Expression, F, QuerySet, Subquery
from django.db.models.sql.compiler import SQLCompiler

# To look up so many ids costs some milliseconds.
FEW = 5_000


def are_few(rows: QuerySet[Any, Any]) -> bool:
    """Whether `rows` are so few that their ids are better looked up than compared row by row."""
    return rows.order_by().values("pk")[: FEW + 1].count() <= FEW


class IdAmong(Expression):
    """Whether the row's primary key is one of those that `ids` finds, a queryset of one column."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, ids: QuerySet[Any, Any]) -> None:
        super().__init__(output_field=BooleanField())
        self.id: Any = F("pk")
        self.ids: Any = Subquery(ids)

    def get_source_expressions(self) -> list[Any]:
        """Return the primary key and the query."""
        return [self.id, self.ids]

    def set_source_expressions(self, exprs: Any) -> None:
        """Take the resolved primary key and query."""
        self.id, self.ids = exprs

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, form: str = "{} IN {}") -> tuple[str, Any]:
        """SQLite looks up what a query inside IN finds."""
        own, own_params = compiler.compile(self.id)
        ids, params = compiler.compile(self.ids)
        return form.format(own, ids), [*own_params, *params]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """PostgreSQL does so for an array, which it takes to hold a few elements."""
        return self.as_sql(compiler, connection, "{} = ANY(ARRAY{})")
