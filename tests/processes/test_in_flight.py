"""One organization doesn't slow another: what a key and an organization may have under way in a process.

Requests are slow here because the row that they change is locked, for as long as the test likes.
"""

import json
import select
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import transaction

from members.models import Member, Organization
from tests.conftest import new_key
from tests.identity_provider import PATCH_OP
from tests.processes.test_wire import Answer, Wire, head
from tests.server import web_server

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis"),
    pytest.mark.django_db(transaction=True),
]

OF_A_KEY, OF_AN_ORGANIZATION = 3, 4


@pytest.fixture(scope="module")
def address(django_db_setup: Any) -> Iterator[str]:
    """A process with two places."""
    limits = {"KEY_IN_FLIGHT": str(OF_A_KEY), "ORGANIZATION_IN_FLIGHT": str(OF_AN_ORGANIZATION), "KEY_RATE_LIMIT": "0"}
    with web_server(WEB_THREADS="2", REQUEST_TIMEOUT_MACHINES="60s", **limits) as address:
        yield address


@pytest.fixture
def keys(acme: Organization, address: str) -> list[str]:
    """Two keys of acme, which the process has met."""
    keys = [new_key(acme).text, new_key(acme).text]
    for key in keys:
        assert ask(address, key).status == 200
    return keys


@contextmanager
def locked(member: Member) -> Iterator[None]:
    """Keep others from changing the member."""
    with transaction.atomic():
        Member.objects.select_for_update().get(pk=member.pk)
        yield


def ask(address: str, key: str, path: str = "/scim/v2/Users?count=0") -> Answer:
    with Wire(address) as wire:
        return wire.ask(head("GET", path, key))


def change(stack: ExitStack, address: str, key: str, member: Member) -> Wire:
    """Send a request that is answered once the member isn't locked any more: a change of nothing needs no lock."""
    operation = {"op": "replace", "path": "title", "value": f"Engineer {uuid4()}"}
    body = json.dumps({"schemas": [PATCH_OP], "Operations": [operation]}).encode()
    wire = stack.enter_context(Wire(address))
    wire.send(head("PATCH", f"/scim/v2/Users/{member.pk}", key, Content_Length=str(len(body))), body)
    return wire


def first_answered(wires: list[Wire]) -> Answer:
    """Return the first answer that any of them gets, which has no other one any more."""
    (ready, *_), _, _ = select.select([wire.socket for wire in wires], [], [], 30)
    wire = next(wire for wire in wires if wire.socket is ready)
    wires.remove(wire)
    return wire.answer()


def assert_to_wait(answer: Answer, whose: str) -> None:
    assert (answer.status, "retry-after: 1\r\n" in answer.head) == (429, True)
    detail = json.loads(answer.body)["detail"]
    assert f"of {whose} are under way. Send fewer at once, and this one again after Retry-After." in detail


def test_a_key_with_slow_requests_fills_its_share_and_another_organization_is_answered_at_once(
    address: str, keys: list[str], acme: Organization, emil: Member, globex: Organization
):
    other = new_key(globex).text
    # Twice: the first ones have given back what they had.
    for _ in range(2):
        with ExitStack() as stack:
            with locked(emil):
                wires = [change(stack, address, keys[0], emil) for _ in range(OF_A_KEY + 1)]
                assert_to_wait(first_answered(wires), "yours")
                # One of theirs has a place and waits in the database, the others wait for a place.
                assert [ask(address, other).status for _ in range(20)] == [200] * 20
                assert not select.select([wire.socket for wire in wires], [], [], 0)[0]
            assert [wire.answer().status for wire in wires] == [200] * OF_A_KEY


def test_an_organization_has_a_share_with_all_its_keys(
    address: str, keys: list[str], emil: Member, globex: Organization
):
    other = new_key(globex).text
    with ExitStack() as stack:
        with locked(emil):
            wires = [change(stack, address, key, emil) for key in (keys[0], keys[0], keys[1], keys[1], keys[1])]
            assert_to_wait(first_answered(wires), "your organization")
            assert ask(address, other).status == 200
        assert [wire.answer().status for wire in wires] == [200] * OF_AN_ORGANIZATION


def test_clients_that_are_gone_leave_nothing_behind(address: str, keys: list[str], emil: Member):
    for _ in range(2):
        with locked(emil), ExitStack() as stack:
            wires = [change(stack, address, keys[0], emil) for _ in range(OF_A_KEY + 1)]
            assert_to_wait(first_answered(wires), "yours")
        # It waits behind what they left under way.
        while (answer := ask(address, keys[0])).status == 429:
            pass
        assert answer.status == 200
        while ask(address, keys[1]).status == 429:
            pass


def test_the_rest_api_says_so_in_a_problem_document(address: str, acme: Organization, ana: Member, emil: Member):
    key = new_key(acme, kind="api_write").text
    assert ask(address, key, "/v1.0/members").status == 200
    body = json.dumps({"role": "Read Only"}).encode()
    with ExitStack() as stack:
        with locked(emil):
            wires = [stack.enter_context(Wire(address)) for _ in range(OF_A_KEY + 1)]
            for wire in wires:
                wire.send(head("PUT", f"/v1.0/members/{emil.pk}/role", key, Content_Length=str(len(body))), body)
            answer = first_answered(wires)
            assert_to_wait(answer, "yours")
            assert "application/problem+json" in answer.head
            assert json.loads(answer.body)["code"] == "too_many_requests"
        assert all(wire.answer().status < 400 for wire in wires)
