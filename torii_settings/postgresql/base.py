"""Django finds a backend by this module's name."""

import select

from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus


class DatabaseWrapper(base.DatabaseWrapper):
    """Knows without a round trip that the server has closed a connection."""

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
