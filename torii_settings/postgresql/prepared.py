"""Runs the statements that are made once (`torii_settings.statement`) on libpq, with little around it.

psycopg's cursor is written for any query and takes more than half of the CPU time that a small look-up costs on this
side. This cursor uses only the parts that psycopg's cursors are built of: what calls libpq (`psycopg.pq`) and what
converts values (`Transformer`). Django's wrapper goes around it as around any cursor.

A prepared statement goes out of date when the schema changes. The connection then stops preparing, and this process
prepares other texts from then on: PgBouncer keeps one statement for each text, and would hand out the outdated one.
"""

import select
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any, cast

from psycopg import Connection, OperationalError
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

# A statement that is prepared takes memory of PostgreSQL, for each connection. There are fewer than these; if many more
# should be made one day, those that come last are planned each time.
MOST_PREPARED = 200


class Generation:
    """Counts how often this process has met a changed schema. Each generation of statements has its own texts."""

    number = 0

    @classmethod
    def end(cls, number: int) -> None:
        """Begin the next generation, unless another connection has already done so."""
        cls.number = max(cls.number, number + 1)


class StatementCursor:
    """Runs statements on a connection, one after the other; has what they need of a cursor's methods (PEP 249).

    `was_prepared` and `was_sent` tell whether the last statement was.
    """

    was_prepared = False
    was_sent = True

    def __init__(self, connection: "Connection[Any]", *, prepares: bool) -> None:
        self.connection = connection
        self.pgconn: PGconn = connection.pgconn
        self.transformer = Transformer(connection)
        self.prepares = prepares
        self.generation = Generation.number
        self.prepared: dict[str, bytes] = {}
        self.result: PGresult

    def execute(self, sql: str, params: Sequence[Any]) -> None:
        """Run `sql`, in which `%s` stands for each of `params`.

        Raises psycopg's errors. Other than with psycopg's cursors, a wait for PostgreSQL isn't ended by Ctrl-C.
        """
        if not self.connection.autocommit and self.pgconn.transaction_status == TransactionStatus.IDLE:
            checked(self.pgconn.exec_(b"BEGIN"))
        values = self.transformer.dump_sequence(params, [PyFormat.TEXT] * len(params))
        name = self.prepared.get(sql)
        self.was_prepared = name is not None or (self.prepares and len(self.prepared) < MOST_PREPARED)
        if self.was_prepared and name is None:
            name = self._prepare(sql, len(params))
        if self.connection.autocommit and not sql.startswith("SELECT"):
            self._execute_alone(sql, name, values)
        elif name is None:
            self.result = checked(self.pgconn.exec_params(numbered(sql, len(values)), values))
        else:
            self.result = checked(self.pgconn.exec_prepared(name, values))  # type: ignore[arg-type]

    def _execute_alone(self, sql: str, name: bytes | None, values: Sequence[Any]) -> None:
        """Run a statement that is a transaction of its own, and be as careful as with a COMMIT.

        If the server has hung up by now, the statement isn't sent. If it refuses, that is what is told, and not that
        the connection is gone.
        """
        self.was_sent = False
        self.pgconn.consume_input()
        self.was_sent = True
        if name is None:
            self.pgconn.send_query_params(numbered(sql, len(values)), values)
        else:
            self.pgconn.send_query_prepared(name, values)
        self.result = checked(first_result(self.pgconn))

    def _prepare(self, sql: str, params: int) -> bytes:
        text = numbered(sql, params)
        if self.generation:
            text += b" /* %d */" % self.generation
        # The name follows from the text: a PgBouncer that mixes up clients' statements can't run a different one.
        name = b"torii_" + blake2b(text, digest_size=12).hexdigest().encode()
        checked(self.pgconn.prepare(name, text))
        self.prepared[sql] = name
        return name

    def stop_preparing(self) -> None:
        """Plan each statement anew from now on, those included that are prepared."""
        self.prepares = False
        self.prepared.clear()
        Generation.end(self.generation)

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


def first_result(pgconn: PGconn) -> PGresult:
    """Return the first result of the command that was sent. `PGconn.exec_` returns the last.

    If the server refuses the command and ends the connection, the first result is the refusal, and the last says only
    that the connection is gone. Raises OperationalError if the connection is gone before there is a result.
    """
    first = next_result(pgconn)
    with suppress(OperationalError):
        while next_result(pgconn):
            continue
    return cast(PGresult, first)


def next_result(pgconn: PGconn) -> PGresult | None:
    """Return the next result of a command that was sent, None behind the last; other threads run meanwhile."""
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN)
    while pgconn.is_busy():
        poll.poll()
        pgconn.consume_input()
    return pgconn.get_result()


def checked(result: PGresult) -> PGresult:
    """Return the result of a command that was carried out. Raises psycopg's error if it wasn't."""
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return result
    if result.error_field(DiagnosticField.SQLSTATE) is None:
        # No SQLSTATE: libpq itself reports that the connection is gone.
        raise OperationalError(result.get_error_message())
    raise error_from_result(result)
