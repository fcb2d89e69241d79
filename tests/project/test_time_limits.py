"""How long the database works for a request (`lib.time_limit`): each door has its limit, and says it in its own format.

`tests/processes/test_pgbouncer.py` does the same through PgBouncer.
"""

import logging
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from apikeys.models import ApiKey
from audit.models import Event
from lib import time_limit
from lib.database_errors import Fault, Reports, fault_of
from lib.time_limit import TimedOut, TimeLimit
from members.models import Member, Organization, User
from tests.api.client import Script, assert_problem
from tests.conftest import ACME, new_key, sign_in_staff
from tests.disturbing import other_connection
from tests.identity_provider import USER, IdentityProvider, assert_error
from tests.processes.rig import default_database
from tests.processes.vanishing import forwarded
from tests.server import database_url

pytestmark = pytest.mark.django_db(transaction=True)

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
LIMIT = 0.3
# Ends only if it is stopped; a test that waits for it fails.
ENDLESS = {
    "postgresql": "SELECT pg_sleep(30)",
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
}
ONE_ROW_AND_NO_END = (
    "SELECT x FROM (WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n) WHERE x < 2"
)
MUCH_LESS = 10.0


@pytest.fixture(autouse=True)
def limits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Machines have a third of a second, people twice that; afterwards the connection is as it was."""
    settings.REQUEST_TIMEOUT_MACHINES = LIMIT
    settings.REQUEST_TIMEOUT_PEOPLE = 2 * LIMIT
    monkeypatch.setattr("lib.database_errors._reports", Reports())
    yield
    try:
        assert connection.get_autocommit()
        assert not connection.in_atomic_block
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA busy_timeout")
                assert cursor.fetchone() == (20_000,)
    finally:
        connection.close()


@contextmanager
def slow(*words: str, sql: str = "", times: int = 1000) -> Iterator[list[str]]:
    """Replace statements that have all of `words` by one that doesn't end, or by `sql`; yield those replaced."""
    replaced: list[str] = []

    def wrapper(execute: Any, statement: str, params: Any, many: bool, context: Any) -> Any:
        if len(replaced) == times or not all(re.search(word, statement) for word in words):
            return execute(statement, params, many, context)
        replaced.append(statement)
        return execute(sql or ENDLESS[connection.vendor], [], False, context)

    with connection.execute_wrapper(wrapper):
        yield replaced


@contextmanager
def limited_statements(run: Callable[[str, Callable[[], Any]], Any]) -> Iterator[None]:
    """Have `run` run each statement that is under a limit, given its SQL and what runs it."""
    original = TimeLimit.run

    def replaced(limit: TimeLimit, connection: Any, sql: str, execute: Callable[[], Any]) -> Any:
        return original(limit, connection, sql, lambda: run(sql, execute))

    with patch.object(TimeLimit, "run", replaced):
        yield


def dawdling(seconds: float) -> AbstractContextManager[None]:
    """Let each statement take so long."""

    def dawdle(sql: str, execute: Callable[[], Any]) -> Any:
        time.sleep(seconds)
        return execute()

    return limited_statements(dawdle)


@contextmanager
def ends_soon(seconds: float = LIMIT) -> Iterator[None]:
    """Assert that the block takes at least `seconds`, and nowhere near as long as what doesn't end."""
    began = time.monotonic()
    yield
    assert seconds <= time.monotonic() - began < MUCH_LESS


@pytest.fixture
def script(acme: Organization) -> Script:
    return Script(new_key(acme, "api_write").text)


@pytest.fixture
def browser(ana: Member, sign_in: Any) -> Client:
    client: Client = sign_in(ana)
    client.raise_request_exception = False
    return client


@pytest.fixture
def staff(db: None) -> Client:
    client = Client(raise_request_exception=False)
    sign_in_staff(client, User.objects.create_superuser("staff@torii.example", "a password for tests"))
    return client


PAGE_OF_MEMBERS = ("^SELECT", "members_member", "LIMIT|COUNT")


def test_a_slow_scim_query_is_a_400_that_says_what_to_ask_instead(okta: IdentityProvider, ana: Member) -> None:
    for ask in (
        lambda: okta.get("/Users", filter='title co "x"'),
        lambda: okta.call("POST", "/Users/.search", {"filter": 'title co "x"'}),
    ):
        with ends_soon(), slow("^SELECT", "members_member"):
            response = ask()
        assert_error(response, 400, "tooMany", "narrower", "userName", "count")
        assert ask().status_code == 200


