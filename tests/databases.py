"""Databases beside the tests' own, of the same kind and on the same server."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.sql import SQL, Identifier

from tests.server import database_url


@contextmanager
def empty_database(folder: Path) -> Iterator[BaseDatabaseWrapper]:
    """Make an empty database and yield a connection to it; SQLite keeps it in `folder`."""
    if connection.vendor == "sqlite":
        with closing(connection_to(str(folder / "empty.sqlite3"))) as other:
            yield other
    else:
        with new_database("template1") as name, closing(connection_to(name)) as other:
            yield other


@contextmanager
def copy_of_the_database() -> Iterator[BaseDatabaseWrapper]:
    """Copy the tests' own database, with all it holds, and yield a connection to the copy. PostgreSQL alone."""
    connection.close()  # a database in use can't be copied
    with new_database(connection.settings_dict["NAME"]) as name, closing(connection_to(name)) as other:
        yield other


@contextmanager
def new_database(template: str, options: LiteralString = "") -> Iterator[str]:
    """Make a database on the server of the tests' own, and yield its name; `options` are those of CREATE DATABASE."""
    name = f"{connection.settings_dict['NAME']}_{secrets.token_hex(4)}"
    # In a database one can't copy or drop it, so this is none of both.
    with psycopg.connect(database_url(), dbname="postgres", autocommit=True) as server:
        statement = SQL("CREATE DATABASE {} TEMPLATE {} {}")
        server.execute(statement.format(Identifier(name), Identifier(template), SQL(options)))
        try:
            yield name
        finally:
            server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def connection_to(name: str) -> BaseDatabaseWrapper:
    """Return a connection to the database called `name`, of the kind that the service uses."""
    return type(connection.copy())(connection.settings_dict | {"NAME": name}, "default")
