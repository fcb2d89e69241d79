"""SQL that is made once: for the few queries that nearly every request of a machine runs.

Django makes the SQL of a queryset anew each time, which takes it several times as long as the database needs to answer.
A Statement keeps what Django made, with a Parameter wherever a value goes; so it means on either database what the
queryset means, and only the values are sent. Statements run where querysets do: on the default connection, inside its
transaction, seen by everything that watches its queries.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import cache, cached_property, lru_cache
from typing import Any, TypeVar
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import AutoField, Expression, Field, ForeignKey, JSONField, Model, QuerySet, TextField
from django.db.models.base import ModelState
from django.db.models.constants import OnConflict
from django.db.models.lookups import Exact
from django.db.models.sql import InsertQuery, UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

from lib import rerun
from lib.row_version import RowVersion

M = TypeVar("M", bound=Model)


class Parameter(Expression):
    """The place of a value, which goes there as `field` stores it."""

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        """Stand for itself among the parameters."""
        return "%s", [self]


class Statement:
    """SQL, made when it is first run.

    `places` are its parameters: each a name and what prepares the value of that name, or "" and what never changes.
    """

    sql = ""
    places: tuple[tuple[str, Any], ...] = ()

    def make(self) -> tuple[str, Iterable[Any]]:
        """Return the SQL and its parameters: Parameters, and what never changes."""
        raise NotImplementedError

    def filled(self, connection: Any, values: dict[str, Any]) -> list[Any]:
        """Return the parameters of the SQL, which is made by then, with `values` in the places of the Parameters."""
        if not self.sql:
            sql, params = self.make()
            self.places = tuple(
                (param.name, preparer(param.output_field, connection.vendor))
                if isinstance(param, Parameter)
                else ("", param)
                for param in params
            )
            self.sql = sql
        return [prepare(values[name], connection) if name else prepare for name, prepare in self.places]

    def execute(self, connection: Any, values: dict[str, Any]) -> Any:
        """Run the statement with `values` in the places of the parameters; return the cursor."""
        params = self.filled(connection, values)
        cursor = shared_cursor(connection)
        cursor.execute(self.sql, params)
        return cursor


# The type of the values that a field stores on PostgreSQL as they are.
STORED_AS_THEY_ARE = {"CharField": str, "TextField": str, "UUIDField": UUID, "BooleanField": bool, "BigAutoField": int}


def preparer(field: "Field[Any, Any]", vendor: str) -> Callable[[Any, Any], Any]:
    """Return what makes of a value, given the connection, what is stored: `get_db_prep_save` of the field.

    For most values it has nothing to do and takes a microsecond or two to find that out, twenty times in a write.
    """
    prepare = field.get_db_prep_save
    stored = field.target_field if isinstance(field, ForeignKey) else field
    kind = STORED_AS_THEY_ARE.get(stored.get_internal_type())
    if vendor != "postgresql" or kind is None:
        return prepare
    return lambda value, connection: value if value is None or type(value) is kind else prepare(value, connection)


def shared_cursor(connection: Any) -> Any:
    """Return the cursor for a statement, whose result is read to its end before the next statement runs.

    On PostgreSQL, statements share a cursor underneath: a new one would cost as much as all else that Python does for a
    query.
    """
    return connection.statement_cursor() if connection.vendor == "postgresql" else connection.cursor()


def read_json(value: str | None, expression: Any, connection: Any) -> Any:
    """Return what a JSON column holds; the standard library's reader takes five times as long."""
    return None if value is None else orjson.loads(value)


