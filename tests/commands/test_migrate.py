"""Two `migrate` at once, as when two hosts are deployed together: one migrates, the other waits."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from lib.turns import turn
from tests.databases import connection_to, empty_database, new_database
from tests.managing import manage, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

WAITS = "Another migrate is at work on this database: waiting until it is done."


@pytest.fixture
def database(tmp_path) -> Iterator[BaseDatabaseWrapper]:
    with empty_database(tmp_path) as database:
        yield database


def test_of_two_that_migrate_at_once_the_second_waits_for_its_turn_and_finds_nothing_to_do(database):
    with migrate_both(database) as processes:
        told = sorted(process.communicate()[0].splitlines()[-1] for process in processes)
        assert [process.returncode for process in processes] == [0, 0]
    assert told == ["  Applying sessions.0001_initial... OK", "  No migrations to apply."]


@contextmanager
def migrate_both(database):
    """Start two, which begin at the same moment: both have come to wait for a third."""
    with manage(database, "migrate") as one, manage(database, "migrate") as other:
        with turn(database, "migrate", on_wait=lambda: pytest.fail("nobody else migrates")):
            for process in (one, other):
                wait_for(process, WAITS)
        yield one, other


def test_asking_for_the_plan_needs_no_turn(database):
    with (
        turn(database, "migrate", on_wait=lambda: pytest.fail("nobody else migrates")),
        manage(database, "migrate", "--plan") as process,
    ):
        out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        assert out.startswith("Planned operations:")


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite keeps text in UTF-8")
def test_a_database_that_can_not_hold_every_text_is_refused_in_a_sentence():
    with (
        new_database("template0", "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'") as name,
        closing(connection_to(name)) as latin,
        manage(latin, "migrate") as process,
    ):
        out, err = process.communicate()
        assert (process.returncode, out) == (1, "")
        assert err.startswith("CommandError: The database keeps text as LATIN1")
        assert err.count("\n") == 1
        assert "django_migrations" not in latin.introspection.table_names()
