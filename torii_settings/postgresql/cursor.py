"""Django's cursor wrapper, which runs a disturbed statement, or the unit of work around it, again.

It wraps psycopg's cursor and the StatementCursor alike. So execute wrappers, the query log and tools that patch
Django's wrapper see every statement, and see it once.
"""

import re
import time
from typing import Any

from django.db import Error
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper

from lib import rerun
from lib.time_limit import executed
from torii_settings.postgresql.disturbance import Disturbance, disturbance, is_refusal, report

STATEMENT_RUNS = 3

# Statements after which there is nothing to commit.
READ = re.compile(r"[\s(]*(?:SELECT|SHOW|SET|VALUES|EXPLAIN|SAVEPOINT|RELEASE|ROLLBACK)\b", re.IGNORECASE)


class Cursor(CursorWrapper):
    """A cursor that survives disturbances."""

    def fetchall(self) -> list[Any]:
        """Return all rows; Django makes a method for it each time that it is asked for."""
        with self.db.wrap_database_errors:
            rows: list[Any] = self.cursor.fetchall()
        return rows

    def _execute(self, sql: Any, params: Any, *context: Any) -> Any:
        return executed(self.db, sql, lambda: self._outlive(sql, params, *context))

    def _outlive(self, sql: Any, params: Any, *context: Any) -> Any:
        """Run a statement, again if it was disturbed and may be."""
        is_read = READ.match(sql) is not None
        runs_left = STATEMENT_RUNS - 1
        while True:
            try:
                result = super()._execute(sql, params, *context)  # type: ignore[misc]
                break
            except Error as error:
                self._recover(error, is_read, runs_left)
                runs_left -= 1
        if not is_read:
            self.db.note_write()
        return result

    def _executemany(self, sql: Any, param_list: Any, *context: Any) -> Any:
        execute_many = super()._executemany  # type: ignore[misc]
        result = executed(self.db, sql, lambda: execute_many(sql, param_list, *context))
        self.db.note_write()
        return result

    def _recover(self, error: Error, is_read: bool, runs_left: int) -> None:
        """Get ready to run the statement again. Raises RunAgain if only its unit can be, or `error` if neither can."""
        found = disturbance(error, is_open=self.db.is_open(), was_prepared=getattr(self.cursor, "was_prepared", False))
        if found is None:
            raise error
        in_transaction = not self.db.autocommit
        if found is Disturbance.STALE:
            # Other statements are probably out of date as well. The connection is replaced before the next request.
            self.cursor.stop_preparing()
            self.db.close_at = time.monotonic()
        elif found is Disturbance.LOST:
            self.db.close()
        if in_transaction:
            self.db.leave_unit(found, error)
            raise error
        was_sent = getattr(self.cursor, "was_sent", True)
        if was_sent and not (is_read or is_refusal(error) or rerun.writes_repeatably()):
            # Nobody knows whether the statement was carried out.
            rerun.note_write()
            raise error
        if not (runs_left and rerun.is_early()):
            raise error
        report(found, error, "A statement")
        self.cursor = self.db.reopened(self.cursor)


class DebugCursor(Cursor, CursorDebugWrapper):
    """The same, with a log of queries."""
