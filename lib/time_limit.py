"""A limit on how long the database works for a request, or for another unit of work.

PostgreSQL's `statement_timeout` bounds one statement, not a request of a thousand; and a PgBouncer that lends a
connection for one transaction would have to be told anew in each of them. So this process looks at the clock itself.
Once the time is used up, no statement begins, and a thread cancels the one that runs. That costs a statement a
microsecond, and no round trip. COMMIT and ROLLBACK are never refused nor cancelled: work that is done in time counts.

A request to cancel names a connection, not a statement, so it can hit whatever runs there when it arrives. If the
server doesn't confirm it in time, the connection is closed, and nobody else's statement runs on it.

docs/decisions/0050-time-limits.md
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Self, TypeVar

import psycopg
from django.db import Error, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

T = TypeVar("T")

logger = logging.getLogger(__name__)

TICK = 0.1
# How long a server may take to confirm that it has received a request to cancel.
CANCEL_SECONDS = 2.0

LONG = float("inf")
# The `timeout` of Python's sqlite3.
SQLITE_TIMEOUT = 5.0

# What ends a savepoint, whether or not there is time.
ENDINGS = ("ROLLBACK", "RELEASE")

CANCELED_STATE = "57014"
# What tells a timeout from a request to cancel; a server that speaks another language says neither.
SERVER_TIMEOUT = "statement timeout"


class TimedOut(OperationalError):
    """The time is over, and what the transaction has changed is rolled back. `in_change`: whether that was the aim."""

    def __init__(self, limit: "TimeLimit") -> None:
        super().__init__(f"the database worked for longer than {limit.seconds:g} s, and was stopped")
        self.in_change = limit.is_for_change


class Current(threading.local):
    """The limit under which this thread works."""

    limit: "TimeLimit | None" = None


current = Current()
under_way: "set[TimeLimit]" = set()


class TimeLimit:
    """Lets the database work for `seconds` in the block, all statements together; 0 lets it work without a limit.

    What the block does besides isn't counted. A limit within another takes its place: the inner block has its own time,
    which is part of that of `within`, if given. `is_for_change`: whether the block is to change something, or to read.
    """

    __slots__ = (
        "connection",
        "ends_at",
        "impatient",
        "is_for_change",
        "is_unconfirmed",
        "lock",
        "outer",
        "seconds",
        "seconds_left",
        "was_cancelled",
        "within",
    )

    def __init__(self, seconds: float, *, is_for_change: bool, within: "TimeLimit | None" = None) -> None:
        self.seconds = seconds
        self.is_for_change = is_for_change
        self.within = within
        self.seconds_left = seconds or LONG
        # The connection on which a statement runs that may be cancelled, once it is so late.
        self.connection: BaseDatabaseWrapper | None = None
        self.ends_at = LONG
        self.lock = threading.Lock()
        self.was_cancelled = False
        # Whether a request to cancel may still be on its way to the server.
        self.is_unconfirmed = False
        # The SQLite connection that waits for locks no longer than there is time.
        self.impatient: BaseDatabaseWrapper | None = None

    def __enter__(self) -> Self:
        self.outer, current.limit = current.limit, self
        if self.within is not None:
            self.seconds_left = min(self.seconds_left, self.within.seconds_left)
        under_way.add(self)
        watchdog.wake()
        return self

    def __exit__(self, *exc_info: object) -> None:
        current.limit = self.outer
        under_way.discard(self)
        self._release()
        if self.impatient is not None:
            wait_for_locks(self.impatient, LONG)
            if self.outer is not None:
                self.outer.impatient = None

    def run(self, connection: BaseDatabaseWrapper, sql: str, execute: Callable[[], T]) -> T:
        """Return what `execute` returns, which runs `sql` on a connection. Raises TimedOut."""
        if sql.startswith(ENDINGS):
            return execute()
        if self.seconds_left <= 0:
            raise TimedOut(self)
        if connection.vendor == "sqlite" and self.impatient is None:
            self.impatient = connection
            wait_for_locks(connection, self.seconds_left)
        return self.watched(connection, execute)

    def watched(self, connection: BaseDatabaseWrapper, work: Callable[[], T]) -> T:
        """Return what `work` on a connection returns, or cancel it when the time is over. Raises TimedOut.

        If a request to cancel is unconfirmed, the connection is closed, and an open transaction is lost with it.
        """
        began_at = time.monotonic()
        self.was_cancelled = False
        self.ends_at = began_at + self.seconds_left
        self.connection = connection
        try:
            result = work()
        except (Error, sqlite3.Error) as error:
            if (self.was_cancelled and is_cancellation(error)) or is_timeout_of_server(error):
                raise TimedOut(self) from error.__cause__ or error
            raise
        finally:
            self._release()
            self._charge(time.monotonic() - began_at)
            if self.is_unconfirmed:
                self.is_unconfirmed = False
                connection.close()
        if connection.closed_in_transaction:
            raise TimedOut(self)
        return result

    def cancel(self) -> None:
        """Cancel the statement that runs, if it is late. Called by another thread than the one that waits for it."""
        with self.lock:
            if self.connection is not None and time.monotonic() >= self.ends_at:
                self.was_cancelled = True
                is_confirmed = False
                try:
                    is_confirmed = interrupt(self.connection)
                finally:
                    self.is_unconfirmed |= not is_confirmed

    def _charge(self, seconds: float) -> None:
        self.seconds_left -= seconds
        if self.within is not None:
            self.within._charge(seconds)

    def _release(self) -> None:
        """Let nothing be cancelled from here on: what runs next on the connection may be somebody else's."""
        with self.lock:
            self.connection = None


