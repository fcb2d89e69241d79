"""The few SQL expressions over JSON that filters need and Django doesn't have.

`JsonText` reads a value as text, `JsonBoolean` as a boolean, and `AnyElement` asks whether some element of an array
meets a condition, which speaks of the element as `ELEMENT`. Absent values are NULL.
"""

from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Expression, F, Q, TextField
from django.db.models.sql.compiler import SQLCompiler

Sql = tuple[str, Any]


def sqlite_path(keys: tuple[str, ...]) -> str:
    """Return the SQLite JSON path to `keys`, each quoted; attribute names and URNs hold no quotes."""
    return "$" + "".join(f'."{key}"' for key in keys)


class Element(Expression):
    """The array element that an `AnyElement` is looking at."""

    output_field = TextField()

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """Name the element."""
        return "element.value", []


ELEMENT = Element()


class JsonValue(Expression):
    """The value under `keys` in a JSON document, which is a column or an element."""

    def __init__(self, document: F | Element, keys: tuple[str, ...], output_field: Any) -> None:
        super().__init__(output_field=output_field)
        self.document: Any = document
        self.keys = keys

    def get_source_expressions(self) -> list[Any]:
        """Return the document."""
        return [self.document]

    def set_source_expressions(self, exprs: Any) -> None:
        """Take the resolved document."""
        (self.document,) = exprs

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """JSON true and false come out as 1 and 0, as SQLite's booleans are."""
        sql, params = compiler.compile(self.document)
        return f"json_extract({sql}, %s)", [*params, sqlite_path(self.keys)]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """PostgreSQL's `#>>`, cast for booleans."""
        sql, params = compiler.compile(self.document)
        cast = "::boolean" if isinstance(self.output_field, BooleanField) else ""
        return f"({sql} #>> %s){cast}", [*params, list(self.keys)]


class JsonText(JsonValue):
    """The value under `keys` as text."""

    def __init__(self, document: F | Element, keys: tuple[str, ...]) -> None:
        super().__init__(document, keys, TextField())


class JsonBoolean(JsonValue):
    """The value under `keys` as a boolean."""

    def __init__(self, document: F | Element, keys: tuple[str, ...]) -> None:
        super().__init__(document, keys, BooleanField())


class AnyElement(Expression):
    """Whether an element of the array under `keys` in `document` meets `condition`; false where there is no array."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, document: F, keys: tuple[str, ...], condition: Q) -> None:
        super().__init__(output_field=BooleanField())
        self.document: Any = document
        self.condition: Any = condition
        self.keys = keys

    def get_source_expressions(self) -> list[Any]:
        """Return the document and the condition."""
        return [self.document, self.condition]

    def set_source_expressions(self, exprs: Any) -> None:
        """Take the resolved document and condition."""
        self.document, self.condition = exprs

    def _condition_sql(self, compiler: SQLCompiler) -> Sql:
        try:
            sql, params = compiler.compile(self.condition)
        except EmptyResultSet:
            return "1 = 0", []
        except FullResultSet:
            return "1 = 1", []
        return sql, list(params)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """SQLite's `json_each`."""
        document, params = compiler.compile(self.document)
        condition, condition_params = self._condition_sql(compiler)
        sql = f"EXISTS (SELECT 1 FROM json_each({document}, %s) AS element WHERE {condition})"  # noqa: S608 - compiled
        return sql, [*params, sqlite_path(self.keys), *condition_params]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """PostgreSQL's `jsonb_array_elements`, which refuses anything but an array."""
        document, params = compiler.compile(self.document)
        condition, condition_params = self._condition_sql(compiler)
        path = list(self.keys)
        array = f"CASE WHEN jsonb_typeof({document} #> %s) = 'array' THEN {document} #> %s ELSE '[]'::jsonb END"
        elements = f"jsonb_array_elements({array}) AS element(value)"
        sql = f"EXISTS (SELECT 1 FROM {elements} WHERE {condition})"  # noqa: S608 - compiled by Django
        return sql, [*params, path, *params, path, *condition_params]
