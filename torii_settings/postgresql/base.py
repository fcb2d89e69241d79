"""Django finds a backend by this module's name."""

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Cursor, adapters
from psycopg.pq import Format, TransactionStatus

from torii_settings.postgresql import Repeated

# Django has these read by Python, to choose a time zone and to keep them as text. In UTC, which is ours, psycopg's own
# readers in C come to the same, several times as fast: a page of 100 members holds 300 moments.
READ_AS = {"timestamptz": "timestamptz", "jsonb": "text", "inet": "text", "cidr": "text"}


class PreparingCursor(base.ServerBindingCursor):
    """Prepares what is `Repeated`, and nothing else."""

    def execute(self, query: Any, params: Any = None) -> Any:
        """Run `query`."""
        return super().execute(query, params, prepare=None if isinstance(query, Repeated) else False)  # type: ignore[misc]


class DatabaseWrapper(base.DatabaseWrapper):
    """Prepares little, reads moments and texts in C, and knows without asking that the server has hung up."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> "Connection[Any]":
        """Return a connection with the readers."""
        connection: Connection[Any] = super().get_new_connection(conn_params)
        connection.cursor_factory = PreparingCursor  # type: ignore[assignment]
        for name, like in READ_AS.items():
            loader = adapters.get_loader(adapters.types[like].oid, Format.TEXT)
            if loader is not None:
                connection.adapters.register_loader(name, loader)
        return connection

    def create_cursor(self, name: str | None = None) -> "Cursor[Any]":
        """Return a cursor of the client's: none of the server's, `DISABLE_SERVER_SIDE_CURSORS` sees to that."""
        cursor: Cursor[Any] = self.connection.cursor()
        return cursor

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
