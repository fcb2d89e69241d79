"""Two web servers, each a process of its own, on one PostgreSQL and one Redis: whatever one does, the other knows.

Nothing that a process remembers lets in whom another has shut out, not even once; docs/scale.md lists what it does
remember. That two workers and two clocks mail nothing twice is in test_faults.py.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from apikeys.models import ApiKey, KnownOrigin, Notice
from audit.models import Action
from members.models import Member, Organization
from tests.conftest import ACME, SETUP, new_key, person
from tests.identity_provider import PATCH_OP, USER
from tests.processes.hosts import browser, filled_in, identity_provider, submit
from tests.racing import at_once
from tests.server import web_server

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis"),
    pytest.mark.django_db(transaction=True),
]

BURST = 20
TIMES = 4  # more often than it takes for a statement to be prepared
NEW_KEY = f"{ACME}/api-access/keys/new"

Hosts = tuple[str, str]
SignIn = Callable[[Member], Client]


@pytest.fixture(scope="module")
def hosts(django_db_setup: Any) -> Iterator[Hosts]:
    """The addresses of two web servers; their limits are of a kind that a test can reach."""
    environment = {"KEY_RATE_LIMIT": "1", "KEY_RATE_BURST": str(BURST), "TRUSTED_PROXIES": "127.0.0.1"}
    with web_server(**environment) as one, web_server(**environment) as other:
        yield one, other


@pytest.fixture
def oktas(hosts: Hosts, acme: Organization) -> Iterator[list[httpx2.Client]]:
    """The same identity provider at either host, with one key, which both have met."""
    key = new_key(acme, description="Okta").text
    clients = [identity_provider(host, key) for host in hosts]
    for client in clients * TIMES:
        assert client.get("/Users?count=1").status_code == 200
    yield clients
    for client in clients:
        client.close()


@pytest.fixture
def browsers(hosts: Hosts, ana: Member, sign_in: SignIn) -> Iterator[list[httpx2.Client]]:
    """Ana, in one session, at either host."""
    session = sign_in(ana)
    clients = [browser(host, session) for host in hosts]
    for client in clients * TIMES:
        assert client.get(f"{ACME}/security").status_code == 200
    yield clients
    for client in clients:
        client.close()


# What one shuts out, the other does not let in -----------------------------------------------------------------------


def test_a_key_that_one_host_deletes_is_refused_by_the_other_at_the_very_next_request(oktas, browsers):
    path = f"{ACME}/api-access/keys/{ApiKey.objects.get().key_id}/deletion"
    assert submit(browsers[0], path, description="Okta").status_code == 302
    assert [oktas[1].get("/Users?count=1").status_code, oktas[0].get("/Users?count=1").status_code] == [401, 401]


def test_scim_that_one_host_turns_off_and_on_is_so_at_the_other_at_the_very_next_request(oktas, browsers):
    assert submit(browsers[0], f"{ACME}/security/scim/deactivation").status_code == 302
    assert [oktas[1].get("/Users?count=1").status_code, oktas[0].get("/Users?count=1").status_code] == [403, 403]
    assert submit(browsers[1], f"{ACME}/security", to=f"{ACME}/security/scim/activation").status_code == 302
    assert [oktas[0].get("/Users?count=1").status_code, oktas[1].get("/Users?count=1").status_code] == [200, 200]


def test_a_member_whom_one_host_deactivates_is_out_of_their_session_at_the_other_at_the_very_next_request(
    oktas, browsers, acme, ana
):
    person(acme, "ada@acme.example", "Ada Admin", "Admin")
    off = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    assert oktas[0].patch(f"/Users/{ana.pk}", json=off).status_code == 200
    assert [client.get(f"{ACME}/security").status_code for client in reversed(browsers)] == [403, 403]


def test_a_role_that_one_host_takes_away_opens_nothing_at_the_other(oktas, browsers, acme, ana):
    person(acme, "ada@acme.example", "Ada Admin", "Admin")
    less = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "userType", "value": "Employee"}]}
    assert oktas[0].patch(f"/Users/{ana.pk}", json=less).status_code == 200
    assert [client.get(f"{ACME}/security").status_code for client in reversed(browsers)] == [403, 403]


# What both know -------------------------------------------------------------------------------------------------------


def test_two_hosts_let_in_no_more_requests_of_a_key_than_one_does(hosts, acme):
    key = new_key(acme).text
    began = time.monotonic()
    with identity_provider(hosts[0], key) as one, identity_provider(hosts[1], key) as other:
        statuses = [client.get("/Users?count=0").status_code for _ in range(BURST) for client in (one, other)]
    refilled = time.monotonic() - began
    assert set(statuses) == {200, 429}
    assert BURST <= statuses.count(200) <= BURST + refilled


def test_a_cursor_of_one_host_goes_on_at_the_other(oktas, acme):
    people = {f"p{number}@acme.example" for number in range(5)}
    for user_name in people:
        person(acme, user_name, "P Person")
    first = oktas[0].get("/Users?count=3&cursor=").json()
    second = oktas[1].get("/Users", params={"count": 3, "cursor": first["nextCursor"]}).json()
    found = [user["userName"] for page in (first, second) for user in page["Resources"]]
    assert len(found) == 5
    assert set(found) == people
    assert "nextCursor" not in second


def test_an_origin_that_is_new_to_a_key_is_told_once_whichever_host_meets_it(hosts, acme, ana):
    made = new_key(acme)

    def call(host: int, address: str, agent: str = "Okta") -> int:
        with identity_provider(hosts[host], made.text, **{"X-Forwarded-For": address, "User-Agent": agent}) as client:
            return client.get("/Users?count=1").status_code

    def told() -> int:
        events = acme.events.filter(action=Action.API_KEY_NEW_ORIGIN).count()
        assert Notice.objects.filter(kind=Notice.Kind.NEW_ORIGIN).count() == min(events, 1)
        return events

    assert [call(0, "203.0.113.1"), call(1, "203.0.113.2"), told()] == [200, 200, 0]
    assert [call(1, "198.51.100.1"), call(0, "198.51.100.2"), told()] == [200, 200, 1]
    at_once(*[lambda host=host: call(host, "192.0.2.1") for host in (0, 1)])
    assert told() == 2
    # What an Admin has accepted stays so, also where the process has met it while it was new.
    made.api_key.accept_origins(by=SETUP)
    assert [call(host, address) for host in (0, 1) for address in ("198.51.100.9", "192.0.2.9")] == [200] * 4
    assert told() == 2
    assert not KnownOrigin.objects.filter(is_new=True).exists()


# What is done once ----------------------------------------------------------------------------------------------------


def test_the_same_member_posted_to_both_at_once_is_created_once(oktas, acme):
    for number in range(5):
        body = {"schemas": [USER], "userName": f"twin{number}@acme.example"}
        answers = at_once(*[lambda client=client, body=body: client.post("/Users", json=body) for client in oktas])
        assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert acme.members.count() == 5


def test_the_same_form_sent_to_both_at_once_generates_one_key(browsers, acme):
    typed = {"kind": "scim", "expiration": "90-days", "allowed_networks": ""}
    for number in range(3):
        form = filled_in(browsers[0], NEW_KEY, description=f"Key {number}", **typed)
        browsers[1].cookies.update(browsers[0].cookies)
        answers = at_once(*[lambda client=client, form=form: client.post(NEW_KEY, data=form) for client in browsers])
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert ["torii_scim_" in answer.text for answer in answers if answer.status_code == 200] == [True]
        assert ApiKey.objects.filter(description=f"Key {number}").count() == 1


def test_a_database_that_has_hung_up_is_called_again_without_anybody_noticing(oktas, browsers):
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(
                # The timeout makes it wait until they have gone: one that is told to go may still take a statement.
                "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            assert cursor.fetchone()[0] >= 2
        assert [client.get("/Users?count=1").status_code for client in oktas] == [200, 200]
        assert [client.get(f"{ACME}/security").status_code for client in browsers] == [200, 200]