def test_a_slow_rest_query_is_a_problem_that_says_so(script: Script, ana: Member) -> None:
    with ends_soon(), slow(*PAGE_OF_MEMBERS):
        response = script.call("GET", "members")
    assert_problem(response, 400, "query_too_slow", "user_name")
    assert script.call("GET", "members").status_code == 200


def test_a_slow_page_is_one_that_says_so(browser: Client, staff: Client) -> None:
    for client, path in ((browser, f"{ACME}/members"), (staff, "/admin/members/member/")):
        with ends_soon(2 * LIMIT), slow(*PAGE_OF_MEMBERS):
            response = client.get(path, follow=True)
        assert response.status_code == 400
        assert "search for a whole name" in response.content.decode()
        assert client.get(path, follow=True).status_code == 200


def test_a_slow_change_is_a_503_at_every_door_and_is_undone_whole(
    okta: IdentityProvider, script: Script, browser: Client, acme: Organization, ira: Member
) -> None:
    """The event is the last that is written: the member is changed by then."""
    events = Event.objects.count()
    last = ("INSERT INTO", "audit_event")

    with ends_soon(), slow(*last):
        scim = okta.patch(ira.pk, {"op": "replace", "path": "active", "value": False})
    with ends_soon(), slow(*last):
        rest = script.call("POST", f"members/{ira.pk}/deactivation")
    with ends_soon(2 * LIMIT), slow(*last):
        page = browser.post(f"{ACME}/members/{ira.pk}/deactivation")

    assert_error(scim, 503, "", Fault.CHANGE_TIMED_OUT.value)
    assert_problem(rest, 503, "change_too_slow", Fault.CHANGE_TIMED_OUT.value)
    assert page.status_code == 503
    for response in (scim, rest, page):
        assert response["Retry-After"] == "1"
    assert acme.members.get(pk=ira.pk).is_active
    assert Event.objects.count() == events
    assert okta.patch(ira.pk, {"op": "replace", "path": "active", "value": False}).status_code == 200


def test_many_quick_statements_have_the_time_of_one(okta: IdentityProvider, acme: Organization, ana: Member) -> None:
    """A timeout for each statement would let a request of a thousand work for hours."""

    with dawdling(LIMIT / 2):
        response = okta.create("late@acme.example", name={"givenName": "Late"})
    assert response.status_code == 503
    assert not acme.members.filter(user_name="late@acme.example").exists()


def test_without_a_limit_nothing_is_ended(okta: IdentityProvider, ana: Member, settings: Any) -> None:
    settings.REQUEST_TIMEOUT_MACHINES = 0

    with dawdling(LIMIT):
        assert okta.get("/Users").status_code == 200


def test_what_is_not_a_request_has_no_limit(ana: Member) -> None:
    assert time_limit.current.limit is None
    assert not time_limit.under_way


def test_what_is_done_in_time_is_committed_although_time_is_over(okta: IdentityProvider, acme: Organization) -> None:
    def dawdle(sql: str, execute: Callable[[], Any]) -> Any:
        result = execute()
        if "audit_event" in sql:
            time.sleep(LIMIT + 2 * time_limit.TICK)
        return result

    with limited_statements(dawdle):
        assert okta.create().status_code == 201
    assert acme.members.filter(user_name="bob@acme.example").exists()


def test_what_took_too_long_is_not_run_again(okta: IdentityProvider, ana: Member) -> None:
    with slow("^SELECT", "members_member") as replaced:
        assert okta.get("/Users", filter='title co "x"').status_code == 400
    assert len(replaced) == 1


def test_an_operation_of_a_bulk_request_fails_alone(
    okta: IdentityProvider, acme: Organization, ana: Member, ira: Member
) -> None:
    def put(member: Member) -> dict[str, Any]:
        data = {"schemas": [USER], "userName": member.user_name, "displayName": "New"}
        return {"method": "PUT", "path": f"/Users/{member.pk}", "data": data}

    creation = {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "a@acme.example"}}
    with ends_soon(), slow("INSERT INTO", "audit_event", times=1):
        response = okta.call("POST", "/Bulk", {"schemas": [BULK], "Operations": [put(ana), put(ira), creation]})
    results = response.json()["Operations"]
    assert [result["status"] for result in results] == ["503", "200", "201"]
    assert Fault.CHANGE_TIMED_OUT.value in results[0]["response"]["detail"]
    assert acme.members.get(pk=ana.pk).display_name != "New"
    assert acme.members.get(pk=ira.pk).display_name == "New"


