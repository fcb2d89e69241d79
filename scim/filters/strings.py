"""In what form strings are compared: normalized to NFC and, unless the attribute is caseExact, in lower case.

That is scim2-models' `default_comparison_key`, here in Python and as SQL. PostgreSQL's own `normalize()` and `lower()`
do it there; SQLite can neither, and is given Python's. The two differ in two letters at most, as PostgreSQL's `lower()`
follows the locale of its database: the Greek Σ at the end of a word, and the Turkish İ. Within one database both sides
of a comparison are lowered by the same function, so that a value always equals itself.
"""

import sqlite3
from collections.abc import Callable
from typing import Any
from unicodedata import normalize

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import Expression, F, TextField, Value
from django.db.models.sql.compiler import SQLCompiler
from scim2_models.path import CompareOperator

from members.folding import folded

Sql = tuple[str, Any]


def normalized(text: str) -> str:
    """Return `text` in Normalization Form C."""
    return normalize("NFC", text)


def spellings(text: str, *, case_exact: bool) -> list[str]:
    """Return the spellings of `text` that an index can look up: normalized, decomposed (as macOS does), as it is."""
    spelled = [normalize("NFC", text), normalize("NFD", text), text]
    if case_exact:
        return list(dict.fromkeys(spelled))
    # They are lowered by the database; to ask for two that it lowers to the same would only cost.
    return list({spelling.lower(): spelling for spelling in (folded(text), *spelled)}.values())


def meets(op: CompareOperator, left: str, right: str, *, case_exact: bool) -> bool:
    """Whether `left` meets `op` and `right`: what the SQL says, of strings that are known beforehand."""
    key = normalized if case_exact else folded
    left, right = key(left), key(right)
    return {
        CompareOperator.eq: left == right,
        CompareOperator.ne: left != right,
        CompareOperator.co: right in left,
        CompareOperator.sw: left.startswith(right),
        CompareOperator.ew: left.endswith(right),
        CompareOperator.gt: left > right,
        CompareOperator.ge: left >= right,
        CompareOperator.lt: left < right,
        CompareOperator.le: left <= right,
    }[op]


class Comparable(Expression):
    """The form of a string that is compared."""

    output_field = TextField()

    def __init__(self, text: Any, *, case_exact: bool) -> None:
        super().__init__(output_field=TextField())
        self.text = Value(text, output_field=TextField()) if isinstance(text, str) else text
        self.case_exact = case_exact

    def get_source_expressions(self) -> list[Any]:
        """Return the string."""
        return [self.text]

    def set_source_expressions(self, exprs: Any) -> None:
        """Take the resolved string."""
        (self.text,) = exprs

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """Call the function that the connection was given."""
        sql, params = compiler.compile(self.text)
        return f"{'scim_normalized' if self.case_exact else 'scim_folded'}({sql})", params

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """Let PostgreSQL normalize only what isn't ASCII: it is seven times slower than `lower()` alone."""
        sql, params = compiler.compile(self.text)
        plain = sql if self.case_exact else f"lower({sql})"
        other = f"normalize({sql}, NFC)"
        if not self.case_exact:
            other = f"normalize(lower({other}), NFC)"
        return f"CASE WHEN octet_length({sql}) = length({sql}) THEN {plain} ELSE {other} END", [*params] * 4


class UuidText(Expression):
    """A UUID column as the text that SCIM knows it by."""

    def __init__(self, column: str) -> None:
        super().__init__(output_field=TextField())
        self.uuid: Any = F(column)

    def get_source_expressions(self) -> list[Any]:
        """Return the column."""
        return [self.uuid]

    def set_source_expressions(self, exprs: Any) -> None:
        """Take the resolved column."""
        (self.uuid,) = exprs

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """Put back the hyphens, which Django leaves out on SQLite."""
        sql, params = compiler.compile(self.uuid)
        parts = [f"substr({sql}, {start}, {length})" for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))]
        joined = " || '-' || ".join(parts)
        return f"({joined})", [*params] * len(parts)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """PostgreSQL's UUID reads as SCIM's."""
        sql, params = compiler.compile(self.uuid)
        return f"({sql})::text", params


def teach_sqlite(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Give a SQLite connection the two forms."""
    if isinstance(connection.connection, sqlite3.Connection):
        for name, function in (("scim_normalized", normalized), ("scim_folded", folded)):
            connection.connection.create_function(name, 1, of_strings(function), deterministic=True)


def of_strings(function: Callable[[str], str]) -> Callable[[Any], Any]:
    """Return a function that does the same to a string, and leaves NULL and anything else as it is."""
    return lambda value: function(value) if isinstance(value, str) else value


def connect() -> None:
    """Teach every SQLite connection to come, and those that are open."""
    connection_created.connect(teach_sqlite, dispatch_uid="scim.filters.strings")
    for connection in connections.all(initialized_only=True):
        teach_sqlite(connection)


connect()
