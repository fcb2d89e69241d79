"""What disturbs a database that is in use: each takes a connection of somebody else's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.apps import apps
from django.db import connection
from django.db.models import CharField
from psycopg import sql

APPS = ("members", "apikeys", "audit")
ROOM = 50

Other = psycopg.Connection[Any]


@contextmanager
def other_connection(*, patience: str = "50ms") -> Iterator[Other]:
    """Yield a connection of somebody else's, who waits no longer than `patience` for a lock."""
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
        other.execute(sql.SQL("SET lock_timeout = {}").format(patience))
        yield other


def text_columns() -> list[tuple[str, str, int]]:
    """Return table, name and length of a text column of each of our tables that has one: a unique one, if there is.

    That one is read by most statements that look a row up.
    """
    found = []
    for model in [model for app in APPS for model in apps.get_app_config(app).get_models()]:
        fields = [each for each in model._meta.local_concrete_fields if isinstance(each, CharField) and each.max_length]
        if fields:
            field = next((each for each in fields if each.unique), fields[-1])
            found.append((model._meta.db_table, field.attname, field.max_length or 0))
    return found


def change_types(other: Other) -> None:
    """Change the type of a column in each table that nobody holds: statements that read the column are out of date."""
    for table, column, length in text_columns():
        (now,) = other.execute(
            "SELECT character_maximum_length FROM information_schema.columns WHERE table_schema = current_schema "
            "AND table_name = %s AND column_name = %s",
            [table, column],
        ).fetchone() or (length,)
        set_length(other, table, column, length if now > length else length + ROOM)


def restore_types(other: Other) -> None:
    """Undo `change_types`."""
    for table, column, length in text_columns():
        set_length(other, table, column, length)


def set_length(other: Other, table: str, column: str, length: int) -> None:
    """Change the length of a column, unless somebody holds the table."""
    statement = sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE varchar({})")
    try:
        other.execute(statement.format(sql.Identifier(table), sql.Identifier(column), sql.Literal(length)))
    except psycopg.errors.LockNotAvailable:
        return


def add_and_drop_columns(other: Other) -> None:
    """Give each table that nobody holds another column, and take it away."""
    for table, _, _ in text_columns():
        name = sql.Identifier(table)
        for change in ("ADD COLUMN extra text NOT NULL DEFAULT ''", "DROP COLUMN extra"):
            try:
                other.execute(sql.SQL("ALTER TABLE {} ").format(name) + sql.SQL(change))
            except psycopg.errors.LockNotAvailable:
                break


def end_connections(other: Other) -> None:
    """End all connections to the database but this one."""
    other.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
