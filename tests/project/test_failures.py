"""What an operator is told of a failure that no test can bring about cheaply, or that only SQLite has."""

import sqlite3

import psycopg.errors
import pytest
from django.core.management import CommandError
from django.core.serializers.base import DeserializationError
from django.db import DatabaseError, OperationalError

from torii_settings.failures import in_a_sentence


def told(error: Exception, cause: Exception | None = None) -> str:
    with pytest.raises(CommandError) as raised, in_a_sentence():
        raise error from cause
    return str(raised.value)


def of_sqlite(code: int, message: str) -> sqlite3.Error:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (psycopg.errors.DiskFull("could not extend file"), "The database has no room left (could not extend file)"),
        (psycopg.errors.LockNotAvailable("canceling statement"), "Another transaction is in the way"),
        (psycopg.errors.AdminShutdown("terminating connection"), "The database can't be used"),
        (psycopg.errors.UniqueViolation("duplicate key"), "The database refuses it (duplicate key): --traceback shows"),
        (psycopg.OperationalError("connection is lost"), "The database can't be used (connection is lost)"),
        (psycopg.errors.InvalidPassword("authentication failed"), "The database can't be used"),
        (psycopg.errors.ConnectionFailure("server_login_retry"), "The database can't be used"),
        (psycopg.errors.OutOfMemory("out of memory"), "The database refuses it (out of memory)"),
        (of_sqlite(sqlite3.SQLITE_FULL, "database or disk is full"), "The database has no room left"),
        (of_sqlite(sqlite3.SQLITE_READONLY_DIRECTORY, "attempt to write"), "The database is read-only"),
        (of_sqlite(sqlite3.SQLITE_CANTOPEN, "unable to open database file"), "The database can't be used"),
        (of_sqlite(sqlite3.SQLITE_ERROR, "no such column: x"), "The database isn't migrated"),
        (of_sqlite(sqlite3.SQLITE_ERROR, "syntax error"), "The database refuses it (syntax error)"),
    ],
)
def test_a_database_error_is_told_by_its_code(cause: Exception, sentence: str):
    assert told(OperationalError(*cause.args), cause).startswith(sentence)


def test_only_the_first_line_of_a_message_is_told():
    text = told(OperationalError("first\nsecond\n\tthird"), psycopg.OperationalError("first"))
    assert "(first)" in text
    assert "second" not in text


def test_what_a_command_says_of_a_failure_stays_unless_it_goes_on_for_lines():
    cause = DatabaseError("why")
    cause.__cause__ = psycopg.errors.InsufficientPrivilege("why")
    assert told(CommandError("A sentence of its own."), cause) == "A sentence of its own."
    assert told(CommandError("Possible reasons:\n  * one\n  * two"), cause).startswith("The database refuses it (why)")


def test_what_is_wrong_with_a_fixture_is_told():
    cause = DatabaseError("why")
    cause.__cause__ = psycopg.errors.ReadOnlySqlTransaction("why")
    assert told(DeserializationError("Problem installing fixture"), cause).startswith("The database is read-only (why)")
    assert told(DeserializationError("Problem: no JSON.\nmore"), ValueError("no JSON")) == "Problem: no JSON."


def test_a_fault_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), in_a_sentence():
        raise ZeroDivisionError
