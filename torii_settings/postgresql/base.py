"""Django finds a backend by this module's name."""

import select
import time
from typing import Any

from django.conf import settings
from django.db import Error
from django.db.backends.postgresql import base
from django.db.backends.utils import debug_transaction
from psycopg import Connection, Cursor as PsycopgCursor, adapters
from psycopg.pq import ConnStatus, Format, TransactionStatus

from lib import rerun
from torii_settings.postgresql.cursor import Cursor, DebugCursor
from torii_settings.postgresql.disturbance import Disturbance, disturbance, is_refusal, report
from torii_settings.postgresql.prepared import StatementCursor, checked, first_result
from torii_settings.postgresql.schema import DatabaseSchemaEditor

# Django has these read by Python, to choose a time zone and to keep them as text. In UTC, which is ours, psycopg's own
# readers in C come to the same, several times as fast: a page of 100 members holds 300 moments.
READ_AS = {"timestamptz": "timestamptz", "jsonb": "text", "inet": "text", "cidr": "text"}

# Of which one is "on" at a server that takes no changes, and for how long a connection to it is kept.
TAKES_NO_CHANGES = (b"default_transaction_read_only", b"in_hot_standby")
READ_ONLY_SECONDS = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Reads moments and texts in C, knows without asking that the server has hung up, and outlives disturbances.

    `has_written`: whether the transaction that is open has written something.
    """

    SchemaEditorClass = DatabaseSchemaEditor
    has_written = False
    _statements: StatementCursor | None = None
    _statement_cursor: Cursor | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> "Connection[Any]":
        """Return a connection with the readers."""
        self.has_written = False
        connection: Connection[Any] = super().get_new_connection(conn_params)
        for name, like in READ_AS.items():
            loader = adapters.get_loader(adapters.types[like].oid, Format.TEXT)
            if loader is not None:
                connection.adapters.register_loader(name, loader)
        return connection

    def connect(self) -> None:
        """Connect. A server that takes no changes now may take them later, but not on a connection opened before.

        Such a connection is soon left for a new one. PostgreSQL has told the client already what it takes: from 14 on.
        """
        super().connect()
        if b"on" in (self.connection.pgconn.parameter_status(name) for name in TAKES_NO_CHANGES):
            self.close_at = time.monotonic() + READ_ONLY_SECONDS

    # Cursors ----------------------------------------------------------------------------------------------------------

    def create_cursor(self, name: str | None = None) -> "PsycopgCursor[Any]":
        """Return a cursor of the client's: none of the server's, `DISABLE_SERVER_SIDE_CURSORS` sees to that."""
        cursor: PsycopgCursor[Any] = self.connection.cursor()
        return cursor

    def make_cursor(self, cursor: Any) -> Cursor:
        """Return Django's wrapper around a cursor."""
        return Cursor(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> DebugCursor:
        """Return Django's wrapper that logs."""
        return DebugCursor(cursor, self)

    def statement_cursor(self) -> Any:
        """Return a cursor for a Statement, whose result is read to its end before the next statement runs.

        `DATABASE_FAST_CURSOR` says whether it is our own on libpq or psycopg's.
        """
        if not settings.DATABASE_FAST_CURSOR:
            return self.cursor()
        self.close_if_health_check_failed()
        if self.connection is None:
            self.ensure_connection()
        # As Django's `_prepare_cursor` does, but for a look at whether another thread's connection is used.
        statements = self.statements()
        if self.queries_logged:
            return self.make_debug_cursor(statements)
        if self._statement_cursor is None or self._statement_cursor.cursor is not statements:
            self._statement_cursor = self.make_cursor(statements)
        return self._statement_cursor

    def statements(self) -> StatementCursor:
        """Return the StatementCursor of the connection that is open; a new one takes as long as a small query."""
        if self._statements is None or self._statements.connection is not self.connection:
            self._statements = StatementCursor(self.connection, prepares=settings.DATABASE_PREPARE)
        return self._statements

    def reopened(self, cursor: Any) -> Any:
        """Return `cursor`, or one of its kind on a new connection if its own is gone."""
        if self.is_open():
            return cursor
        self.ensure_connection()
        return self.statements() if isinstance(cursor, StatementCursor) else self.create_cursor()

    # Transactions -----------------------------------------------------------------------------------------------------

    def note_write(self) -> None:
        """Remember that a statement has written something, which an open transaction has yet to commit."""
        if self.autocommit:
            rerun.note_write()
        else:
            self.has_written = True

    def leave_unit(self, found: Disturbance, error: Error) -> None:
        """Raise RunAgain if the unit of work, of which nothing is committed, may be run again."""
        if rerun.may_run_again():
            report(found, error, "A unit of work")
            raise rerun.RunAgain from error

    def _commit(self) -> None:
        """Commit. If nobody knows whether that was done, the unit is not run again."""
        if self.connection is None:
            return
        written, self.has_written = self.has_written, False
        with debug_transaction(self, "COMMIT"):
            self._send_commit()
            try:
                with self.wrap_database_errors:
                    self._finish_commit()
            except Error as error:
                found = disturbance(error, is_open=self.is_open())
                if found is Disturbance.LOST:
                    self.close()
                if found and (is_refusal(error) or not written or rerun.writes_repeatably()):
                    self.leave_unit(found, error)
                elif written and not is_refusal(error):
                    rerun.note_write()
                raise
        if written:
            rerun.note_write()

    def _send_commit(self) -> None:
        """Send COMMIT. If the server has hung up by now, the COMMIT doesn't get there, so nothing is committed."""
        pgconn = self.connection.pgconn
        try:
            with self.wrap_database_errors:
                pgconn.consume_input()
                if settings.DATABASE_FAST_CURSOR and pgconn.transaction_status != TransactionStatus.IDLE:
                    pgconn.send_query(b"COMMIT")
        except Error as error:
            self.close()
            self.leave_unit(Disturbance.LOST, error)
            raise

    def _finish_commit(self) -> None:
        """Wait for the answer. Psycopg's own method waits in Python, which takes it as long as PostgreSQL."""
        pgconn = self.connection.pgconn
        if not settings.DATABASE_FAST_CURSOR:
            self.connection.commit()
        elif pgconn.transaction_status != TransactionStatus.IDLE:
            checked(first_result(pgconn))

    def _rollback(self) -> None:
        """Roll back."""
        self.has_written = False
        super()._rollback()  # type: ignore[misc]

    # The connection ---------------------------------------------------------------------------------------------------

    def is_open(self) -> bool:
        """Whether there is a connection, as far as is known here."""
        return self.connection is not None and self.connection.pgconn.status == ConnStatus.OK

    def is_usable(self) -> bool:
        """Whether the connection lives: an idle one has nothing to read, unless the server has said good-bye.

        One that is closed, or was left in the middle of a transaction, isn't idle. Django asks before the first query
        of every request (CONN_HEALTH_CHECKS), by a `SELECT 1` of its own, which costs as much as the query that
        follows.
        """
        if self.connection is None or self.connection.pgconn.transaction_status != TransactionStatus.IDLE:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)
