"""Turns: of several processes that want to do the same thing to one database, one does it and the others wait."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from django.db.backends.base.base import BaseDatabaseWrapper

# How often a process that waits asks whether it is its turn.
ASK_SECONDS = 0.5


@contextmanager
def turn(database: BaseDatabaseWrapper, name: str, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """Wait until no other process has the turn called `name` on this database, and keep it until the block ends.

    `on_wait` is called once if the turn isn't free. A process that is killed gives its turn back.
    """
    if database.vendor == "postgresql":
        with closing(database.copy()) as lock_holder:
            yield from _wait(lambda: _takes_advisory_lock(lock_holder, name), on_wait)
    elif database.vendor == "sqlite" and not database.is_in_memory_db():  # type: ignore[attr-defined]
        with Path(f"{database.settings_dict['NAME']}.{name}").open("a") as file:
            yield from _wait(lambda: _takes_file_lock(file), on_wait)
    else:
        # Only this process knows the database.
        yield


def _wait(takes: Callable[[], bool], on_wait: Callable[[], None]) -> Iterator[None]:
    if not takes():
        on_wait()
        while not takes():
            time.sleep(ASK_SECONDS)
    yield


def _takes_advisory_lock(lock_holder: BaseDatabaseWrapper, name: str) -> bool:
    """Try to take the lock in a transaction of its own, which stays open until the connection is closed.

    Why not a lock of the session: PgBouncer lends a connection for one transaction. Why not wait in PostgreSQL: a
    waiting `pg_advisory_lock()` holds a snapshot, and CREATE INDEX CONCURRENTLY waits until old snapshots are gone, so
    the two would wait for each other. An open transaction in which nothing runs holds no snapshot.
    """
    if lock_holder.connection is None:
        lock_holder.ensure_connection()
        lock_holder.set_autocommit(False)
    with lock_holder.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        is_taken = bool(cursor.fetchone()[0])
        # The server must not end the transaction while we are at work on another connection. This statement comes last
        # because PostgreSQL keeps the snapshot of a SELECT with parameters until the next statement.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    return is_taken


def _takes_file_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
