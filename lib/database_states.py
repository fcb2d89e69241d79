"""What keeps a database from running a statement, told by the code of its error. This is the only table of such codes.

The doors make an answer of it (`lib.database_errors`), and commands make a sentence (`torii_settings.failures`). What
is not in the table, such as a syntax error, is a fault of our code. Which failures a statement survives is the business
of the backend (`torii_settings.postgresql.disturbance`).
"""

import sqlite3
from enum import Enum, auto

from django.db import Error, InterfaceError, OperationalError


class State(Enum):
    """What keeps the database from running a statement."""

    NOT_MIGRATED = auto()
    NO_RIGHTS = auto()
    READ_ONLY = auto()
    FULL = auto()
    BUSY = auto()  # another transaction is in the way, or the statement took too long
    UNREACHABLE = auto()
    UNAVAILABLE = auto()  # anything else that isn't the statement's fault


# By SQLSTATE, or by its class, the first two characters: https://www.postgresql.org/docs/current/errcodes-appendix.html
POSTGRESQL: dict[str, State | None] = {
    "08": State.UNREACHABLE,  # connection exception
    "25": State.UNAVAILABLE,  # the transaction's state forbids it
    "25006": State.READ_ONLY,
    "25P02": None,  # going on in a failed transaction is a fault of our code
    "28": State.UNREACHABLE,  # not let in
    "3D": State.UNREACHABLE,  # no such database
    "3F000": State.NOT_MIGRATED,  # no such schema
    "40": State.BUSY,  # serialization failure, deadlock
    "42501": State.NO_RIGHTS,
    "42703": State.NOT_MIGRATED,  # no such column
    "42883": State.NOT_MIGRATED,  # no such function
    "42P01": State.NOT_MIGRATED,  # no such table
    "53": State.UNAVAILABLE,  # out of memory, or of another resource
    "53100": State.FULL,
    "53300": State.UNREACHABLE,  # too many connections
    "55": State.BUSY,  # locked, or in use
    "57": State.UNREACHABLE,  # shut down, crashed, starting
    "57014": State.BUSY,  # canceled, or statement_timeout
    "58": State.UNAVAILABLE,  # the operating system
    "F0": State.UNAVAILABLE,  # the server's configuration
    "XX": State.UNAVAILABLE,  # a fault of the server
}

# By the lowest byte of the result code; the other bytes give details (https://sqlite.org/rescode.html).
SQLITE = {
    sqlite3.SQLITE_READONLY: State.READ_ONLY,
    sqlite3.SQLITE_FULL: State.FULL,
    sqlite3.SQLITE_BUSY: State.BUSY,
    sqlite3.SQLITE_LOCKED: State.BUSY,
    sqlite3.SQLITE_IOERR: State.UNREACHABLE,
    sqlite3.SQLITE_CANTOPEN: State.UNREACHABLE,
    sqlite3.SQLITE_CORRUPT: State.UNREACHABLE,
    sqlite3.SQLITE_NOTADB: State.UNREACHABLE,
}
# SQLite's code for a missing table is the code of a syntax error, so only the message tells.
SQLITE_LACKS = ("no such table", "no such column")


def state_of(error: Error) -> State | None:
    """Return what keeps the database from running the statement that ended with `error`; None for a fault of ours."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        if str(cause).startswith(SQLITE_LACKS):
            return State.NOT_MIGRATED
        return SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    if code := sqlstate(error):
        return POSTGRESQL[code] if code in POSTGRESQL else POSTGRESQL.get(code[:2])
    # No SQLSTATE: libpq itself reports that there is no connection.
    return State.UNREACHABLE if isinstance(error, (OperationalError, InterfaceError)) else None


def sqlstate(error: BaseException) -> str:
    """Return the SQLSTATE of a database error, "" if no server gave one."""
    return getattr(error.__cause__, "sqlstate", None) or ""
