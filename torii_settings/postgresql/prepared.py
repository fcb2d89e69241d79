"""What runs the statements that are made once (`torii_settings.statement`): libpq, with little around it.

Of the CPU time that a small look-up takes on this side, psycopg's cursor, which is written for any query, and Django's
around it take three quarters. Here are left the parts of psycopg that its cursors are built of: what calls libpq
(`psycopg.pq`) and what converts values (`Transformer`).
"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from psycopg import OperationalError
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

# A statement that is prepared takes memory of PostgreSQL, for each connection. There are fewer than these; if many more
# should be made one day, those that come last are planned each time.
MOST_PREPARED = 200


class StatementCursor:
    """Runs statements on a connection, one after the other; has what they need of a cursor's methods (PEP 249)."""

    def __init__(self, wrapper: Any) -> None:
        self.wrapper = wrapper
        self.connection = wrapper.connection
        self.pgconn: PGconn = self.connection.pgconn
        self.transformer = Transformer(self.connection)
        self.prepared: dict[str, bytes] = {}
        self.result: PGresult

    def execute(self, sql: str, params: Sequence[Any]) -> None:
        """Run `sql`, in which `%s` stands for each of `params`; it is prepared unless `DATABASE_PREPARE` is off.

        Raises Django's errors, as its cursors do. Other than theirs, a wait for PostgreSQL isn't ended by Ctrl-C.
        """
        self.wrapper.validate_no_broken_transaction()
        with self.wrapper.wrap_database_errors:
            if not self.connection.autocommit and self.pgconn.transaction_status == TransactionStatus.IDLE:
                checked(self.pgconn.exec_(b"BEGIN"))
            values = self.transformer.dump_sequence(params, [PyFormat.TEXT] * len(params))
            name = self.prepared.get(sql)
            if name is None and settings.DATABASE_PREPARE and len(self.prepared) < MOST_PREPARED:
                name = self._prepare(sql, len(params))
            if name is None:
                self.result = checked(self.pgconn.exec_params(numbered(sql, len(params)), values))
            else:
                self.result = checked(self.pgconn.exec_prepared(name, values))  # type: ignore[arg-type]

    def _prepare(self, sql: str, params: int) -> bytes:
        name = b"statement_%d" % len(self.prepared)
        checked(self.pgconn.prepare(name, numbered(sql, params)))
        self.prepared[sql] = name
        return name

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that the statement found."""
        self.transformer.set_pgresult(self.result)
        return self.transformer.load_rows(0, self.result.ntuples, tuple)

    @property
    def rowcount(self) -> int:
        """How many rows the statement has found or written."""
        return self.result.command_tuples or 0


def numbered(sql: str, params: int) -> bytes:
    """Return `sql` with the parameters as PostgreSQL knows them: $1, $2 and so on."""
    return (sql % tuple(f"${number}" for number in range(1, params + 1))).encode()


def checked(result: PGresult) -> PGresult:
    """Return the result of a command that was carried out. Raises psycopg's error if it wasn't."""
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return result
    if result.error_field(DiagnosticField.SQLSTATE) is None:
        # It is libpq that speaks: there is no line to PostgreSQL any more.
        raise OperationalError(result.get_error_message())
    raise error_from_result(result)
