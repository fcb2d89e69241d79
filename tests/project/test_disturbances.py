"""What disturbs the database, and is nobody's fault, costs no request: each disturbance, before each statement.

`tests/processes/test_disturbances.py` does the same to a service under load.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import DEFAULT_DB_ALIAS, DataError, OperationalError, connection, connections, transaction
from django.test import RequestFactory
from psycopg import OperationalError as ConnectionLost

from apikeys.tasks import deliver_notices
from lib.rerun import RUNS, repeatable, run_unit
from members.models import Member, Organization
from members.models.batch import INSERT
from tests.application import application
from tests.conftest import new_key, person
from tests.disturbing import (
    Other,
    add_and_drop_columns,
    change_types,
    end_connections,
    other_connection,
    restore_types,
)
from tests.identity_provider import GROUP, PATCH_OP, USER
from tests.racing import at_once
from torii_settings.postgresql.base import DatabaseWrapper
from torii_settings.postgresql.disturbance import Disturbance
from torii_settings.postgresql.prepared import Generation, StatementCursor
from torii_settings.statement import shared_cursor

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
Disturb = Callable[[Other], None]


@pytest.fixture(autouse=True)
def postgresql(transactional_db: None, settings: Any) -> Iterator[None]:
    """Start on a fresh connection with the fast cursor, and leave others no connection that these tests have marked."""
    if connection.vendor != "postgresql":
        pytest.skip("is about PostgreSQL")
    settings.DATABASE_FAST_CURSOR = settings.DATABASE_PREPARE = True
    connection.close()
    yield
    connection.close()


@pytest.fixture(params=[True, False], ids=["fast", "plain"])
def either_cursor(request: pytest.FixtureRequest, settings: Any) -> None:
    """Run the test with either cursor under our statements."""
    settings.DATABASE_FAST_CURSOR = request.param


@pytest.fixture
def other() -> Iterator[Other]:
    with other_connection() as made:
        yield made
        restore_types(made)


# What this connection of ours meets -----------------------------------------------------------------------------------


def statements() -> StatementCursor:
    """Return the cursor on libpq of this connection."""
    found: StatementCursor = connections[DEFAULT_DB_ALIAS].statements()  # type: ignore[attr-defined]
    return found


def lose_statements(other: Other) -> None:
    """Have the server forget what this connection has prepared, as DISCARD ALL does, or another server's connection."""
    if connection.connection.pgconn.transaction_status == 0:
        connection.connection.pgconn.exec_(b"DISCARD ALL")
    else:
        connection.connection.pgconn.exec_(b"DEALLOCATE ALL")


def find_statements(other: Other) -> None:
    """Have this connection find prepared already what it is about to prepare."""
    statements().prepared.clear()


DISTURBANCES = [change_types, add_and_drop_columns, lose_statements, find_statements, end_connections]


@contextmanager
def before_statement(number: int, disturb: Callable[[], None]) -> Iterator[list[str]]:
    """Call `disturb` once, before the statement with this number; yield the statements that are run."""
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        if len(seen) - 1 == number:
            disturb()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen


# Requests -------------------------------------------------------------------------------------------------------------


