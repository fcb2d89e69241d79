"""A transaction whose COMMIT is disturbed is run again only if it is certain that nothing is committed.

So is a statement that is a transaction of its own, as that is which creates a user.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError

from lib.rerun import repeatable, run_unit
from members.models import Organization
from tests.disturbances.callers import Caller
from tests.disturbances.meeting import lose_answer
from tests.disturbances.units import rename
from tests.disturbing import Other, end_connections
from tests.identity_provider import GROUP, USER
from torii_settings.postgresql import prepared
from torii_settings.postgresql.prepared import first_result

BOB = {"schemas": [USER], "userName": "bob@acme.example"}


def test_a_connection_that_ends_before_commit_is_sent_is_no_riddle(
    acme: Organization, other: Other, in_commit: Any, either_cursor: None
) -> None:
    runs: list[str] = []

    def end_first(send: Callable[[], None]) -> None:
        end_connections(other)
        send()

    in_commit("_send_commit", end_first)
    assert run_unit(lambda: rename(acme, runs)) == "Acme 1"
    assert len(runs) == 2


def test_nor_is_a_commit_that_the_server_refuses_because_it_is_to_end(
    acme: Organization, other: Other, in_commit: Any, either_cursor: None
) -> None:
    runs: list[str] = []
    other.execute(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END';"
        "CREATE CONSTRAINT TRIGGER dawdle AFTER UPDATE ON members_organization DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION dawdle()"
    )

    def end_in_commit(finish: Callable[[], None]) -> None:
        ending = threading.Timer(0.2, end_connections, [other])
        ending.start()
        try:
            finish()
        finally:
            ending.join(10)
            other.execute("DROP FUNCTION dawdle CASCADE")

    in_commit("_finish_commit", end_in_commit)
    assert run_unit(lambda: rename(acme, runs)) == "Acme 1"
    assert len(runs) == 2


def test_a_commit_whose_answer_is_lost_is_not_repeated(acme: Organization, in_commit: Any, either_cursor: None) -> None:
    runs: list[str] = []
    in_commit("_finish_commit", lose_answer)
    with pytest.raises(OperationalError):
        run_unit(lambda: rename(acme, runs))
    assert len(runs) == 1
    assert Organization.objects.get().name == "Acme 1"


def test_unless_what_it_wrote_may_be_written_twice(acme: Organization, in_commit: Any) -> None:
    runs: list[str] = []
    in_commit("_finish_commit", lose_answer)
    with repeatable():
        assert run_unit(lambda: rename(acme, runs)) == "Acme 1"
    assert len(runs) == 2


def test_the_caller_of_a_write_with_an_unknown_outcome_is_told_to_come_back(
    acme: Organization, idp: Caller, in_commit: Any
) -> None:
    assert idp.json("GET", "/scim/v2/Users")[0] == 200
    in_commit("_finish_commit", lose_answer)
    status, document = idp.json("POST", "/scim/v2/Groups", {"schemas": [GROUP], "displayName": "Works"})
    assert (status, document["status"]) == (503, "503")
    assert acme.groups.count() == 1
    assert acme.events.filter(action="group.created").count() == 1


def test_so_is_the_caller_of_a_statement_whose_answer_is_lost(
    acme: Organization, idp: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert idp.json("GET", "/scim/v2/Users")[0] == 200
    monkeypatch.setattr(prepared, "first_result", lambda pgconn: lose_answer(partial(first_result, pgconn)))
    status, document = idp.json("POST", "/scim/v2/Users", BOB)
    monkeypatch.undo()
    assert (status, document["status"]) == (503, "503")
    assert acme.members.count() == 1
    assert acme.events.filter(action="member.created").count() == 1


def test_a_statement_that_the_server_refuses_because_it_is_to_end_is_run_again(
    acme: Organization, idp: Caller, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert idp.json("GET", "/scim/v2/Users")[0] == 200
    other.execute(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END';"
        "CREATE TRIGGER dawdle BEFORE INSERT ON members_member FOR EACH STATEMENT EXECUTE FUNCTION dawdle()"
    )

    def end_meanwhile(pgconn: Any) -> Any:
        monkeypatch.undo()
        ending = threading.Timer(0.2, end_connections, [other])
        ending.start()
        try:
            return first_result(pgconn)
        finally:
            ending.join(10)
            other.execute("DROP FUNCTION dawdle CASCADE")

    monkeypatch.setattr(prepared, "first_result", end_meanwhile)
    assert idp.json("POST", "/scim/v2/Users", BOB)[0] == 201
    assert acme.members.count() == 1
    assert acme.events.filter(action="member.created").count() == 1