def test_a_bulk_request_ends_after_ten_times_that_of_one_operation(
    okta: IdentityProvider, acme: Organization, settings: Any
) -> None:
    settings.REQUEST_TIMEOUT_MACHINES = 0.05
    creations = [
        {"method": "POST", "path": "/Groups", "bulkId": f"g{number}", "data": {"displayName": f"Group {number}"}}
        for number in range(30)
    ]
    with ends_soon(0.5), slow("INSERT INTO", "audit_event") as replaced:
        response = okta.call("POST", "/Bulk", {"schemas": [BULK], "Operations": creations})
    assert {result["status"] for result in response.json()["Operations"]} == {"503"}
    assert len(response.json()["Operations"]) == 30
    assert len(replaced) <= 10
    assert not acme.groups.exists()


def test_one_line_is_logged_without_a_value(okta: IdentityProvider, caplog: pytest.LogCaptureFixture) -> None:
    with slow("^SELECT", "members_member"), caplog.at_level(logging.INFO):
        okta.get("/Users", filter='title co "Secret"')
    [line] = [record for record in caplog.records if record.levelno >= logging.WARNING and "database" in record.message]
    assert line.levelname == "WARNING"
    assert line.message == "database: the database worked for longer than 0.3 s, and was stopped"


# What isn't a timeout -------------------------------------------------------------------------------------------------


@pytest.fixture
def postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("is about PostgreSQL")


def test_a_cancellation_by_an_administrator_is_none(okta: IdentityProvider, postgresql: None) -> None:
    with slow("^SELECT", "members_member", sql="SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(30)"):
        assert_error(okta.get("/Users", filter='title co "x"'), 503, "", Fault.UNAVAILABLE.value)


