"""What both databases must agree on: `lower()`.

PostgreSQL lowers every letter; SQLite only ASCII, so it is given Python's. `Lower` is registered as a look-up because
`iexact` compares `UPPER()` on PostgreSQL and never uses an index on `LOWER()`.
"""

import sqlite3
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import CharField, TextField
from django.db.models.functions import Lower


def lower(text: str | None) -> str | None:
    """Return `text` in lower case, as PostgreSQL's `lower()` does; NULL stays NULL."""
    return text.lower() if isinstance(text, str) else text


def teach_sqlite(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Give a new SQLite connection a `lower()` for all of Unicode; deterministic, so that indexes may use it."""
    if isinstance(connection.connection, sqlite3.Connection):
        connection.connection.create_function("lower", 1, lower, deterministic=True)


def connect() -> None:
    """Register the `lower` look-up and teach every SQLite connection to come."""
    CharField.register_lookup(Lower)
    TextField.register_lookup(Lower)
    connection_created.connect(teach_sqlite, dispatch_uid="members.database")
