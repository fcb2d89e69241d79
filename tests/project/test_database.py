"""The connection to PostgreSQL: how it is set up, and what is noticed, without asking, when it has come to its end."""

import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.transaction import TransactionManagementError
from django.test import RequestFactory

from members.models import Organization
from tests.application import application
from tests.conftest import new_key
from tests.server import ROOT
from torii_settings.postgresql import prepared
from torii_settings.postgresql.base import DatabaseWrapper
from torii_settings.statement import shared_cursor

# "FATAL: terminating connection due to administrator command", as the protocol has it.
FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
GOOD_BYE = b"E" + struct.pack("!I", len(FIELDS) + 4) + FIELDS


@pytest.fixture
def postgresql(transactional_db: None, settings: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("is about PostgreSQL")
    settings.DATABASE_FAST_CURSOR = settings.DATABASE_PREPARE = True
    connection.close()
    connection.ensure_connection()


def query(sql: str, *values: Any, on: Any = connection) -> Any:
    with on.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


def get(path: str, key: str) -> str:
    """Make a request as the web server does, connection handling included, in this thread; return the status."""
    statuses: list[str] = []
    environ = RequestFactory().get(path, headers={"Authorization": f"Bearer {key}", "Host": "testserver"}).environ
    b"".join(application(environ, lambda status, headers: statuses.append(status)))
    return statuses[0]


def pid() -> int:
    return query("SELECT pg_backend_pid()")


@pytest.fixture
def key(acme, postgresql) -> str:
    """Return a key with which requests have been made."""
    made = new_key(acme).text
    assert [get("/scim/v2/Users", made) for _ in range(4)] == ["200 OK"] * 4
    return made


@pytest.fixture
def other(postgresql) -> Iterator[Any]:
    """A second connection."""
    made = connection.copy()
    yield made
    made.close()


def test_requests_share_a_connection(key):
    before = pid()
    assert get("/scim/v2/Users", key) == "200 OK"
    assert pid() == before


def test_a_request_after_the_server_has_closed_the_connection_is_answered_over_a_new_one(key, other):
    for _ in range(3):
        before = pid()
        assert query("SELECT pg_terminate_backend(%s, 5000)", before, on=other) is True
        assert get("/scim/v2/Users", key) == "200 OK"
        assert pid() != before


def test_whether_a_connection_lives_is_seen_without_asking_the_server(other, postgresql):
    before = pid()
    query("SELECT 'the last words'")
    assert connection.is_usable()
    asked = query("SELECT query FROM pg_stat_activity WHERE pid = %s", before, on=other)
    assert asked == "SELECT 'the last words'"


PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"


def test_statements_are_prepared_and_nothing_else(key):
    for number in range(9):
        assert query("SELECT 'once more', %s", number) == "once more"
    assert query(PREPARED, "%once more%") == 0
    assert query(PREPARED, "%apikeys_apikey%") >= 1


def test_a_statement_is_prepared_once_and_the_last_of_many_never(postgresql, monkeypatch):
    monkeypatch.setattr(prepared, "MOST_PREPARED", 2)
    cursor = shared_cursor(connection)
    for _ in range(3):
        for number in range(4):
            cursor.execute(f"SELECT 'number %%{number}', %s", ["once"])
            assert cursor.fetchall() == [(f"number %{number}", "once")]
    assert query(PREPARED, "%number %%") == 2


def test_where_none_may_be_prepared_statements_run_all_the_same(postgresql, settings):
    settings.DATABASE_PREPARE = False
    cursor = shared_cursor(connection)
    cursor.execute("SELECT 'unprepared', %s", [None])
    assert cursor.fetchall() == [("unprepared", None)]
    assert query(PREPARED, "%unprepared%") == 0


def test_a_statement_begins_the_transaction_that_it_is_the_first_of(postgresql, acme):
    renamed = "UPDATE members_organization SET name = %s"
    with transaction.atomic():
        shared_cursor(connection).execute(renamed, ["Never"])
        transaction.set_rollback(True)
    assert Organization.objects.get().name == acme.name
    with transaction.atomic():
        shared_cursor(connection).execute(renamed, ["Renamed"])
    assert Organization.objects.get().name == "Renamed"


def test_a_failed_statement_raises_what_a_cursor_would(postgresql):
    cursor = shared_cursor(connection)
    with pytest.raises(DataError, match="division by zero"):
        cursor.execute("SELECT 1/0", [])
    with pytest.raises(ProgrammingError, match="no_such_table"):
        cursor.execute("SELECT * FROM no_such_table", [])
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            cursor.execute("SELECT 1", [])
    cursor.execute("SELECT %s::int", [7])
    assert cursor.fetchall() == [(7,)]


def test_what_fails_only_at_the_end_of_a_transaction_is_told(postgresql):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE pair (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute("INSERT INTO pair VALUES (1), (1)")
        cursor.execute("SELECT count(*) FROM pair")
        assert cursor.fetchone() == (0,)


class Line:
    """A line to PostgreSQL that can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.server = socket.create_connection((host, port))
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    def carry(self) -> None:
        """Carry what either says to the other until `hang_up`."""
        self.client, _ = self.listener.accept()
        ends = {self.client: self.server, self.server: self.client}
        while True:
            for end in select.select(list(ends), [], [])[0]:
                said = end.recv(65536)
                if not said:
                    return
                ends[end].sendall(said)

    def hang_up(self) -> None:
        """Carry no more."""
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)

    def close(self) -> None:
        for end in (self.client, self.server, self.listener):
            end.close()


def say_good_bye(line: Line) -> None:
    line.client.sendall(GOOD_BYE)


def close(line: Line) -> None:
    line.client.close()


def reset(line: Line) -> None:
    line.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.client.close()


@pytest.mark.parametrize("end", [say_good_bye, close, reset])
def test_however_the_server_leaves_it_is_noticed(postgresql, end: Callable[[Line], None]):
    own = connection.settings_dict
    line = Line(own["HOST"], int(own["PORT"]))
    caller = DatabaseWrapper(own | {"HOST": "127.0.0.1", "PORT": line.port})
    try:
        assert query("SELECT 1", on=caller) == 1
        assert caller.is_usable()
        line.hang_up()
        # To the caller, nothing has happened yet.
        assert caller.is_usable()
        end(line)
        assert select.select([caller.connection.fileno()], [], [], 10)[0]
        assert not caller.is_usable()
    finally:
        caller.close()
        line.close()


@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT 1/0"], ids=["open", "aborted"])
def test_a_connection_that_was_left_in_a_transaction_is_not_used_again(key, statement):
    before = pid()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            cursor.execute(statement)
        except DatabaseError:
            assert statement == "SELECT 1/0"
    assert not connection.is_usable()
    connection.errors_occurred = True
    assert get("/scim/v2/Users", key) == "200 OK"
    assert pid() != before


def options(url: str, **environment: str) -> Any:
    """Return the options of the connection that the service makes with this environment."""
    code = (
        "import json; from torii_settings.settings import DATABASES; print(json.dumps(DATABASES['default']['OPTIONS']))"
    )
    environment = os.environ | {"DATABASE_URL": url} | environment
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def test_what_the_url_says_of_the_connection_holds_beside_our_own_options():
    said = options("postgres://u:p@db.example/name?sslmode=verify-full&tcp_user_timeout=10000")
    assert said["sslmode"] == "verify-full"
    assert said["tcp_user_timeout"] == "10000"
    assert said["connect_timeout"] == "5"
    assert said["server_side_binding"] is True
