"""Django finds a backend by this module's name."""

import select
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.utils import debug_transaction
from psycopg import Connection, Cursor, adapters
from psycopg.pq import Format, TransactionStatus

from torii_settings.postgresql.prepared import checked
from torii_settings.postgresql.schema import DatabaseSchemaEditor

# Django has these read by Python, to choose a time zone and to keep them as text. In UTC, which is ours, psycopg's own
# readers in C come to the same, several times as fast: a page of 100 members holds 300 moments.
READ_AS = {"timestamptz": "timestamptz", "jsonb": "text", "inet": "text", "cidr": "text"}


class DatabaseWrapper(base.DatabaseWrapper):
    """Reads moments and texts in C, commits with little ado, and knows without asking that the server has hung up."""

    SchemaEditorClass = DatabaseSchemaEditor

    def get_new_connection(self, conn_params: dict[str, Any]) -> "Connection[Any]":
        """Return a connection with the readers."""
        connection: Connection[Any] = super().get_new_connection(conn_params)
        for name, like in READ_AS.items():
            loader = adapters.get_loader(adapters.types[like].oid, Format.TEXT)
            if loader is not None:
                connection.adapters.register_loader(name, loader)
        return connection

    def create_cursor(self, name: str | None = None) -> "Cursor[Any]":
        """Return a cursor of the client's: none of the server's, `DISABLE_SERVER_SIDE_CURSORS` sees to that."""
        cursor: Cursor[Any] = self.connection.cursor()
        return cursor

    def _commit(self) -> None:
        """Commit. Psycopg's own method waits for the answer in Python, which takes it as long as PostgreSQL."""
        if self.connection is not None and self.connection.pgconn.transaction_status != TransactionStatus.IDLE:
            with debug_transaction(self, "COMMIT"), self.wrap_database_errors:
                checked(self.connection.pgconn.exec_(b"COMMIT"))

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
