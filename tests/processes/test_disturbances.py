"""A service under load, whose database is disturbed: no request fails, nothing is lost, and nothing is done twice.

Two services run beside a PostgreSQL of their own: one is connected to it, the other goes through PgBouncer, set up as
docs/scale.md says. `tests/disturbances/` disturbs each statement of a request by itself.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

from members.models import Organization
from tests import services
from tests.conftest import new_key, organization
from tests.disturbing import (
    Other,
    add_and_drop_columns,
    change_types,
    end_connections,
    other_connection,
)
from tests.identity_provider import USER
from tests.processes.hosts import identity_provider
from tests.processes.rig import default_database
from tests.processes.traffic import Traffic
from tests.processes.vanishing import forwarded
from tests.server import web_server

pytestmark = pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis")

POOL = 4
# How often each disturbance comes, and how many requests are answered in between.
TIMES = 3
ANSWERS = 20
# By itself, PgBouncer lets 15 s pass before it tries again.
BACK_WITHIN = 6.0
# A connection on which nothing is acknowledged any more is given up after four seconds, once for each place.
ANSWERED_WITHIN = 15.0


@dataclass
class Rig:
    """A PostgreSQL and what is connected to it."""

    postgres: services.Server
    direct: str
    pooled: str
    console: str


@pytest.fixture(scope="module")
def rig(django_db_setup: Any, django_db_blocker: Any) -> Iterator[Rig]:
    environment = {"KEY_RATE_LIMIT": "0", "GRANIAN_WORKERS": "1", "ACCESS_LOG": "off"}
    with (
        django_db_blocker.unblock(),
        services.postgres() as postgres,
        default_database(postgres.url),
        services.pgbouncer(postgres.url, pool_size=POOL) as pooled_url,
    ):
        call_command("migrate", verbosity=0)
        prepare = "on" if services.pgbouncer_version() >= services.PGBOUNCER_PREPARES else "off"
        with (
            web_server(DATABASE_URL=postgres.url, **environment) as direct,
            web_server(DATABASE_URL=pooled_url, DATABASE_PREPARE=prepare, **environment) as pooled,
        ):
            yield Rig(postgres, direct, pooled, f"{pooled_url.rpartition('/')[0]}/pgbouncer")


@pytest.fixture
def acme(rig: Rig) -> Iterator[Organization]:
    connections["default"].close_if_unusable_or_obsolete()
    yield organization(f"Acme {time.monotonic_ns()}", "acme.example")
    connection.close()


@pytest.fixture
def other(rig: Rig) -> Iterator[Other]:
    with other_connection(patience="5s") as made:
        yield made


DISTURBANCES: list[Callable[[Other], None]] = [change_types, add_and_drop_columns, end_connections]


def test_a_service_under_load_outlives_them_all(rig: Rig, acme: Organization, other: Other, sign_in: Any) -> None:
    traffic = Traffic(rig.direct, acme, sign_in)
    with traffic.flowing():
        for disturb in DISTURBANCES * TIMES:
            traffic.wait_for_answers(ANSWERS)
            disturb(other)
        traffic.wait_for_answers(ANSWERS)
    assert traffic.failures == []
    traffic.check_promises()


@contextmanager
def console(rig: Rig) -> Iterator[Callable[[str], None]]:
    """Yield a function that gives PgBouncer a command."""
    with psycopg.connect(rig.console, autocommit=True, prepare_threshold=None) as admin:
        yield lambda command: run(admin, command)


def run(admin: Other, command: str) -> None:
    admin.execute(sql.SQL(command))


def test_so_does_one_behind_pgbouncer(rig: Rig, acme: Organization, other: Other, sign_in: Any) -> None:
    traffic = Traffic(rig.pooled, acme, sign_in)
    with traffic.flowing(), console(rig) as command:
        for disturb in DISTURBANCES * TIMES:
            traffic.wait_for_answers(ANSWERS)
            disturb(other)
            traffic.wait_for_answers(ANSWERS)
            command("RECONNECT")
        traffic.wait_for_answers(ANSWERS)
    assert traffic.failures == []
    traffic.check_promises()


@contextmanager
def no_server(rig: Rig) -> Iterator[None]:
    """Stop PostgreSQL for the length of the block, however that ends: the tests that follow need it."""
    connection.close()
    rig.postgres.stop()
    try:
        yield
    finally:
        rig.postgres.start()


def test_postgresql_is_replaced_behind_pgbouncer_without_an_error(rig: Rig, acme: Organization, sign_in: Any) -> None:
    """What comes back knows no statement, and no connection."""
    traffic = Traffic(rig.pooled, acme, sign_in)
    with traffic.flowing(), console(rig) as command:
        for _ in range(2):
            traffic.wait_for_answers(ANSWERS)
            command("PAUSE")
            with no_server(rig):
                pass
            command("RESUME")
        traffic.wait_for_answers(ANSWERS)
    assert traffic.failures == []
    traffic.check_promises()


def test_after_a_restart_of_postgresql_pgbouncer_connects_again_at_once(rig: Rig, acme: Organization) -> None:
    """With the settings in docs/scale.md; by itself it leaves every request waiting, or failing, for 15 s."""
    with identity_provider(rig.pooled, new_key(acme).text) as directory:
        assert directory.get("/Users").status_code == 200
        with no_server(rig):
            # Somebody has to ask for a connection, so that PgBouncer finds out that there is none to be had.
            assert directory.get("/Users").status_code == 503
        returned = time.monotonic()
        while directory.get("/Users").status_code != 200:
            assert time.monotonic() - returned < BACK_WITHIN
            time.sleep(0.1)


def test_a_server_that_is_gone_without_a_word_is_given_up_and_no_request_fails(rig: Rig, acme: Organization) -> None:
    """As when its machine loses power and another takes over its address: no connection is ever closed."""
    with (
        forwarded(rig.postgres.url) as (url, vanish),
        web_server(DATABASE_URL=url) as address,
        identity_provider(address, new_key(acme).text) as directory,
    ):
        assert directory.get("/Users").status_code == 200
        vanish()
        began = time.monotonic()
        assert [directory.get("/Users").status_code for _ in range(4)] == [200] * 4
        assert time.monotonic() - began < ANSWERED_WITHIN
        vanish()
        user = {"schemas": [USER], "userName": "later@acme.example"}
        assert directory.post("/Users", json=user).status_code == 201