def test_a_connection_that_breaks_while_a_query_is_late_is_none(
    okta: IdentityProvider, ana: Member, postgresql: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when PgBouncer waits for a server that is away: the query is cancelled in vain, and PgBouncer hangs up."""

    def end(connected: psycopg.Connection, **kwargs: Any) -> None:
        with other_connection() as other:
            other.execute("SELECT pg_terminate_backend(%s)", [connected.info.backend_pid])

    monkeypatch.setattr(psycopg.Connection, "cancel_safe", end)
    with ends_soon(), slow("^SELECT", "members_member"):
        response = okta.get("/Users", filter='title co "x"')
    assert_error(response, 503, "", Fault.UNAVAILABLE.value)


def test_a_timeout_that_an_operator_has_set_is_one(okta: IdentityProvider, postgresql: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 50")
    with slow("^SELECT", "members_member"):
        assert_error(okta.get("/Users", filter='title co "x"'), 400, "tooMany")


def test_who_waits_for_a_lock_is_told_to_try_again(
    okta: IdentityProvider, acme: Organization, ira: Member, postgresql: None
) -> None:
    deactivate = {"op": "replace", "path": "active", "value": False}
    with other_connection() as other, other.transaction(), ends_soon():
        other.execute("SELECT 1 FROM members_member WHERE id = %s FOR UPDATE", [ira.pk])
        assert_error(okta.patch(ira.pk, deactivate), 503, "", Fault.CHANGE_TIMED_OUT.value)
    with other_connection() as other, other.transaction():
        other.execute("SELECT 1 FROM members_member WHERE id = %s FOR UPDATE", [ira.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 50")
        assert_error(okta.patch(ira.pk, deactivate), 503, "", Fault.UNAVAILABLE.value)
    assert okta.patch(ira.pk, deactivate).status_code == 200


def test_sqlite_waits_for_its_lock_no_longer(okta: IdentityProvider, ira: Member) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("is about SQLite")
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute("BEGIN IMMEDIATE")
        with ends_soon():
            response = okta.patch(ira.pk, {"op": "replace", "path": "active", "value": False})
        assert_error(response, 503)
        other.rollback()
    assert okta.patch(ira.pk, {"op": "replace", "path": "active", "value": False}).status_code == 200


def test_a_side_record_that_waits_fails_no_read(
    okta: IdentityProvider, acme: Organization, ana: Member, postgresql: None, settings: Any
) -> None:
    """The time of the request begins anew behind it."""
    settings.REQUEST_TIMEOUT_MACHINES = 5
    ApiKey.objects.update(last_used_at=None)
    with other_connection() as other, other.transaction():
        other.execute("SELECT 1 FROM apikeys_apikey FOR UPDATE")
        assert okta.get(f"/Users/{ana.pk}").status_code == 200


# The connection afterwards --------------------------------------------------------------------------------------------


def test_the_other_doors_limit_holds_on_the_same_connection(okta: IdentityProvider, browser: Client) -> None:
    for _ in range(2):
        with ends_soon(), slow(*PAGE_OF_MEMBERS):
            assert okta.get("/Users", filter='title co "x"').status_code == 400
        with ends_soon(2 * LIMIT), slow(*PAGE_OF_MEMBERS):
            assert browser.get(f"{ACME}/members", follow=True).status_code == 400


def test_a_cancellation_never_hits_the_next_statement(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time ends while a statement begins, runs or has ended: what comes behind the limit always succeeds."""
    monkeypatch.setattr(time_limit, "TICK", 0.0005)
    sql = {"postgresql": "SELECT pg_sleep(0.004)", "sqlite": "SELECT 1"}[connection.vendor]
    timed_out = 0
    for number in range(150):
        try:
            with TimeLimit(0.003 + number % 10 * 0.0003, is_for_change=False), connection.cursor() as cursor:
                for _ in range(3):
                    cursor.execute(sql)
        except TimedOut:
            timed_out += 1
        with connection.cursor() as cursor:
            cursor.execute("SELECT 2")
            assert cursor.fetchone() == (2,)
    assert timed_out > 0 or connection.vendor == "sqlite"


class LateCancellation:
    """Holds back requests to cancel on their way to PostgreSQL, until told to let them through."""

    # https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-CANCELREQUEST
    CODE = (80877102).to_bytes(4, "big")

    def __init__(self, database: BaseDatabaseWrapper) -> None:
        self.database = database
        self.is_sent = threading.Event()
        self.may_go = threading.Event()

    def hold(self, piece: bytes) -> None:
        """Wait, if a client asks to cancel."""
        if piece[4:8] == self.CODE:
            self.is_sent.set()
            self.may_go.wait(MUCH_LESS)

    def run_on_for_longer_than_is_allowed(self) -> int:
        """Run a statement that ends by itself, when the watchdog has asked to cancel it and waits no longer."""
        with self.database.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.5), 7")
            assert self.is_sent.is_set()
            number: int = cursor.fetchone()[1]
            return number

    def arrive(self) -> None:
        """Let it through, while somebody else's statement runs."""
        with self.database.cursor() as cursor:
            threading.Timer(0.1, self.may_go.set).start()
            for _ in range(2):
                cursor.execute("SELECT pg_sleep(0.5)")


@pytest.fixture
def late(transactional_db: None, postgresql: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LateCancellation]:
    monkeypatch.setattr(time_limit, "CANCEL_SECONDS", 0.1)
    held = LateCancellation(connection)
    with forwarded(database_url(), held.hold) as (url, _), default_database(url):
        held.database = connections["default"]
        try:
            yield held
        finally:
            held.may_go.set()


def test_a_cancellation_that_arrives_late_hits_nothing(late: LateCancellation) -> None:
    """The statement is over by then, and counts; the next one runs on another connection."""
    with TimeLimit(0.05, is_for_change=False):
        assert late.run_on_for_longer_than_is_allowed() == 7
        with pytest.raises(TimedOut):
            late.database.cursor().execute("SELECT 1")
    late.arrive()


def test_a_transaction_that_a_late_cancellation_could_hit_is_lost(late: LateCancellation, acme: Organization) -> None:
    def rename() -> None:
        with transaction.atomic(), TimeLimit(0.05, is_for_change=True):
            acme.members.update(display_name="New")
            late.run_on_for_longer_than_is_allowed()

    with pytest.raises(TimedOut):
        rename()
    late.arrive()
    assert not acme.members.filter(display_name="New").exists()