class Caller:
    """Makes requests as the web server does, in this thread."""

    def __init__(self, **headers: str) -> None:
        self.headers = {"Host": "testserver"} | headers

    def send(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> tuple[int, Any]:
        """Return the status, and the document or text."""
        environ = RequestFactory().generic(method, path, body, content_type, headers=self.headers).environ
        statuses: list[str] = []
        answer = application(environ, lambda status, headers: statuses.append(status))
        text = b"".join(answer).decode()
        status = int(statuses[0].split()[0])
        return status, json.loads(text) if text.startswith("{") else text

    def json(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self.send(method, path, b"" if body is None else json.dumps(body).encode())


@pytest.fixture
def idp(acme: Organization) -> Caller:
    return Caller(Authorization=f"Bearer {new_key(acme).text}")


@pytest.fixture
def script(acme: Organization) -> Caller:
    return Caller(Authorization=f"Bearer {new_key(acme, 'api_write').text}")


@pytest.fixture
def browser(ana: Member, sign_in: Any) -> Caller:
    cookies = sign_in(ana).cookies
    return Caller(Cookie=f"sessionid={cookies['sessionid'].value}; csrftoken={'a' * 32}")


Scenario = Callable[[str], Callable[[], None]]


@pytest.fixture
def scenarios(acme: Organization, idp: Caller, script: Caller, browser: Caller) -> dict[str, Scenario]:
    """Return what callers do. Each gets a name of its own and returns an act, which checks that it was done once."""

    def user(name: str) -> dict[str, Any]:
        return {"schemas": [USER], "userName": f"{name}@acme.example", "externalId": name}

    def found(name: str) -> Member:
        return acme.members.get(user_name=f"{name}@acme.example")

    def events(name: str) -> list[str]:
        return list(acme.events.filter(target_label__startswith=name).order_by("id").values_list("action", flat=True))

    def get(name: str) -> Callable[[], None]:
        member = person(acme, f"{name}@acme.example", "A Person")

        def act() -> None:
            status, document = idp.json("GET", f"/scim/v2/Users/{member.pk}")
            assert (status, document["userName"]) == (200, member.user_name)

        return act

    def post(name: str) -> Callable[[], None]:
        def act() -> None:
            status, document = idp.json("POST", "/scim/v2/Users", user(name))
            assert (status, document["id"]) == (201, str(found(name).pk))
            assert events(name) == ["member.created"]

        return act

    def put(name: str) -> Callable[[], None]:
        member = person(acme, f"{name}@acme.example", "A Person")

        def act() -> None:
            changed = user(name) | {"displayName": "New", "active": False}
            status, document = idp.json("PUT", f"/scim/v2/Users/{member.pk}", changed)
            assert (status, document["displayName"]) == (200, "New")
            assert events(name) == ["member.created", "member.updated", "member.deactivated"]

        return act

    def group(name: str) -> Callable[[], None]:
        member = person(acme, f"{name}@acme.example", "A Person")

        def act() -> None:
            members = [{"value": str(member.pk)}]
            status, document = idp.json(
                "POST", "/scim/v2/Groups", {"schemas": [GROUP], "displayName": f"{name} group", "members": members}
            )
            assert status == 201
            remove = {"op": "remove", "path": "members", "value": members}
            path = f"/scim/v2/Groups/{document['id']}"
            status, _ = idp.json("PATCH", path, {"schemas": [PATCH_OP], "Operations": [remove]})
            assert status == 204
            assert events(f"{name} group") == ["group.created", "group.updated"]

        return act

    def bulk(name: str) -> Callable[[], None]:
        def act() -> None:
            names = [f"{name}b{number}" for number in range(3)]
            creations = [{"method": "POST", "path": "/Users", "bulkId": each, "data": user(each)} for each in names]
            group = {"schemas": [GROUP], "displayName": f"{name} bulk", "members": [{"value": f"bulkId:{names[0]}"}]}
            operations = [*creations, {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group}]
            operations.append({"method": "DELETE", "path": f"/Users/bulkId:{names[2]}"})
            status, document = idp.json("POST", "/scim/v2/Bulk", {"schemas": [BULK], "Operations": operations})
            assert status == 200
            assert [each["status"] for each in document["Operations"]] == ["201"] * 4 + ["204"]
            assert events(f"{name}b") == ["member.created"] * 3 + ["member.removed"]
            assert events(f"{name} bulk") == ["group.created"]

        return act

    def rest(name: str) -> Callable[[], None]:
        member = person(acme, f"{name}@acme.example", "A Person")

        def act() -> None:
            status, document = script.json("PUT", f"/v1.0/members/{member.pk}/role", {"role": "IT Admin"})
            assert (status, document["role"]["name"]) == (200, "IT Admin")
            assert events(name) == ["member.created", "member.role_changed"]
            status, document = script.json("GET", "/v1.0/members")
            assert status == 200

        return act

    def web(name: str) -> Callable[[], None]:
        def act() -> None:
            form = {
                "kind": "scim",
                "description": name,
                "expiration": "90-days",
                "allowed_networks": "",
                "form_token": str(uuid4()),
                "csrfmiddlewaretoken": "a" * 32,
            }
            status, text = browser.send(
                "POST",
                "/settings/api-access/keys/new",
                urlencode(form).encode(),
                content_type="application/x-www-form-urlencoded",
            )
            assert status == 200
            assert "torii_scim_" in text
            assert acme.api_keys.filter(description=name).count() == 1
            assert browser.send("GET", "/settings/members")[0] == 200

        return act

    return {each.__name__: each for each in (get, post, put, group, bulk, rest, web)}


SCENARIOS = ["get", "post", "put", "group", "bulk", "rest", "web"]


@pytest.mark.parametrize("disturb", DISTURBANCES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_disturbance_before_any_statement_of_a_request_costs_nothing(
    scenarios: dict[str, Scenario], scenario: str, disturb: Disturb, other: Other
) -> None:
    check_each_statement(scenarios[scenario], lambda: disturb(other))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nor_does_a_lost_connection_under_djangos_cursor(
    scenarios: dict[str, Scenario], scenario: str, other: Other, settings: Any
) -> None:
    settings.DATABASE_FAST_CURSOR = False
    check_each_statement(scenarios[scenario], lambda: end_connections(other))


def check_each_statement(scenario: Scenario, disturb: Callable[[], None]) -> None:
    """Play the scenario once for each of its statements, and disturb it there."""
    scenario("warm")()
    act = scenario("counted")
    with before_statement(-1, disturb) as statements:
        act()
    for number in range(len(statements)):
        act = scenario(f"n{number}")
        with before_statement(number, disturb) as seen:
            act()
        assert len(seen) >= len(statements)


# COMMIT ---------------------------------------------------------------------------------------------------------------


def rename(acme: Organization, runs: list[str]) -> str:
    """Give acme the next name, in a transaction."""
    with transaction.atomic():
        runs.append("run")
        name = f"Acme {int(acme.name.partition(' ')[2] or 0) + 1}"
        Organization.objects.filter(pk=acme.pk).update(name=name)
    return name


@pytest.fixture
def in_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[Callable[[], None]], None]], None]:
    """Return a function that has a step of the next COMMIT done by another function, which is given the step."""

    def done_by(step: str, do: Callable[[Callable[[], None]], None]) -> None:
        original = getattr(DatabaseWrapper, step)

        def once(self: DatabaseWrapper) -> None:
            monkeypatch.setattr(DatabaseWrapper, step, original)
            do(lambda: original(self))

        monkeypatch.setattr(DatabaseWrapper, step, once)

    return done_by


