"""Django finds a backend by this module's name."""

import sqlite3
from functools import partial
from typing import Any

from django.db.backends.sqlite3 import base

from lib.time_limit import TimedOut, executed, fetched


class Cursor(base.SQLiteCursorWrapper):
    """A cursor that closes itself when its statement fails.

    Until Python 3.12 a cursor keeps a statement that failed. Django's exception refers to itself through its traceback,
    so nothing but the garbage collector frees the cursor, in whichever thread it happens to run. To free it means to
    reset the statement, which takes the mutex of the cursor's connection. If that connection waits for the write lock,
    it holds its mutex meanwhile. And if the thread that collects garbage is the one that has the write lock, each waits
    for the other, until the connection gives up after the `timeout` of the settings.

    A limit counts the time in which it runs a statement and fetches rows (`lib.time_limit`). `wrapper` is Django's
    connection.
    """

    wrapper: "DatabaseWrapper"

    def fetchone(self) -> Any:
        return fetched(self.wrapper, super().fetchone)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return fetched(self.wrapper, partial(super().fetchmany, self.arraysize if size is None else size))

    def fetchall(self) -> list[Any]:
        return fetched(self.wrapper, super().fetchall)

    def execute(self, query: str, params: Any = None) -> Any:
        execute = super().execute
        try:
            return executed(self.wrapper, query, lambda: execute(query, params))
        except (sqlite3.Error, TimedOut):
            self.close()
            raise

    def executemany(self, query: str, param_list: Any) -> Any:
        execute_many = super().executemany
        try:
            return executed(self.wrapper, query, lambda: execute_many(query, param_list))
        except (sqlite3.Error, TimedOut):
            self.close()
            raise


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own connection, with our cursors."""

    def create_cursor(self, name: str | None = None) -> Cursor:
        """Return a cursor."""
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        cursor.wrapper = self
        return cursor
