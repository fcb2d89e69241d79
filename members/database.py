"""What both databases must agree on: `lower()`, and the forms in which strings are compared.

PostgreSQL lowers every letter; SQLite only ASCII, so it is given Python's, and functions for `members.comparison`.
`Lower` is registered as a look-up because `iexact` compares `UPPER()` on PostgreSQL and never uses an index on
`LOWER()`.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import CharField, TextField
from django.db.models.functions import Lower

from members.folding import folded, normalized

# Deterministic, so that indexes may use them.
FUNCTIONS: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "text_normalized": normalized,
    "text_folded": folded,
}


def of_strings(function: Callable[[str], str]) -> Callable[[Any], Any]:
    """Return a function that does the same to a string, and leaves NULL and anything else as it is."""
    return lambda value: function(value) if isinstance(value, str) else value


def teach_sqlite(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Give a new SQLite connection the functions."""
    if isinstance(connection.connection, sqlite3.Connection):
        for name, function in FUNCTIONS.items():
            connection.connection.create_function(name, 1, of_strings(function), deterministic=True)


def connect() -> None:
    """Register the `lower` look-up and teach every SQLite connection to come."""
    CharField.register_lookup(Lower)
    TextField.register_lookup(Lower)
    connection_created.connect(teach_sqlite, dispatch_uid="members.database")
