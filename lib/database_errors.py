"""What a database error means to whoever asked, and one line in the log for its cause.

Every door answers the same faults with the same status, in its own format. The answer says no more than is known:
"the database can't do this now". The log says why: SQLSTATE and message, once a minute for each cause. A message that
may hold values of ours (of a constraint, or of data) stays out of the log; the constraint's name is in it.
"""

import logging
import sqlite3
import threading
import time
from enum import Enum

from django.db import DEFAULT_DB_ALIAS, DataError, Error, IntegrityError, ProgrammingError, connections

from lib.database_states import State, sqlstate, state_of
from lib.time_limit import TimedOut

logger = logging.getLogger(__name__)

REPORTED_EVERY = 60.0
REPORTS_MAX = 200


class Fault(Enum):
    """What kind of fault it is. The values are what an answer says."""

    CONFLICT = "Something this refers to was changed meanwhile; send it again."
    READ_ONLY = "The database can't do this now: it takes no changes, only reads; try again later."
    FULL = "The database can't do this now: it has no room for changes, only reads; try again later."
    UNAVAILABLE = "The database can't do this now; try again."
    QUERY_TIMED_OUT = "The query takes too long, so it was ended."
    CHANGE_TIMED_OUT = "The change took too long, so it was ended and nothing was changed; try again, or change less."

    @property
    def retry_after(self) -> int:
        """After how many seconds it is worth trying again; what an operator has to mend takes longer."""
        return 5 if self in (Fault.READ_ONLY, Fault.FULL) else 1


# What keeps the database from running a statement, for whoever is at a door. The rest is an error of our code.
FAULTS = {
    State.READ_ONLY: Fault.READ_ONLY,
    State.FULL: Fault.FULL,
    State.BUSY: Fault.UNAVAILABLE,
    State.UNREACHABLE: Fault.UNAVAILABLE,
    State.UNAVAILABLE: Fault.UNAVAILABLE,
}

# Other faults are the database's, for an operator to look at.
LEVELS = {
    Fault.CONFLICT: logging.INFO,
    Fault.QUERY_TIMED_OUT: logging.WARNING,
    Fault.CHANGE_TIMED_OUT: logging.WARNING,
}


def fault_of(error: BaseException | None) -> Fault | None:
    """Return what kind of fault `error`, one of Django's database errors, is; None if it is an error of our code."""
    if not isinstance(error, Error):
        return None
    if isinstance(error, IntegrityError):
        return Fault.CONFLICT
    if isinstance(error, TimedOut):
        return Fault.CHANGE_TIMED_OUT if error.in_change else Fault.QUERY_TIMED_OUT
    state = state_of(error)
    return FAULTS.get(state) if state else None


def report(error: BaseException) -> Fault | None:
    """Log why `error` happened, and return its kind; None, and nothing is logged, for an error of our code.

    A connection that was opened while the database took no changes goes on refusing them, so it isn't used again.
    """
    fault = fault_of(error)
    if fault is None:
        return None
    if fault is Fault.READ_ONLY:
        connections[DEFAULT_DB_ALIAS].close_at = time.monotonic()
    state, constraint, message = sqlstate(error), constraint_of(error), message_of(error)
    # A connection that can't be made has no SQLSTATE, whatever the reason: a wrong password, a restart, no room.
    passed_over = _reports.count(f"{fault.name} {state or message} {constraint or type(error).__name__}")
    if passed_over is not None:
        level = LEVELS.get(fault, logging.ERROR)
        details = {"sqlstate": state, "constraint": constraint, "passed_over": passed_over}
        logger.log(level, "database: %s", message, extra={name: said for name, said in details.items() if said})
    return fault


def constraint_of(error: BaseException) -> str:
    """Return the name of the constraint that is violated; SQLite names the columns."""
    if isinstance(error.__cause__, sqlite3.Error):
        return str(error) if isinstance(error, IntegrityError) else ""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""


def message_of(error: BaseException) -> str:
    """Return the error's message, in one line; its name alone if the message may hold a value of ours."""
    cause = error.__cause__
    if isinstance(error, TimedOut):
        return str(error)
    if isinstance(cause, sqlite3.Error):
        return str(cause)
    if isinstance(error, (IntegrityError, DataError, ProgrammingError)):
        return type(cause or error).__name__
    message = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause or error)
    return " ".join(message.split())


class Reports:
    """Counts what is reported, so that a cause is logged once every `REPORTED_EVERY` seconds."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._passed_over: dict[str, int] = {}
        self._lock = threading.Lock()

    def count(self, cause: str) -> int | None:
        """Return how many were passed over since the last report of `cause`; None if this one is passed over too."""
        now = time.monotonic()
        with self._lock:
            if now < self._until.get(cause, 0.0):
                self._passed_over[cause] = self._passed_over.get(cause, 0) + 1
                return None
            if len(self._until) >= REPORTS_MAX:
                self._until.clear()
                self._passed_over.clear()
            self._until[cause] = now + REPORTED_EVERY
            return self._passed_over.pop(cause, 0)


_reports = Reports()