def lose_answer(finish: Callable[[], None]) -> None:
    """Commit, and lose the connection before the answer is there."""
    finish()
    connection.connection.close()
    raise ConnectionLost("server closed the connection unexpectedly")


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
    status, document = idp.json("POST", "/scim/v2/Users", {"schemas": [USER], "userName": "bob@acme.example"})
    assert (status, document["status"]) == (503, "503")
    assert acme.members.count() == 1
    assert acme.events.filter(action="member.created").count() == 1


# Units ----------------------------------------------------------------------------------------------------------------


def test_what_is_committed_is_not_done_again(acme: Organization, other: Other) -> None:
    runs: list[str] = []

    def work() -> None:
        rename(acme, runs)
        break_transaction(other)

    with pytest.raises(OperationalError):
        run_unit(work)
    assert runs == ["run"]
    assert Organization.objects.get().name == "Acme 1"


def test_an_inner_unit_is_run_again_where_the_outer_may_not(acme: Organization, other: Other) -> None:
    runs: list[str] = []
    ends = iter([True])

    def inner() -> None:
        with transaction.atomic():
            Organization.objects.select_for_update().get()
            if next(ends, False):
                end_connections(other)
            Organization.objects.update(name="Inner")

    def outer() -> None:
        rename(acme, runs)
        run_unit(inner)

    run_unit(outer)
    assert runs == ["run"]
    assert Organization.objects.get().name == "Inner"


def test_a_unit_that_is_disturbed_every_time_fails_in_the_end(acme: Organization, other: Other) -> None:
    runs: list[str] = []

    def work() -> None:
        runs.append("run")
        break_transaction(other)

    with pytest.raises(OperationalError):
        run_unit(work)
    assert len(runs) == RUNS


@transaction.atomic
def break_transaction(other: Other) -> None:
    """Have the connection ended in a transaction."""
    Organization.objects.select_for_update().get()
    end_connections(other)
    Organization.objects.update(name="Never")


