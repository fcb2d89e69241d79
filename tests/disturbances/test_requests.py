"""What disturbs the database, and is nobody's fault, costs no request: each disturbance, before each statement.

`tests/processes/test_disturbances.py` does the same to a service under load.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection

from members.models import Member, Organization
from tests.conftest import ACME, person
from tests.disturbances.callers import Caller
from tests.disturbances.meeting import DISTURBANCES, before_statement, statements
from tests.disturbing import Other, change_types, end_connections
from tests.identity_provider import GROUP, PATCH_OP, USER
from torii_settings.postgresql.disturbance import Disturbance
from torii_settings.postgresql.prepared import Generation
from torii_settings.statement import shared_cursor

Disturb = Callable[[Other], None]
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
Scenario = Callable[[str], Callable[[], None]]


@pytest.fixture
def scenarios(acme: Organization, idp: Caller, script: Caller, browser: Caller, other: Other) -> dict[str, Scenario]:
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

    def patch_beside_another(name: str) -> Callable[[], None]:
        member = person(acme, f"{name}@acme.example", "A Person")

        def change_first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.startswith("WITH first AS (UPDATE"):
                other.execute("UPDATE members_member SET external_id = %s WHERE id = %s", [name, member.pk])
            return execute(sql, params, many, context)

        def act() -> None:
            change = {"op": "replace", "path": "title", "value": "New"}
            with connection.execute_wrapper(change_first):
                status, document = idp.json(
                    "PATCH", f"/scim/v2/Users/{member.pk}", {"schemas": [PATCH_OP], "Operations": [change]}
                )
            assert (status, document["title"], document["externalId"]) == (200, "New", name)
            assert events(name) == ["member.created", "member.updated"]

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
                f"{ACME}/api-access/keys/new",
                urlencode(form).encode(),
                content_type="application/x-www-form-urlencoded",
            )
            assert status == 200
            assert "torii_scim_" in text
            assert acme.api_keys.filter(description=name).count() == 1
            assert browser.send("GET", f"{ACME}/members")[0] == 200

        return act

    return {each.__name__: each for each in (get, post, put, patch_beside_another, group, bulk, rest, web)}


SCENARIOS = ["get", "post", "put", "patch_beside_another", "group", "bulk", "rest", "web"]


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


def test_running_again_is_logged_once_without_a_traceback(
    scenarios: dict[str, Scenario], other: Other, caplog: pytest.LogCaptureFixture
) -> None:
    act = scenarios["get"]("stale")
    act()
    change_types(other)
    act()
    act = scenarios["group"]("cut")
    with before_statement(2, lambda: end_connections(other)):
        act()
    assert [(record.levelname, record.exc_info, record.getMessage()) for record in caplog.records] == [
        ("WARNING", None, f"A statement is run again: {Disturbance.STALE.value} (SQLSTATE 0A000)"),
        ("WARNING", None, f"A unit of work is run again: {Disturbance.LOST.value} (SQLSTATE 57P01)"),
    ]


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
