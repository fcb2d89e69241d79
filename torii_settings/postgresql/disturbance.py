"""Failures that are nobody's fault, and after which the same statement or transaction succeeds: told by SQLSTATE.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import logging
from enum import Enum

from django.db import Error

from lib.database_states import sqlstate

logger = logging.getLogger(__name__)


class Disturbance(Enum):
    """What has happened."""

    STALE = "a prepared statement is out of date or gone"
    CONFLICT = "another transaction was in the way"
    LOST = "the connection is gone"


# What a prepared statement fails with when the schema has changed since ("cached plan must not change result type",
# and parameters whose types were found out before), when it isn't there (DISCARD ALL, another server behind the same
# connection), or when somebody else has prepared it (a PgBouncer that doesn't keep statements apart).
STALE = {"0A000", "42804", "42883", "26000", "42P05"}
# Serialization failure, and deadlock.
CONFLICT = {"40001", "40P01"}
# The server ends the connection: told to (pg_terminate_backend, a shutdown), after a crash, or because it was idle.
LOST = {"57P01", "57P02", "57P05", "25P03"}
# The class of connection exceptions. PgBouncer uses it for what it says of itself.
CONNECTION_EXCEPTION = "08"


def is_refusal(error: Error) -> bool:
    """Whether PostgreSQL itself answered with this error, so that the statement, be it a COMMIT, certainly isn't done.

    If the connection breaks while the answer is awaited, nobody knows. PostgreSQL never answers with an error once a
    transaction is committed: an end that it is told to make waits until the answer is on its way.
    """
    state = sqlstate(error)
    return bool(state) and not state.startswith(CONNECTION_EXCEPTION)


def disturbance(error: Error, *, is_open: bool, was_prepared: bool = False) -> Disturbance | None:
    """Return what `error` tells of, None if it tells of a fault. `is_open`: whether the connection is."""
    state = sqlstate(error)
    if was_prepared and state in STALE:
        return Disturbance.STALE
    if state in CONFLICT:
        return Disturbance.CONFLICT
    if not is_open or state in LOST or state.startswith(CONNECTION_EXCEPTION):
        return Disturbance.LOST
    return None


def report(found: Disturbance, error: Error, again: str) -> None:
    """Log that `again`, a statement or a unit of work, is run again."""
    logger.warning("%s is run again: %s (SQLSTATE %s)", again, found.value, sqlstate(error) or "none")
