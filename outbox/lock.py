"""A row for this process alone, for as long as the mail server takes."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from django.db import connection, models, transaction

Row = TypeVar("Row", bound=models.Model)


@contextmanager
def alone_with(row: models.QuerySet[Row], lock: str) -> Iterator[Row | None]:
    """Give the one row of a query to this process alone for the length of the block; None if it isn't to be had.

    PostgreSQL locks the row for as long as a transaction is open, frees it at once when the process is killed, and
    others pass it by. SQLite would lock the whole database while the mail server takes its time, so there the lock is
    on a file beside the database, which the kernel frees on a kill; others wait for it.
    """
    if connection.features.has_select_for_update_skip_locked:
        with transaction.atomic():
            yield row.select_for_update(skip_locked=True, of=("self",)).first()
    else:
        with Path(f"{connection.settings_dict['NAME']}.{lock}").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield row.first()
