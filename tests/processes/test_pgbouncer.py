"""The service behind PgBouncer, which lends it two connections to PostgreSQL, a transaction at a time.

With `DATABASE_PREPARE=off` it works behind any PgBouncer; with prepared statements behind one that carries them
from connection to connection.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from django.conf import settings
from django.db import connection, connections

from apikeys.models import Notice
from members.models import Member, Organization
from tests.conftest import new_key, person
from tests.identity_provider import GROUP, PATCH_OP, USER
from tests.processes.hosts import browser, identity_provider, submit
from tests.processes.rig import default_database
from tests.racing import at_once
from tests.server import ROOT, database_url, web_server
from tests.services import PGBOUNCER_PREPARES, pgbouncer, pgbouncer_version
from torii_settings.postgresql.base import DatabaseWrapper
from torii_settings.postgresql.prepared import MOST_PREPARED
from torii_settings.statement import shared_cursor

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis"),
    pytest.mark.django_db(transaction=True),
]

POOL = 2
CLIENTS = 4
ROUNDS = 4
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@dataclass(frozen=True)
class Service:
    """What runs; `prepares` is what `DATABASE_PREPARE` says."""

    prepares: bool
    database_url: str
    address: str


@pytest.fixture(scope="module", params=[False, True], ids=["unprepared", "prepared"])
def service(request: pytest.FixtureRequest, django_db_setup: Any) -> Iterator[Service]:
    """A web server of two processes, with more threads than there are connections to lend."""
    if request.param and pgbouncer_version() < PGBOUNCER_PREPARES:
        pytest.skip("prepared statements need PgBouncer 1.21")
    with pgbouncer(database_url(), pool_size=POOL) as url:
        environment = {
            "DATABASE_URL": url,
            "DATABASE_PREPARE": str(request.param),
            "GRANIAN_WORKERS": "2",
            "KEY_RATE_LIMIT": "0",
        }
        with web_server(**environment) as address:
            yield Service(request.param, url, address)


def pooled() -> int:
    """Return how many connections PostgreSQL has beside this test's own."""
    return query(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )


def query(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_every_kind_of_request_succeeds_over_two_connections(service: Service, acme: Organization, sign_in: Any):
    admins = [person(acme, f"admin{number}@acme.example", "An Admin", "Admin") for number in range(CLIENTS)]
    walks = [walk_of(service, acme, number, sign_in(admin)) for number, admin in enumerate(admins)]
    assert at_once(*walks) == [None] * CLIENTS
    assert pooled() == POOL
    assert acme.members.count() == CLIENTS * (1 + 3 * ROUNDS)
    assert acme.groups.count() == CLIENTS * ROUNDS
    assert acme.api_keys.existing().count() == CLIENTS * (2 + ROUNDS)
    with default_database(service.database_url):
        prepared = query("SELECT count(*) FROM pg_prepared_statements")
    assert (prepared > 0) == service.prepares


def walk_of(service: Service, acme: Organization, number: int, session: Any) -> Callable[[], None]:
    """Return what one client does, in requests that each have to succeed."""
    directory = identity_provider(service.address, new_key(acme).text)
    script = httpx2.Client(headers={"Authorization": f"Bearer {new_key(acme, 'api_write').text}"}, timeout=30)
    web = browser(service.address, session)

    def sent(status: int, method: str, path: str, body: Any = None) -> Any:
        answer = directory.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def walk() -> None:
        with directory, script, web:
            for turn in range(ROUNDS):
                go_round(f"c{number}t{turn}")

    def go_round(name: str) -> None:
        user = {"schemas": [USER], "userName": f"{name}@acme.example", "externalId": name}
        made = sent(201, "POST", "/Users", user)
        path = f"/Users/{made['id']}"
        assert sent(200, "GET", path)["userName"] == user["userName"]
        found = sent(200, "GET", f'/Users?filter=userName eq "{user["userName"]}"')
        assert [each["id"] for each in found["Resources"]] == [made["id"]]
        assert sent(200, "PUT", path, user | {"title": name})["title"] == name
        patch = {"op": "replace", "path": "title", "value": "Sir"}
        assert sent(200, "PATCH", path, {"schemas": [PATCH_OP], "Operations": [patch]})["title"] == "Sir"
        group = sent(201, "POST", "/Groups", {"schemas": [GROUP], "displayName": name})
        add = {"op": "add", "path": "members", "value": [{"value": made["id"]}]}
        sent(204, "PATCH", f"/Groups/{group['id']}", {"schemas": [PATCH_OP], "Operations": [add]})
        assert [each["display"] for each in sent(200, "GET", path)["groups"]] == [name]
        operations = [
            {
                "method": "POST",
                "path": "/Users",
                "bulkId": f"b{each}",
                "data": user | {"userName": f"b{each}{name}@acme.example"},
            }
            for each in range(2)
        ]
        done = sent(200, "POST", "/Bulk", {"schemas": [BULK], "Operations": operations})["Operations"]
        assert [each["status"] for each in done] == ["201", "201"]
        script_sees = script.get(f"{service.address}/v1.0/members/{made['id']}")
        assert script_sees.status_code == 200, script_sees.text
        assert script.get(f"{service.address}/v1.0/audit-events").status_code == 200
        assert httpx2.get(f"{service.address}/accounts/login/").status_code == 200
        assert web.get("/settings/members").status_code == 200
        path = "/settings/api-access/keys/new"
        generated = submit(web, path, kind="scim", description=name, expiration="90-days", allowed_networks="")
        assert generated.status_code == 200, generated.text

    return walk


def test_notices_are_delivered(service: Service, acme: Organization, ana: Member):
    new_key(acme)
    environment = os.environ | {
        "DATABASE_URL": service.database_url,
        "DATABASE_PREPARE": str(service.prepares),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    command = [sys.executable, "manage.py", "send_expiry_reminders"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert Notice.objects.get().sent_at is not None


def test_rows_are_iterated_and_many_statements_run_while_others_have_the_connections(
    service: Service, acme: Any, settings: Any
):
    settings.DATABASE_PREPARE = service.prepares
    own = connection.settings_dict | {"PORT": urlsplit(service.database_url).port}

    def read_much() -> None:
        connections["default"] = DatabaseWrapper(own)
        for number in range(MOST_PREPARED + 50):
            for value in "ab":
                cursor = shared_cursor(connections["default"])
                cursor.execute(f"SELECT {number}, %s", [value])
                assert cursor.fetchall() == [(number, value)]
        names = [role.name for role in acme.roles.iterator(chunk_size=2)]
        assert len(names) == acme.roles.count() > 2

    assert at_once(*[read_much] * 3) == [None] * 3
