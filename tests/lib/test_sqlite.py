"""A statement that SQLite refuses holds nobody up: nothing of it is left for the garbage collector."""

import gc
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import Error, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from lib.sqlite.base import Cursor, DatabaseWrapper

# As long as the settings say. A test that waits for it to pass has failed.
TIMEOUT = 20


@pytest.fixture
def two(db: None, tmp_path: Path) -> Iterator[tuple[BaseDatabaseWrapper, BaseDatabaseWrapper]]:
    """Return two connections, that any thread may use, to a database with one row."""
    if connection.vendor != "sqlite":
        pytest.skip("is about SQLite")
    settings = connection.settings_dict | {"NAME": str(tmp_path / "two.sqlite3")}
    with closing(DatabaseWrapper(settings)) as first, closing(DatabaseWrapper(settings)) as second:
        for one in (first, second):
            one.inc_thread_sharing()
        with first.cursor() as cursor:
            cursor.execute("CREATE TABLE t (a INTEGER UNIQUE)")
            cursor.execute("INSERT INTO t VALUES (1)")
        yield first, second


@pytest.fixture
def by_hand() -> Iterator[None]:
    """Have no garbage collected but when the test says so."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


REFUSED: dict[str, Callable[[Any], Any]] = {
    "one": lambda cursor: cursor.execute("INSERT INTO t VALUES (1)"),
    "with parameters": lambda cursor: cursor.execute("INSERT INTO t VALUES (%s)", [1]),
    "many": lambda cursor: cursor.executemany("INSERT INTO t VALUES (%s)", [(2,), (2,)]),
    "update": lambda cursor: cursor.execute("INSERT INTO t VALUES (3)") and cursor.execute("UPDATE t SET a = 1"),
    "malformed": lambda cursor: cursor.execute("SELEC 1"),
    "begin within a transaction": lambda cursor: cursor.execute("BEGIN") and cursor.execute("BEGIN"),
    "malformed JSON": lambda cursor: cursor.execute("SELECT json_extract('x', '$.a')").fetchall(),
}


def refuse(database: BaseDatabaseWrapper, run: Callable[[Any], Any]) -> None:
    """Have a statement refused, and leave what that leaves."""
    with suppress(Error):
        run(database.cursor())
    with suppress(sqlite3.Error):
        database.connection.rollback()


@pytest.mark.parametrize("run", REFUSED.values(), ids=REFUSED.keys())
def test_the_cursor_of_a_refused_statement_is_closed(two: Any, by_hand: None, run: Callable[[Any], Any]) -> None:
    refuse(two[0], run)
    # isinstance() would wake the lazy objects that other tests have left.
    cursors = [found for found in gc.get_objects() if type(found) is Cursor]
    left = [cursor for cursor in cursors if cursor.connection is two[0].connection]
    for cursor in left:
        assert has_ended(cursor)


def has_ended(cursor: Cursor) -> bool:
    """Whether the cursor is closed, or has come to the end of its rows: either way it has no statement any more."""
    try:
        return cursor.fetchone() is None and cursor.description is not None
    except sqlite3.ProgrammingError:
        return True


@pytest.mark.parametrize("run", REFUSED.values(), ids=REFUSED.keys())
def test_collecting_garbage_does_not_wait_for_a_connection_that_waits_for_the_write_lock(
    two: Any, by_hand: None, run: Callable[[Any], Any]
) -> None:
    waits, holds = two
    refuse(waits, run)
    holds.cursor().execute("BEGIN IMMEDIATE")
    began = threading.Event()
    waits.connection.set_trace_callback(lambda sql: began.set())
    waiting = threading.Thread(target=lambda: waits.cursor().execute("BEGIN IMMEDIATE"))
    waiting.start()
    assert began.wait(10)
    time.sleep(0.1)  # it has begun, and is about to take the mutex

    started = time.monotonic()
    gc.collect()
    assert time.monotonic() - started < TIMEOUT / 2

    holds.cursor().execute("ROLLBACK")
    waiting.join(10)
    assert waits.connection.in_transaction
