"""SQL that is made once: for the few queries that nearly every request of a machine runs.

Django makes the SQL of a queryset anew each time, which takes it several times as long as the database needs to answer.
A Statement keeps what Django made, with a Parameter wherever a value goes; so it means on either database what the
queryset means, and only the values are sent. Statements run where querysets do: on the default connection, inside its
transaction, seen by everything that watches its queries.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=Model)


class Parameter(Expression):
    """The place of a value, which goes there as `field` stores it."""

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        """Stand for itself among the parameters."""
        return "%s", [self]


@dataclass(frozen=True, slots=True)
class Made:
    """What Django made of a queryset.

    `places` are the parameters of `sql`: a name and what prepares the value of that name, or "" and what never changes.
    `converters` are the positions in a row whose values need them, in the order in which they are to be applied.
    """

    sql: str
    places: list[tuple[str, Any]]
    converters: list[tuple[int, Callable[[Any, Any, Any], Any], Any]]

    @classmethod
    def of(cls, queryset: "QuerySet[Any, Any]") -> "Made":
        """Compile a `values_list()` queryset for the default connection."""
        compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        places = [
            (param.name, param.output_field.get_db_prep_save) if isinstance(param, Parameter) else ("", param)
            for param in params
        ]
        found = compiler.get_converters([expression for expression, _, _ in compiler.select or []])
        return cls(
            sql,
            places,
            [(position, convert, expression) for position, (many, expression) in found.items() for convert in many],
        )


class Select:
    """Reads the rows of a `values_list()` queryset that `make` returns.

    `make` is called once, when the statement is first run, on the connection that runs it.
    """

    def __init__(self, make: "Callable[[], QuerySet[Any, Any]]") -> None:
        self.make = make
        self._made: Made | None = None

    def tuples(self, **values: Any) -> list[list[Any]]:
        """Return the rows, each a list, with `values` in the places of the parameters."""
        if self._made is None:
            self._made = Made.of(self.make())
        connection = connections[DEFAULT_DB_ALIAS]
        params = [prepare(values[name], connection) if name else prepare for name, prepare in self._made.places]
        with connection.cursor() as cursor:
            cursor.execute(self._made.sql, params)
            rows = [list(row) for row in cursor.fetchall()]
        for row in rows:
            for position, convert, expression in self._made.converters:
                row[position] = convert(row[position], expression, connection)
        return rows


def instance(model: type[M], columns: Sequence[str], values: Sequence[Any]) -> M:
    """Return the instance of `model` whose `columns`, which are in the model's order, hold `values`.

    Its other columns are read when they are asked for.
    """
    return model.from_db(DEFAULT_DB_ALIAS, columns, values)
