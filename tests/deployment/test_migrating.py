"""Migrating while the service runs: what `migrate` waits for, nobody else waits for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

from lib.turns import turn
from members.models import Organization
from tests.conftest import new_key
from tests.databases import copy_of_the_database
from tests.deployment.traffic import traffic
from tests.identity_provider import USER
from tests.managing import manage, wait_for
from tests.processes.hosts import identity_provider
from tests.server import database_url, web_server

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def key(acme: Organization) -> str:
    return new_key(acme).text


@pytest.fixture
def database(key: str) -> Iterator[BaseDatabaseWrapper]:
    """A database with an organization in it, which a migration can change."""
    with copy_of_the_database() as database:
        yield database


def migrate(database: BaseDatabaseWrapper, *arguments: str, **environment: str) -> Any:
    """Run `migrate later` in a process."""
    return manage(database, "migrate", "later", *arguments, settings="tests.deployment.later_settings", **environment)


@contextmanager
def long_transaction(database: BaseDatabaseWrapper) -> "Iterator[psycopg.Connection[Any]]":
    """Use the table of members in a transaction that stays open, as a report or a large import does."""
    with psycopg.connect(database_url(database)) as writer:
        writer.execute("LOCK TABLE members_member IN ROW EXCLUSIVE MODE")
        yield writer


def has_the_column(database: BaseDatabaseWrapper) -> bool:
    with database.cursor() as cursor:
        found = database.introspection.get_table_description(cursor, "members_member")
    return "later" in [column.name for column in found]


def test_traffic_goes_on_while_a_migration_cannot_lock_its_table(database: BaseDatabaseWrapper, key: str):
    names = (f"p{number}@acme.example" for number in range(100_000))

    def create_and_read() -> None:
        made = okta.post("/Users", json={"schemas": [USER], "userName": next(names)})
        assert made.status_code == 201, made.text
        assert okta.get(f"/Users/{made.json()['id']}").status_code == 200

    with (
        web_server(DATABASE_URL=database_url(database), KEY_RATE_LIMIT="0") as address,
        identity_provider(address, key) as okta,
        traffic(create_and_read) as flow,
        long_transaction(database) as writer,
        migrate(database, "0001", MIGRATION_LOCK_TIMEOUT="1s") as process,
    ):
        wait_for(process, "later.0001_column could not lock what it changes: trying again in 1 s.")
        flow.flows(rounds=20)
        assert not has_the_column(database)
        writer.rollback()
        process.communicate()
        assert process.returncode == 0
        assert has_the_column(database)
        flow.flows(rounds=20)


def test_a_migration_that_never_gets_its_lock_ends_with_a_sentence_and_leaves_nothing_behind(
    database: BaseDatabaseWrapper,
):
    with (
        long_transaction(database),
        migrate(database, "0001", MIGRATION_LOCK_TIMEOUT="1s", MIGRATION_LOCK_TRIES="2") as process,
    ):
        _, said = process.communicate()
        assert process.returncode == 1
        assert said.count("could not lock what it changes") == 2
        assert "Nothing of it is applied. Run migrate again" in said
        assert "Traceback" not in said
        assert not has_the_column(database)


def test_a_migrate_that_is_killed_gives_its_turn_back(database: BaseDatabaseWrapper):
    with (
        long_transaction(database) as writer,
        migrate(database, "0001", MIGRATION_LOCK_TIMEOUT="1s") as first,
    ):
        wait_for(first, "trying again")
        with migrate(database, "0001", MIGRATION_LOCK_TIMEOUT="1s") as second:
            wait_for(second, "waiting until it is done")
            first.kill()
            wait_for(second, "trying again")
            writer.rollback()
            second.communicate()
            assert second.returncode == 0
        assert has_the_column(database)


def test_who_waits_for_a_turn_does_not_keep_an_index_from_being_built_concurrently(database: BaseDatabaseWrapper):
    with (
        turn(database, "migrate", on_wait=lambda: pytest.fail("nobody else migrates")),
        migrate(database) as process,
        psycopg.connect(database_url(database), autocommit=True) as connection,
    ):
        wait_for(process, "waiting until it is done")
        # It waits for all transactions with an older snapshot; if there were one, it would wait without end.
        connection.execute("SET lock_timeout = '20s'")
        connection.execute("CREATE INDEX CONCURRENTLY beside ON members_member (id)")


def test_a_migration_without_a_transaction_waits_for_as_long_as_it_takes(database: BaseDatabaseWrapper, key: str):
    with migrate(database, "0001") as process:
        process.communicate()
        assert process.returncode == 0
    with (
        web_server(DATABASE_URL=database_url(database)) as address,
        identity_provider(address, key) as okta,
        long_transaction(database) as writer,
        migrate(database, "0002", MIGRATION_LOCK_TIMEOUT="1s") as process,
    ):
        wait_until_it_waits(database)
        for number in range(20):
            made = okta.post("/Users", json={"schemas": [USER], "userName": f"p{number}@acme.example"})
            assert made.status_code == 201, made.text
        writer.rollback()
        _, said = process.communicate()
        assert (process.returncode, said) == (0, "")


def wait_until_it_waits(database: BaseDatabaseWrapper) -> None:
    """Return once CREATE INDEX CONCURRENTLY waits for another transaction."""
    deadline = time.monotonic() + 60
    with psycopg.connect(database_url(database), autocommit=True) as watcher:
        waiting = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%' AND wait_event_type = 'Lock'"
        while not watcher.execute(waiting).fetchall():
            assert time.monotonic() < deadline
            time.sleep(0.05)
