"""Rules that hold however many do it at once; each thread has a connection of its own."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from members.models import Member, Organization
from scim.representation import member_document, member_row
from tests.conftest import SETUP, new_key, person
from tests.identity_provider import IdentityProvider

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Call all of `calls` at the same moment; return what each returned or raised."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(number: int) -> None:
        barrier.wait(10)
        try:
            results[number] = calls[number]()
        except Exception as error:  # noqa: BLE001 - the outcome is what the test is about
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


LEAVING: dict[str, Callable[[Member], Any]] = {
    "demote": lambda member: member.change_role(member.organization.employee_role(), by=SETUP),
    "deactivate": lambda member: member.deactivate(by=SETUP),
    "remove": lambda member: member.remove(by=SETUP),
}


@pytest.mark.parametrize("how", LEAVING)
def test_two_admins_cannot_leave_at_once(acme: Organization, ana: Member, how: str) -> None:
    for round_ in range(5):
        other = person(acme, f"zoe{round_}@acme.example", "Zoe Zander", "Admin")
        admins = [Member.objects.get(pk=pk) for pk in (ana.pk, other.pk)]

        outcomes = at_once(*(partial(LEAVING[how], member) for member in admins))

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastAdmin", "NoneType"], outcomes
        ana = acme.members.active().admins().get()


def test_two_creations_of_one_person_make_one_member(acme: Organization) -> None:
    names = ["bob@acme.example", "BOB@acme.example"]

    outcomes = at_once(*(partial(person, acme, name, "Bob B") for name in names))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Member", "UserNameTaken"], outcomes
    assert acme.members.count() == 1


def test_two_patches_at_once_lose_nothing(acme: Organization, ana: Member) -> None:
    key = new_key(acme).text
    values = [f"value {number}" for number in range(4)]
    attributes = ["nickName", "title", "locale", "timezone"]

    def change(name: str, value: str) -> int:
        response = IdentityProvider(key).patch(ana.pk, {"op": "replace", "path": name, "value": value})
        return int(response.status_code)

    outcomes = at_once(*(partial(change, name, value) for name, value in zip(attributes, values, strict=True)))

    assert outcomes == [200] * 4
    ana.refresh_from_db()
    document = member_document(member_row(ana), "")
    assert [document[name] for name in attributes] == values
