"""A system check: can searches use their indexes?

`manage.py check --database default` and `migrate` run it.
"""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from members.indexes import has_extension, missing_indexes

LAST_STEP = ("members", "0016_trigrams")
LOST = (
    "Filters with co and ew, and searches by text, find the same but read all members of an organization, which takes "
    "a second or more for a million."
)
NO_EXTENSION = (
    "Let a superuser, or on most hosted databases the owner of the database, run CREATE EXTENSION pg_trgm; then run "
    "manage.py add_trigram_indexes."
)
NO_INDEXES = "Run manage.py add_trigram_indexes."


def check_search_indexes(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn where a migrated PostgreSQL has no indexes of trigrams."""
    found: list[checks.CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "postgresql" or LAST_STEP not in MigrationRecorder(connection).applied_migrations():
            continue
        if missing := missing_indexes(connection):
            hint = NO_INDEXES if has_extension(connection) else NO_EXTENSION
            found.append(checks.Warning(f"{' and '.join(missing)} are missing. {LOST}", hint=hint, id="members.W001"))
    return found


def connect() -> None:
    """Register the check."""
    checks.register(checks.Tags.database)(check_search_indexes)
