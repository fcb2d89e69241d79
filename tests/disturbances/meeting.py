"""What this process's own connection meets, and when: before a statement, or in the middle of COMMIT."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from psycopg import OperationalError as ConnectionLost

from tests.disturbing import Other, add_and_drop_columns, change_types, end_connections
from torii_settings.postgresql.prepared import StatementCursor


def statements() -> StatementCursor:
    """Return the cursor on libpq of this connection."""
    found: StatementCursor = connections[DEFAULT_DB_ALIAS].statements()  # type: ignore[attr-defined]
    return found


def lose_statements(other: Other) -> None:
    """Have the server forget what this connection has prepared, as DISCARD ALL does, or another server's connection."""
    if connection.connection.pgconn.transaction_status == 0:
        connection.connection.pgconn.exec_(b"DISCARD ALL")
    else:
        connection.connection.pgconn.exec_(b"DEALLOCATE ALL")


def find_statements(other: Other) -> None:
    """Have this connection find prepared already what it is about to prepare."""
    statements().prepared.clear()


DISTURBANCES = [change_types, add_and_drop_columns, lose_statements, find_statements, end_connections]


@contextmanager
def before_statement(number: int, disturb: Callable[[], None]) -> Iterator[list[str]]:
    """Call `disturb` once, before the statement with this number; yield the statements that are run."""
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        if len(seen) - 1 == number:
            disturb()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen


def lose_answer(finish: Callable[[], object]) -> None:
    """Commit, and lose the connection before the answer is there."""
    finish()
    connection.connection.close()
    raise ConnectionLost("server closed the connection unexpectedly")