def test_outside_a_unit_a_broken_transaction_is_an_error(acme: Organization, other: Other) -> None:
    with pytest.raises(OperationalError):
        break_transaction(other)
    assert Organization.objects.get().name == "Acme"


def test_an_error_that_is_a_fault_is_told_at_once(acme: Organization) -> None:
    runs: list[str] = []

    def work() -> None:
        runs.append("run")
        shared_cursor(connection).execute("SELECT 1/0", [])

    with pytest.raises(DataError):
        run_unit(work)
    assert runs == ["run"]


def test_two_transactions_that_lock_each_other_out_are_both_done(acme: Organization, globex: Organization) -> None:
    both_hold_one = threading.Barrier(2)

    def locking(first: Organization, second: Organization) -> Callable[[], None]:
        turns = iter([both_hold_one.wait])

        def work() -> None:
            with transaction.atomic():
                Organization.objects.filter(pk=first.pk).update(time_zone="Europe/Berlin")
                next(turns, lambda timeout: 0)(10)
                Organization.objects.filter(pk=second.pk).update(name=f"{first.name} was here")

        return lambda: run_unit(work)

    assert at_once(locking(acme, globex), locking(globex, acme)) == [None, None]
    names = sorted(Organization.objects.values_list("name", flat=True))
    assert names == ["Acme was here", "Globex was here"]


def test_running_again_is_logged_once_without_a_traceback(
    scenarios: dict[str, Scenario], other: Other, caplog: pytest.LogCaptureFixture
) -> None:
    act = scenarios["get"]("stale")
    act()
    change_types(other)
    act()
    act = scenarios["post"]("cut")
    with before_statement(2, lambda: end_connections(other)):
        act()
    assert [(record.levelname, record.exc_info, record.getMessage()) for record in caplog.records] == [
        ("WARNING", None, f"A statement is run again: {Disturbance.STALE.value} (SQLSTATE 0A000)"),
        ("WARNING", None, f"A unit of work is run again: {Disturbance.LOST.value} (SQLSTATE none)"),
    ]


def test_many_rows_are_inserted_whatever_becomes_of_the_type_of_a_row(acme: Organization, other: Other) -> None:
    """They come as JSON, which PostgreSQL takes apart by the type that the table's rows have at that moment."""
    role = acme.roles.first()

    def insert(name: str) -> None:
        members = [Member(organization=acme, role=role, user_name=f"{name}{n}@acme.example") for n in range(3)]
        run_unit(lambda: INSERT.run_many(members))

    insert("first")
    for number in range(3):
        change_types(other)
        insert(f"typed{number}")
        other.execute("ALTER TABLE members_member ADD COLUMN extra int DEFAULT 7")
        insert(f"wider{number}")
        other.execute("ALTER TABLE members_member DROP COLUMN extra")
        insert(f"narrower{number}")
    assert acme.members.count() == 3 * (1 + 3 * 3)


def test_a_task_is_carried_out_although_the_connection_is_lost_before_any_of_its_statements(
    acme: Organization, ana: Member, other: Other
) -> None:
    new_key(acme)
    with before_statement(-1, lambda: None) as statements:
        deliver_notices()
    for number in range(len(statements)):
        api_key = new_key(acme).api_key
        with before_statement(number, lambda: end_connections(other)):
            deliver_notices()
        assert api_key.notices.get().sent_at is not None


def test_a_connection_that_met_a_new_schema_is_replaced_and_prepares_anew(
    scenarios: dict[str, Scenario], other: Other
) -> None:
    """PgBouncer gives whoever prepares the same text the statement that it has for it, out of date or not."""
    act = scenarios["get"]("n")
    act()
    before, generation = connection.connection, Generation.number
    change_types(other)
    act()
    assert connection.connection is before
    assert not statements().prepares
    act()
    assert connection.connection is not before
    assert statements().generation == Generation.number == generation + 1
    shared_cursor(connection).execute("SELECT statement FROM pg_prepared_statements WHERE name LIKE %s", ["torii_%"])
    texts = [text for (text,) in statements().fetchall()]
    assert any(text.endswith(f"/* {Generation.number} */") for text in texts)
