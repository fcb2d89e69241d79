"""What the database can't do is told alike at every door, and its cause is logged once a minute."""

import logging
import sqlite3
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.test import Client
from psycopg import errors

from lib import best_effort, database_errors
from lib.best_effort import try_to_write
from lib.database_errors import Fault, Reports, fault_of, report
from members.models import Member, Organization
from tests.api.client import Script, assert_problem
from tests.conftest import new_key
from tests.identity_provider import IdentityProvider, assert_error

READ_ONLY = errors.ReadOnlySqlTransaction("cannot execute UPDATE in a read-only transaction")
FULL = errors.DiskFull('could not extend file "base/5/1": No space left on device')


@pytest.fixture(autouse=True)
def nothing_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with nothing reported, and with side records written."""
    monkeypatch.setattr(database_errors, "_reports", Reports())
    monkeypatch.setattr(best_effort, "_paused_until", 0.0)


def caused(kind: type[Exception], cause: Exception) -> Exception:
    """Return Django's error for an error of the driver."""
    error = kind(*cause.args)
    error.__cause__ = cause
    return error


def of_sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("attempt to write")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (caused(InternalError, READ_ONLY), Fault.READ_ONLY),
        (caused(OperationalError, FULL), Fault.FULL),
        (caused(OperationalError, errors.AdminShutdown("terminating")), Fault.UNAVAILABLE),
        (caused(OperationalError, errors.TooManyConnections("sorry, too many clients already")), Fault.UNAVAILABLE),
        (caused(OperationalError, errors.InvalidPassword("password authentication failed")), Fault.UNAVAILABLE),
        (caused(OperationalError, errors.InvalidCatalogName("no such database")), Fault.UNAVAILABLE),
        (caused(OperationalError, errors.QueryCanceled("statement timeout")), Fault.UNAVAILABLE),
        (caused(OperationalError, errors.LockNotAvailable("lock timeout")), Fault.UNAVAILABLE),
        (caused(OperationalError, errors.DeadlockDetected("deadlock")), Fault.UNAVAILABLE),
        (caused(OperationalError, psycopg.OperationalError("connection refused")), Fault.UNAVAILABLE),
        (caused(InterfaceError, psycopg.InterfaceError("the connection is closed")), Fault.UNAVAILABLE),
        (OperationalError("closed"), Fault.UNAVAILABLE),
        (caused(IntegrityError, errors.UniqueViolation("duplicate")), Fault.CONFLICT),
        (IntegrityError("duplicate"), Fault.CONFLICT),
        (caused(InternalError, errors.InFailedSqlTransaction("aborted")), None),
        (caused(DataError, errors.StringDataRightTruncation("too long")), None),
        (caused(ProgrammingError, errors.UndefinedTable("no such table")), None),
        (DatabaseError("what is this"), None),
        (ValueError("x"), None),
        (None, None),
        (caused(OperationalError, of_sqlite(sqlite3.SQLITE_READONLY)), Fault.READ_ONLY),
        (caused(OperationalError, of_sqlite(sqlite3.SQLITE_READONLY_DBMOVED)), Fault.READ_ONLY),
        (caused(OperationalError, of_sqlite(sqlite3.SQLITE_FULL)), Fault.FULL),
        (caused(OperationalError, of_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT)), Fault.UNAVAILABLE),
        (caused(OperationalError, of_sqlite(sqlite3.SQLITE_ERROR)), None),
    ],
)
def test_an_error_is_of_one_kind(error: Exception | None, fault: Fault | None) -> None:
    assert fault_of(error) is fault


