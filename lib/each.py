"""Loops in which one row's fault never keeps the next row from its turn."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db import Error, connection

from lib.database_errors import Fault, fault_of
from lib.stopping import is_stopping

Row = TypeVar("Row")

logger = logging.getLogger(__name__)


def for_each(
    rows: Iterable[Row],
    do: Callable[[Row], object],
    *,
    fault: Callable[[Row], str],
    until: Callable[[], bool] = lambda: False,
) -> int:
    """Call `do` with each of `rows`; return with how many that failed.

    A fault is logged, and `fault` says what can't be done with which row. A database that is gone, or takes no
    changes, concerns all rows, so that error is raised. The loop ends early when the worker stops, or once `until`
    says so.
    """
    faults = 0
    for row in rows:
        if is_stopping() or until():
            break
        try:
            do(row)
        except Exception as error:
            if concerns_all_rows(error):
                raise
            logger.exception("%s", fault(row))
            faults += 1
    return faults


def concerns_all_rows(error: Exception) -> bool:
    """Whether the database will fail for the next row as well."""
    fault = fault_of(error) if isinstance(error, Error) else None
    if fault is Fault.UNAVAILABLE:
        # PostgreSQL may have ended one statement, for a lock or a timeout. SQLite has one lock for everything.
        return connection.vendor == "sqlite" or not connection.is_usable()
    return fault in (Fault.READ_ONLY, Fault.FULL)
