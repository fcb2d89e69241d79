"""One row's fault never keeps the next row from its turn."""

import logging
from types import SimpleNamespace

import pytest
from django.db import DataError, InterfaceError, OperationalError, connection, transaction

from lib import stopping
from lib.each import for_each


def name(row: int) -> str:
    return f"row {row} can't be done"


def test_the_rows_behind_a_faulty_one_have_their_turn_and_faults_are_counted_and_logged(caplog):
    done = []

    def do(row: int) -> None:
        if row % 2:
            raise KeyError(row)
        done.append(row)

    assert for_each(range(5), do, fault=name) == 2
    assert done == [0, 2, 4]
    assert [record.getMessage() for record in caplog.records] == ["row 1 can't be done", "row 3 can't be done"]
    assert all(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)


@pytest.mark.django_db
def test_a_statement_that_the_database_refuses_is_one_rows_fault():
    done = []

    def do(row: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column" if row == 1 else "SELECT 1")
        done.append(row)

    assert for_each(range(3), do, fault=name) == 1
    assert done == [0, 2]
    assert for_each(range(3), lambda row: (_ for _ in ()).throw(DataError()), fault=name) == 3


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_gone_ends_the_loop(error, monkeypatch):
    monkeypatch.setattr("lib.each.connection", SimpleNamespace(vendor="postgresql", is_usable=lambda: False))
    tried = []

    def do(row: int) -> None:
        tried.append(row)
        raise error("gone")

    with pytest.raises(error):
        for_each(range(3), do, fault=name)
    assert tried == [0]


def test_it_ends_when_it_is_told_to(monkeypatch):
    done: list[int] = []
    assert for_each(range(5), done.append, fault=name, until=lambda: len(done) == 2) == 0
    assert done == [0, 1]
    monkeypatch.setattr("lib.each.is_stopping", lambda: True)
    for_each(range(5), done.append, fault=name)
    assert done == [0, 1]
    assert not stopping.is_stopping()
