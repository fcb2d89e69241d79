"""The service behind PgBouncer, which lends it two connections to PostgreSQL, a transaction at a time.

With `DATABASE_PREPARE=off` it works behind any PgBouncer; with prepared statements behind one that carries them
from connection to connection.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection, connections

from apikeys.models import Notice
from members.models import Member, Organization
from tests.conftest import new_key, person
from tests.disturbing import other_connection
from tests.processes.hosts import browser, identity_provider
from tests.processes.rig import default_database
from tests.processes.walk import Walker
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
            "REQUEST_TIMEOUT_MACHINES": "2s",
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
    keys = {"scim_key": new_key(acme).text, "api_key": new_key(acme, "api_write").text}
    walker = Walker.at(service.address, web=browser(service.address, session), **keys)

    def walk() -> None:
        with closing(walker):
            for turn in range(ROUNDS):
                walker.go_round(f"c{number}t{turn}")

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


def test_what_takes_too_long_is_cancelled_and_leaves_no_connection_changed(
    service: Service, acme: Organization, ana: Member
) -> None:
    """Two of the requests have the two connections, the others wait for one until their time is over, too."""
    key = new_key(acme).text

    def ask() -> int:
        with identity_provider(service.address, key) as directory:
            return directory.get("/Users", params={"filter": 'title co "x"'}).status_code

    def change() -> int:
        with identity_provider(service.address, key) as directory:
            operation = {"op": "replace", "path": "title", "value": "New"}
            return directory.patch(f"/Users/{ana.pk}", json={"Operations": [operation]}).status_code

    with other_connection(patience="5s") as other:
        with other.transaction():
            other.execute("LOCK TABLE members_member IN ACCESS EXCLUSIVE MODE")
            began = time.monotonic()
            assert sorted(at_once(*[ask] * POOL, *[change] * POOL)) == [400, 400, 503, 503]
            assert time.monotonic() - began < 5
        assert at_once(*[ask] * CLIENTS) == [200] * CLIENTS
        assert change() == 200
        [(statements,)] = other.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchall()
        assert statements == 0
    with default_database(service.database_url):
        assert query("SHOW statement_timeout") == "0"
