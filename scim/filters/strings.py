"""Strings of a filter in Python: their spellings, and what a comparison gives that needs no database."""

from typing import Any
from unicodedata import normalize

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, TextField
from django.db.models.sql.compiler import SQLCompiler
from scim2_models.path import CompareOperator

from members.folding import folded, normalized

Sql = tuple[str, Any]


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
