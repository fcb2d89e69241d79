"""Whoever watches queries sees those that production runs, on the cursor that production runs them on."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.utils import CursorWrapper
from django.test.utils import CaptureQueriesContext

from members.directory import DirectoryProfile
from members.models import Member, Organization
from tests.conftest import SETUP, person
from torii_settings.postgresql.prepared import StatementCursor

VALUES = re.compile(r"'[^']*'|\b\d+\b")


def shape(sql: str) -> str:
    """Return SQL without its values: ids and times are others every time."""
    return VALUES.sub("?", sql)


def execute_wrapper() -> Any:
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        assert context["connection"] is connections[DEFAULT_DB_ALIAS]
        assert isinstance(context["cursor"], CursorWrapper)
        seen.append(sql)
        return execute(sql, params, many, context)

    @contextmanager
    def watching() -> Iterator[list[str]]:
        with connection.execute_wrapper(watch):
            yield seen

    return watching()


@contextmanager
def query_log() -> Iterator[list[str]]:
    """As `assertNumQueries` does."""
    seen: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield seen
    seen += [shape(query["sql"]) for query in queries]


@contextmanager
def logger() -> Iterator[list[str]]:
    """As with `django.db.backends` at DEBUG."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = records.append  # type: ignore[assignment, method-assign]
    backends = logging.getLogger("django.db.backends")
    level = backends.level
    backends.addHandler(handler)
    backends.setLevel(logging.DEBUG)
    connection.force_debug_cursor = True
    seen: list[str] = []
    try:
        yield seen
    finally:
        connection.force_debug_cursor = False
        backends.setLevel(level)
        backends.removeHandler(handler)
    seen += [shape(record.sql) for record in records]  # type: ignore[attr-defined]
    assert all(record.duration >= 0 and record.alias == "default" for record in records)  # type: ignore[attr-defined]


@contextmanager
def patched_wrapper() -> Iterator[list[str]]:
    """As tools do that measure how long queries take."""
    seen: list[str] = []
    original = CursorWrapper.execute

    def execute(self: CursorWrapper, sql: Any, params: Any = None) -> Any:
        seen.append(sql)
        return original(self, sql, params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", execute)
        yield seen


@pytest.fixture
def change(transactional_db: None, acme: Organization) -> Callable[[], None]:
    """Return what changes a member: look-ups, a lock, writes and a COMMIT."""
    bob = person(acme, "bob@acme.example", "Bob Baker")
    turns = iter(range(100))

    def run() -> None:
        profile = DirectoryProfile.of_person("bob@acme.example", "Bob", f"Baker {next(turns)}")
        Member.update_from_directory(acme, bob.pk, lambda member: profile, by=SETUP)

    run()
    return run


@pytest.mark.parametrize("watch", [execute_wrapper, query_log, logger, patched_wrapper])
def test_the_same_queries_are_seen_whichever_cursor_runs_them(
    change: Callable[[], None], settings: Any, watch: Callable[[], Any]
) -> None:
    found = []
    for fast in (True, False):
        settings.DATABASE_FAST_CURSOR = fast
        with watch() as seen:
            change()
        found.append(seen)
    assert found[0] == found[1]
    assert any(sql.startswith("SELECT") and "members_member" in sql for sql in found[0])
    if watch in (query_log, logger) and connection.vendor == "postgresql":
        assert (found[0][0], found[0][-1]) == ("BEGIN", "COMMIT")


def test_the_cursor_that_is_watched_is_the_one_that_production_uses(change: Callable[[], None], settings: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("is about PostgreSQL")
    settings.DATABASE_FAST_CURSOR = True
    cursors: set[type] = set()

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        cursors.add(type(context["cursor"].cursor))
        return execute(sql, params, many, context)

    with CaptureQueriesContext(connection), connection.execute_wrapper(watch):
        change()
    # Django's own is for what is made anew each time, as queries on the member's e-mail addresses are.
    assert StatementCursor in cursors


def test_a_wrapper_may_change_or_forbid_a_query(change: Callable[[], None]) -> None:
    traced: list[str] = []

    def comment(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        traced.append(f"{sql} /* traced */")
        return execute(traced[-1], params, many, context)

    def forbid(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        raise RuntimeError("forbidden")

    with connection.execute_wrapper(comment):
        change()
    assert traced
    with connection.execute_wrapper(forbid), pytest.raises(RuntimeError, match="forbidden"):
        change()