class Watchdog:
    """The thread that cancels what takes too long; a process has one once it has begun to limit anything."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None

    def wake(self) -> None:
        """Start the thread, unless it lives; that of a process from which this one was forked doesn't."""
        if self.thread is None or not self.thread.is_alive():
            with self.lock:
                if self.thread is None or not self.thread.is_alive():
                    self.thread = threading.Thread(target=self._watch, name="time limits", daemon=True)
                    self.thread.start()

    def _watch(self) -> None:
        while True:
            time.sleep(TICK)
            for limit in list(under_way):
                if time.monotonic() >= limit.ends_at:
                    limit.cancel()


watchdog = Watchdog()


def interrupt(connection: BaseDatabaseWrapper) -> bool:
    """Have the database stop what it does on a connection, and return whether it confirms that.

    If it doesn't, that is tried again a moment later.
    """
    own = connection.connection
    try:
        if isinstance(own, sqlite3.Connection):
            own.interrupt()
        elif own is not None:
            # Returns when the server hangs up, which it does once the statement's process has its signal.
            own.cancel_safe(timeout=CANCEL_SECONDS)
    except (psycopg.Error, sqlite3.Error, OSError) as error:
        # Meanwhile the statement may be over and its connection closed.
        logger.info("a statement can't be cancelled: %s", type(error).__name__)
        return False
    return True


def wait_for_locks(connection: BaseDatabaseWrapper, seconds: float) -> None:
    """Have SQLite wait so long at most for another's lock, which nothing interrupts, and no longer than it may."""
    own = connection.connection
    if isinstance(own, sqlite3.Connection):
        most = connection.settings_dict["OPTIONS"].get("timeout", SQLITE_TIMEOUT)
        own.execute(f"PRAGMA busy_timeout = {max(int(min(seconds, most) * 1000), 1)}")


def is_cancellation(error: Exception) -> bool:
    """Whether a statement ended because somebody cancelled it.

    One that waits in a pooler for a server that is away, or whose connection breaks, may be late and be cancelled in
    vain; then it ends for another reason, and the same query can succeed later.
    """
    cause = error.__cause__ or error
    if isinstance(cause, sqlite3.Error):
        return cause.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT
    return getattr(cause, "sqlstate", None) == CANCELED_STATE


def is_timeout_of_server(error: Exception) -> bool:
    """Whether PostgreSQL itself ended a statement, by a `statement_timeout` that an operator has set."""
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) == CANCELED_STATE and SERVER_TIMEOUT in str(cause)


def executed(connection: BaseDatabaseWrapper, sql: str, execute: Callable[[], T]) -> T:
    """Return what `execute` returns, which runs `sql` under the limit that its thread has. Raises TimedOut.

    The cursors of our backends call this. An execute wrapper of Django's would cost each statement three times as much.
    """
    limit = current.limit
    return execute() if limit is None else limit.run(connection, sql, execute)


def fetched(connection: BaseDatabaseWrapper, fetch: Callable[[], T]) -> T:
    """Return what `fetch` returns. SQLite looks for most of the rows of a statement while they are fetched."""
    return fetch() if current.limit is None else current.limit.watched(connection, fetch)