Break = Callable[[Exception], None]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Return a function that has something at every door fail."""

    def broken_by(error: Exception) -> None:
        def fail(*args: Any, **kwargs: Any) -> None:
            raise error

        monkeypatch.setattr(Member, "add", fail)
        monkeypatch.setattr(Member, "deactivate", fail)
        monkeypatch.setattr("allauth.account.views.LoginView.get", fail)

    return broken_by


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (caused(InternalError, READ_ONLY), Fault.READ_ONLY),
        (caused(OperationalError, FULL), Fault.FULL),
        (caused(OperationalError, psycopg.OperationalError("no route to 10.0.0.5")), Fault.UNAVAILABLE),
    ],
)
def test_every_door_answers_503_in_its_own_format_and_says_when_to_try_again(
    acme: Organization, ana: Member, ira: Member, broken: Break, error: Exception, fault: Fault
) -> None:
    okta, script = IdentityProvider(new_key(acme).text), Script(new_key(acme, "api_write").text)
    broken(error)
    client = Client(raise_request_exception=False)

    scim, rest = okta.create(), script.call("POST", f"members/{ira.pk}/deactivation")
    page = client.get("/accounts/login/")

    assert_error(scim, 503, "", fault.value)
    assert_problem(rest, 503, "database_unavailable", fault.value)
    assert page.status_code == 503
    for response in (scim, rest, page):
        assert response["Retry-After"] == str(fault.retry_after)
        assert "10.0.0.5" not in response.content.decode()
        assert "busy" not in response.content.decode()
        assert response["X-Request-Id"] in response.content.decode()


def test_a_conflict_on_a_page_is_a_409(client: Client, broken: Break, db: None) -> None:
    broken(IntegrityError("secret"))
    client.raise_request_exception = False
    response = client.get("/accounts/login/")
    assert (response.status_code, b"secret" in response.content) == (409, False)


def test_the_cause_is_logged_once_a_minute_with_its_state_and_a_count(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = caused(OperationalError, FULL)
    for _ in range(5):
        assert report(error) is Fault.FULL
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.sqlstate == "53100"  # type: ignore[attr-defined]
    assert "No space left" in record.getMessage()
    assert record.exc_info is None

    monkeypatch.setattr(database_errors, "REPORTED_EVERY", -1.0)
    database_errors._reports._until.clear()
    report(error)
    assert caplog.records[-1].passed_over == 4  # type: ignore[attr-defined]


def test_causes_are_logged_each_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    report(caused(OperationalError, FULL))
    report(caused(OperationalError, errors.AdminShutdown("terminating")))
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    "reason", ['password authentication failed for user "u"', "the database system is starting up"]
)
def test_reasons_why_there_is_no_connection_are_causes_of_their_own(
    reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No SQLSTATE tells them apart: libpq gives none before there is a connection."""
    for said in ["Connection refused", reason, reason]:
        report(caused(OperationalError, psycopg.OperationalError(f"connection failed: FATAL:  {said}")))
    assert [reason in record.getMessage() for record in caplog.records] == [False, True]


def test_what_is_remembered_of_causes_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = Reports()
    for number in range(1000):
        assert reports.count(str(number)) == 0
    assert len(reports._until) <= database_errors.REPORTS_MAX


def test_a_conflict_is_logged_by_the_constraints_name_without_a_value(
    acme: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        Organization.objects.create(name="Another", public_id=acme.public_id)
    caplog.set_level(logging.INFO)
    assert report(raised.value) is Fault.CONFLICT
    (record,) = caplog.records
    assert "public_id" in record.constraint  # type: ignore[attr-defined]
    assert acme.public_id not in record.getMessage() + record.constraint  # type: ignore[attr-defined]


def test_a_side_record_that_fails_fails_nothing_else_and_is_left_alone_for_a_moment(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def write() -> None:
        tried.append(1)
        raise caused(InternalError, READ_ONLY)

    assert [try_to_write(write) for _ in range(3)] == [False] * 3
    assert len(tried) == 1
    monkeypatch.setattr(best_effort, "_paused_until", 0.0)
    try_to_write(write)
    assert len(tried) == 2
    assert Organization.objects.count() == 0


def test_an_error_of_our_code_in_a_side_record_is_raised(db: None) -> None:
    def write() -> None:
        raise caused(ProgrammingError, errors.UndefinedTable("no such table"))

    with pytest.raises(ProgrammingError):
        try_to_write(write)


def test_reads_go_on_in_a_database_that_has_become_read_only(acme: Organization, ana: Member) -> None:
    okta, script = IdentityProvider(new_key(acme).text), Script(new_key(acme, "api_write").text)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON" if connection.vendor == "sqlite" else "SET TRANSACTION READ ONLY")
    try:
        assert okta.get(f"/Users/{ana.pk}").status_code == 200
        assert script.get("members").status_code == 200
        assert_error(okta.create(), 503, "", Fault.READ_ONLY.value)
        assert okta.get("/Users").status_code == 200
    finally:
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA query_only = OFF")