class Select(Statement):
    """Reads the rows of a `values_list()` queryset, which `queryset` returns when the statement is first run."""

    def __init__(self, queryset: "Callable[[], QuerySet[Any, Any]]") -> None:
        self.queryset = queryset
        self.converters: list[tuple[int, Callable[[Any, Any, Any], Any], Any]] = []

    def make(self) -> tuple[str, Iterable[Any]]:
        """Compile the queryset, and remember what converts the columns of a row."""
        compiler: SQLCompiler = self.queryset().query.get_compiler(DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        found = compiler.get_converters([expression for expression, _, _ in compiler.select or []])
        self.converters = [
            (position, read_json if isinstance(expression.output_field, JSONField) else convert, expression)
            for position, (many, expression) in found.items()
            for convert in many
        ]
        return sql, params

    def tuples(self, **values: Any) -> list[list[Any]]:
        """Return the rows, each a list, with `values` in the places of the parameters."""
        connection = connections[DEFAULT_DB_ALIAS]
        rows = [list(row) for row in self.execute(connection, values).fetchall()]
        for row in rows:
            for position, convert, expression in self.converters:
                row[position] = convert(row[position], expression, connection)
        return rows

    def first(self, model: type[M], **values: Any) -> M | None:
        """Return the instance in the first row, None if there is none; for `values_list(*columns(model))`."""
        rows = self.tuples(**values)
        return instance(model, columns(model), rows[0]) if rows else None


class Insert(Statement):
    """Inserts an instance of a model: the plain row, without what `save()` does besides.

    A primary key that the database counts is left to it, and the instance isn't told of it. `or_nothing` says that a
    row which a unique constraint rules out is left out; whoever is about to insert another such row is waited for.
    """

    def __init__(self, model: type[Model], *, or_nothing: bool = False) -> None:
        self.model = model
        self.on_conflict = OnConflict.IGNORE if or_nothing else None

    @cached_property
    def fields(self) -> "list[Field[Any, Any]]":
        """The columns that are given a value."""
        return [field for field in self.model._meta.concrete_fields if not isinstance(field, AutoField)]

    def make(self) -> tuple[str, Iterable[Any]]:
        """Return the INSERT."""
        blank = self.model(**{field.attname: Parameter(field.attname, field) for field in self.fields})
        query = InsertQuery(self.model, on_conflict=self.on_conflict)
        query.insert_values(self.fields, [blank], raw=True)
        ((sql, params),) = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        return sql, params

    def run(self, obj: Model) -> bool:
        """Insert `obj`; return whether it is there now. Raises IntegrityError as `save()` does."""
        connection = connections[DEFAULT_DB_ALIAS]
        is_there: bool = self.execute(connection, vars(obj)).rowcount == 1
        obj._state.adding, obj._state.db = not is_there, DEFAULT_DB_ALIAS
        return is_there

    def run_many(self, objs: Sequence[Model]) -> None:
        """Insert `objs` in their order, all or none, without telling them. Raises IntegrityError as `save()` does.

        PostgreSQL is sent one text of JSON, which it takes apart as fast as arrays of values; to make it takes a fifth
        of the time. A value goes there as it is, so it must be one that its field stores: no expression, no other
        type that `save()` would convert.
        """
        if not objs:
            return
        connection = connections[DEFAULT_DB_ALIAS]
        if connection.vendor == "postgresql":
            shared_cursor(connection).execute(self.from_json, [self.as_json(objs)])
        else:
            rows = [self.filled(connection, vars(obj)) for obj in objs]
            with transaction.atomic(savepoint=False):
                shared_cursor(connection).executemany(self.sql, rows)

    @cached_property
    def from_json(self) -> str:
        """The SQL that inserts the rows of a JSON text, in PostgreSQL's words."""
        ops = connections[DEFAULT_DB_ALIAS].ops
        table = ops.quote_name(self.model._meta.db_table)
        names = ", ".join(ops.quote_name(column) for column in self.columns)
        otherwise = ops.on_conflict_suffix_sql(self.fields, self.on_conflict, [], [])
        rows = f"json_populate_recordset(NULL::{table}, %s)"
        return f"INSERT INTO {table} ({names}) SELECT {names} FROM {rows} {otherwise}"  # noqa: S608

    def as_json(self, objs: Sequence[Model]) -> str:
        """Return the rows of `objs` as a JSON text."""
        rows = [{column: vars(obj)[attname] for column, attname in self.columns.items()} for obj in objs]
        for row in rows:
            for column in self.documents:
                row[column] = orjson.Fragment(json.dumps(row[column]))
        return orjson.dumps(rows).decode()

    @cached_property
    def columns(self) -> dict[str, str]:
        """The columns that are given a value, and the attributes that hold it."""
        return {field.column or field.attname: field.attname for field in self.fields}

    @cached_property
    def documents(self) -> list[str]:
        """Those of the columns that hold JSON."""
        return [field.column or field.attname for field in self.fields if isinstance(field, JSONField)]


class Update(Statement):
    """Writes some columns of an instance's row; if it is `unchanged` since its `row_version` was read, or else none."""

    def __init__(self, model: type[Model], attnames: frozenset[str], *, unchanged: bool = False) -> None:
        self.model = model
        self.attnames = attnames
        self.unchanged = unchanged

    def make(self) -> tuple[str, Iterable[Any]]:
        """Return the UPDATE."""
        fields = [field for field in self.model._meta.concrete_fields if field.attname in self.attnames]
        pk = self.model._meta.pk
        row = self.model._base_manager.filter(pk=Parameter(pk.attname, pk))
        if self.unchanged:
            row = row.filter(Exact(RowVersion(), Parameter("row_version", TextField())))
        query: Any = row.query.chain(UpdateQuery)
        query.add_update_fields([(field, None, Parameter(field.attname, field)) for field in fields])
        sql: tuple[str, Iterable[Any]] = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        return sql

    def run(self, obj: Model) -> bool:
        """Write what `obj` holds; return whether there is such a row."""
        return bool(self.execute(connections[DEFAULT_DB_ALIAS], vars(obj)).rowcount)


def run_together(writes: "Sequence[tuple[Insert | Update, Model]]") -> None:
    """Run statements, each on an instance, of which none needs to see what another does.

    PostgreSQL takes them as one (WITH), which saves trips; they are then about the same moment, and either all are done
    or none. Raises IntegrityError as `save()` does.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql" or len(writes) <= 1:
        for statement, obj in writes:
            statement.run(obj)
        return
    params = [param for statement, obj in writes for param in statement.filled(connection, vars(obj))]
    shared_cursor(connection).execute(joined(tuple(statement for statement, _ in writes)), params)
    for _, obj in writes:
        obj._state.adding, obj._state.db = False, DEFAULT_DB_ALIAS


def run_if_first(writes: "Sequence[tuple[Insert | Update, Model]]") -> bool:
    """Run the first of some statements, each on an instance, and if that writes its row the others too.

    Return whether it does. They are done all or none: PostgreSQL takes them as one, which needs no transaction around.
    """
    (first, obj), *others = writes
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql":
        with transaction.atomic():
            if first.run(obj):
                run_together(others)
                return True
            return False
    params = [param for statement, obj in writes for param in statement.filled(connection, vars(obj))]
    # Where it is not alone, a savepoint keeps its failure from ending the transaction that it is in.
    with (
        transaction.atomic() if connection.in_atomic_block else nullcontext(),
        rerun.conditional() as wrote_nothing,
    ):
        cursor = shared_cursor(connection)
        cursor.execute(conditional(tuple(statement for statement, _ in writes)), params)
        is_done = bool(cursor.rowcount)
        if not is_done:
            wrote_nothing()
    for _, obj in writes:
        obj._state.adding, obj._state.db = not is_done, DEFAULT_DB_ALIAS
    return is_done


@lru_cache(maxsize=64)
def conditional(statements: "tuple[Insert | Update, ...]") -> str:
    """Return the SQL that does the first of these and, for a row that it writes, the others, which are Inserts.

    How many rows the last of them writes tells whether the first has.
    """
    first, *others = statements
    if not others:
        return first.sql
    selects = []
    for statement in others:
        table, _, values = statement.sql.partition(" VALUES (")
        places, _, otherwise = values.partition(")")
        selects.append(f"{table} SELECT {places} FROM first{otherwise}")  # noqa: S608 - made by Django
    *middle, last = selects
    done = [f"first AS ({first.sql} RETURNING 1)", *(f"done_{number} AS ({sql})" for number, sql in enumerate(middle))]
    return f"WITH {', '.join(done)} {last}"


@lru_cache(maxsize=64)
def joined(statements: "tuple[Insert | Update, ...]") -> str:
    """Return the SQL that does what each of these does, in PostgreSQL's words."""
    *others, last = [statement.sql for statement in statements]
    return f"WITH {', '.join(f'done_{number} AS ({sql})' for number, sql in enumerate(others))} {last}"


@cache
def update_of(model: type[Model], attnames: frozenset[str], *, unchanged: bool = False) -> Update:
    """Return the statement that writes these columns."""
    return Update(model, attnames, unchanged=unchanged)


@cache
def columns(model: type[Model]) -> tuple[str, ...]:
    """Return the names of all columns of `model`."""
    return tuple(field.attname for field in model._meta.concrete_fields)


def instance(model: type[M], columns: Sequence[str], values: Sequence[Any], **related: Model) -> M:
    """Return the instance of `model` whose `columns`, which are in the model's order, hold `values`.

    Its other columns are read when they are asked for; `related` are what its foreign keys lead to. No signal is sent,
    which nobody listens to, and no field is set one by one: that takes several times as long as to read the row.
    """
    obj = unsaved(model, dict(zip(columns, values, strict=True)), **related)
    obj._state.adding, obj._state.db = False, DEFAULT_DB_ALIAS
    return obj


def unsaved(model: type[M], values: dict[str, Any], **related: Model) -> M:
    """Return the instance of `model`, to be inserted, whose columns hold `values`: all of them, since none has a
    default here. For the rest see `instance`.
    """
    obj = model.__new__(model)
    obj.__dict__.update(values)
    obj._state = ModelState()
    if related:
        obj._state.fields_cache = related
    return obj