def test_a_side_record_that_a_late_cancellation_could_hit_fails_no_read(
    okta: IdentityProvider, ana: Member, late: LateCancellation, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REQUEST_TIMEOUT_MACHINES = 5
    monkeypatch.setattr("lib.best_effort.PATIENCE", 0.05)
    ApiKey.objects.update(last_used_at=None)
    with slow("^UPDATE", "apikeys_apikey", sql="SELECT pg_sleep(0.5)", times=1) as replaced:
        assert okta.get(f"/Users/{ana.pk}").status_code == 200
    assert replaced
    assert late.is_sent.is_set()
    late.arrive()


@pytest.mark.parametrize("error", [psycopg.errors.CancellationTimeout, psycopg.OperationalError, OSError, RuntimeError])
def test_a_connection_is_not_used_again_if_its_cancellation_is_unconfirmed(
    transactional_db: None, postgresql: None, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def cancel_safe(connected: psycopg.Connection, **kwargs: Any) -> None:
        raise error

    def cancel_late(limit: TimeLimit) -> int:
        limit.ends_at = 0
        with suppress(error):
            limit.cancel()
        return 7

    monkeypatch.setattr(psycopg.Connection, "cancel_safe", cancel_safe)
    connection.ensure_connection()
    before = connection.connection
    with TimeLimit(60, is_for_change=False) as limit:
        assert limit.watched(connection, lambda: cancel_late(limit)) == 7
        assert before.closed
        connection.ensure_connection()
        after = connection.connection
        limit.watched(connection, lambda: 7)
    assert connection.connection is after


def test_a_statement_is_not_cancelled_because_an_earlier_one_would_be_late_by_now(db: None) -> None:
    with TimeLimit(60, is_for_change=False) as limit, patch.object(time_limit, "interrupt") as interrupt:
        limit.watched(connection, limit.cancel)
    interrupt.assert_not_called()


def test_the_end_of_a_savepoint_is_never_cancelled(db: None) -> None:
    with TimeLimit(60, is_for_change=True) as limit, patch.object(time_limit, "interrupt") as interrupt:
        limit.seconds_left = -1
        for sql in ("RELEASE SAVEPOINT x", "ROLLBACK TO SAVEPOINT x"):
            limit.run(connection, sql, limit.cancel)
    interrupt.assert_not_called()


def test_a_limit_within_another_has_its_own_time(db: None) -> None:
    cursor = connection.cursor()
    with dawdling(0.02), TimeLimit(0.03, is_for_change=False) as outer:
        with TimeLimit(60, is_for_change=False):
            for _ in range(4):
                cursor.execute("SELECT 1")
        with TimeLimit(60, is_for_change=False, within=outer):
            cursor.execute("SELECT 1")
            cursor.execute("SELECT 1")
            with pytest.raises(TimedOut):
                cursor.execute("SELECT 1")
        with pytest.raises(TimedOut):
            cursor.execute("SELECT 1")


def test_what_is_done_between_statements_is_not_counted(db: None) -> None:
    with TimeLimit(0.1, is_for_change=False), connection.cursor() as cursor:
        for _ in range(3):
            cursor.execute("SELECT 1")
            time.sleep(0.1)


def test_a_savepoint_is_rolled_back_although_the_time_is_over(db: None) -> None:
    def come_late() -> None:
        with transaction.atomic(), dawdling(0.02):
            connection.cursor().execute("SELECT 1")
            connection.cursor().execute("SELECT 1")

    with transaction.atomic(), TimeLimit(0.015, is_for_change=True):
        with pytest.raises(TimedOut):
            come_late()
        assert not connection.needs_rollback


def test_sqlite_is_stopped_while_rows_are_fetched(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("is about SQLite")
    with ends_soon(), TimeLimit(LIMIT, is_for_change=False), connection.cursor() as cursor:
        cursor.execute(ONE_ROW_AND_NO_END)
        with pytest.raises(TimedOut) as raised:
            cursor.fetchall()
    assert fault_of(raised.value) is Fault.QUERY_TIMED_OUT


def test_behind_a_statement_that_can_not_be_cancelled_none_follows(
    transactional_db: None, postgresql: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*args: Any, **kwargs: Any) -> None:
        raise psycopg.OperationalError("no route")

    monkeypatch.setattr(psycopg.Connection, "cancel_safe", unreachable)
    with TimeLimit(0.05, is_for_change=False), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.3)")
        with pytest.raises(TimedOut):
            cursor.execute("SELECT 1")


def test_a_fault_before_the_time_is_over_stays_one(db: None) -> None:
    with TimeLimit(60, is_for_change=False), pytest.raises(DatabaseError) as raised:
        connection.cursor().execute("SELECT nothing FROM nowhere")
    assert not isinstance(raised.value, TimedOut)
