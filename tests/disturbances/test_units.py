"""A unit of work that the database has undone is run again as a whole, unless it has committed something."""

import threading
from collections.abc import Callable

import pytest
from django.db import DataError, OperationalError, connection, transaction

from lib.rerun import RUNS, run_unit
from members.models import Member, Organization
from members.models.batch import INSERT
from tests.disturbances.units import rename
from tests.disturbing import Other, change_types, end_connections
from tests.racing import at_once
from torii_settings.statement import shared_cursor


def test_what_is_committed_is_not_done_again(acme: Organization, other: Other) -> None:
    runs: list[str] = []

    def work() -> None:
        rename(acme, runs)
        break_transaction(other)

    with pytest.raises(OperationalError):
        run_unit(work)
    assert runs == ["run"]
    assert Organization.objects.get().name == "Acme 1"


def test_an_inner_unit_is_run_again_where_the_outer_may_not(acme: Organization, other: Other) -> None:
    runs: list[str] = []
    ends = iter([True])

    def inner() -> None:
        with transaction.atomic():
            Organization.objects.select_for_update().get()
            if next(ends, False):
                end_connections(other)
            Organization.objects.update(name="Inner")

    def outer() -> None:
        rename(acme, runs)
        run_unit(inner)

    run_unit(outer)
    assert runs == ["run"]
    assert Organization.objects.get().name == "Inner"


def test_a_unit_that_is_disturbed_every_time_fails_in_the_end(acme: Organization, other: Other) -> None:
    runs: list[str] = []

    def work() -> None:
        runs.append("run")
        break_transaction(other)

    with pytest.raises(OperationalError):
        run_unit(work)
    assert len(runs) == RUNS


@transaction.atomic
def break_transaction(other: Other) -> None:
    """Have the connection ended in a transaction."""
    Organization.objects.select_for_update().get()
    end_connections(other)
    Organization.objects.update(name="Never")


def test_outside_a_unit_a_broken_transaction_is_an_error(acme: Organization, other: Other) -> None:
    with pytest.raises(OperationalError):
        break_transaction(other)
    assert Organization.objects.get().name == "Acme"


def test_an_error_that_is_a_fault_is_told_at_once(acme: Organization) -> None:
    runs: list[str] = []

    def work() -> None:
        runs.append("run")
        shared_cursor(connection).execute("SELECT 1/0", [])

    with pytest.raises(DataError):
        run_unit(work)
    assert runs == ["run"]


def test_two_transactions_that_lock_each_other_out_are_both_done(acme: Organization, globex: Organization) -> None:
    both_hold_one = threading.Barrier(2)

    def locking(first: Organization, second: Organization) -> Callable[[], None]:
        turns = iter([both_hold_one.wait])

        def work() -> None:
            with transaction.atomic():
                Organization.objects.filter(pk=first.pk).update(time_zone="Europe/Berlin")
                next(turns, lambda timeout: 0)(10)
                Organization.objects.filter(pk=second.pk).update(name=f"{first.name} was here")

        return lambda: run_unit(work)

    assert at_once(locking(acme, globex), locking(globex, acme)) == [None, None]
    names = sorted(Organization.objects.values_list("name", flat=True))
    assert names == ["Acme was here", "Globex was here"]


def test_many_rows_are_inserted_whatever_becomes_of_the_type_of_a_row(acme: Organization, other: Other) -> None:
    """They come as JSON, which PostgreSQL takes apart by the type that the table's rows have at that moment."""
    role = acme.roles.first()

    def insert(name: str) -> None:
        members = [Member(organization=acme, role=role, user_name=f"{name}{n}@acme.example") for n in range(3)]
        run_unit(lambda: INSERT.run_many(members))

    insert("first")
    for number in range(3):
        change_types(other)
        insert(f"typed{number}")
        other.execute("ALTER TABLE members_member ADD COLUMN extra int DEFAULT 7")
        insert(f"wider{number}")
        other.execute("ALTER TABLE members_member DROP COLUMN extra")
        insert(f"narrower{number}")
    assert acme.members.count() == 3 * (1 + 3 * 3)
