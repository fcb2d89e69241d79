"""Between a door's look and a verb's lock the world goes on: what counts is what is so under the lock."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from members.errors import BeyondPower
from members.models import Member, Organization
from tests.conftest import SETUP, employee_role, person
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def wait_for_waiter() -> None:
    """Return once another connection waits for a lock of this one."""
    deadline = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("Nobody waits for a lock.")


def while_it_waits(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """Do `first` and commit it while `second` waits for its lock; return what `second` returned or raised.

    SQLite has one writer at a time, so there `second` just comes behind.
    """
    if connection.vendor != "postgresql":
        first()
        return at_once(second)[0]
    done = threading.Event()

    def do_first() -> None:
        with transaction.atomic():
            first()
            done.set()
            wait_for_waiter()

    def do_second() -> Any:
        assert done.wait(10)
        return second()

    outcomes = at_once(do_first, do_second)
    assert outcomes[0] is None, outcomes
    return outcomes[1]


@pytest.mark.parametrize("deed", ["demote", "deactivate", "remove"])
def test_an_it_admin_reaches_nobody_who_becomes_an_admin_meanwhile(
    acme: Organization, ana: Member, ira: Member, emil: Member, deed: str
) -> None:
    seen, by = Member.objects.get(pk=emil.pk), ira.actor()
    deeds: dict[str, Callable[[], Any]] = {
        "demote": lambda: seen.change_role(acme.roles.get(name="Procurement"), by=by),
        "deactivate": lambda: seen.deactivate(by=by),
        "remove": lambda: seen.remove(by=by),
    }

    outcome = while_it_waits(lambda: emil.change_role(acme.roles.get(name="Admin"), by=SETUP), deeds[deed])

    assert isinstance(outcome, BeyondPower), outcome
    emil = Member.objects.get(pk=emil.pk)
    assert emil.role.is_admin
    assert emil.is_active


def test_an_admin_who_is_deactivated_meanwhile_changes_nothing(acme: Organization, ana: Member, emil: Member) -> None:
    zoe = person(acme, "zoe@acme.example", "Zoe Zander", "Admin")
    by, seen = zoe.actor(), Member.objects.get(pk=emil.pk)

    def off_board() -> None:
        zoe.deactivate(by=SETUP)
        # Holds the row that Zoe is about to change, so that her verb waits until she is out.
        Member.objects.select_for_update().get(pk=emil.pk)

    outcome = while_it_waits(off_board, lambda: seen.change_role(acme.roles.get(name="Admin"), by=by))

    assert isinstance(outcome, BeyondPower), outcome
    assert Member.objects.get(pk=emil.pk).role.is_employee


def test_of_two_admins_who_demote_each_other_one_does(acme: Organization, ana: Member) -> None:
    for round_ in range(5):
        zoe = person(acme, f"zoe{round_}@acme.example", "Zoe Zander", "Admin")
        max_ = person(acme, f"max{round_}@acme.example", "Max Muster", "Admin")
        demotions = [
            partial(Member.objects.get(pk=target.pk).change_role, employee_role(acme), by=by.actor())
            for target, by in ((zoe, max_), (max_, zoe))
        ]

        outcomes = at_once(*demotions)

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["BeyondPower", "NoneType"], outcomes
