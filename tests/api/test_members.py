"""Members: who is listed, how they are filtered, and what is told of each."""

from typing import Any

import pytest

from members.models import Member, Organization
from tests.api.client import Script, assert_problem
from tests.conftest import SETUP, person
from tests.identity_provider import IdentityProvider


def names(members: list[Any]) -> list[str]:
    return [member["user_name"].partition("@")[0] for member in members]


def test_a_member_is_told_of_in_full(script: Script, ira: Member) -> None:
    told = script.read(f"members/{ira.pk}")

    ira.refresh_from_db()
    assert told == {
        "id": str(ira.pk),
        "user_name": "ira@acme.example",
        "external_id": "",
        "given_name": "Ira",
        "family_name": "Item",
        "display_name": "Ira Item",
        "role": {"id": str(ira.role.public_id), "name": "IT Admin"},
        "role_is_assigned": True,
        "active": True,
        "deactivated_at": None,
        "source": "manual",
        "created_at": ira.created_at.isoformat().replace("+00:00", "Z"),
        "updated_at": ira.updated_at.isoformat().replace("+00:00", "Z"),
    }
    assert script.results("members") == [told]


def test_the_list_holds_employees_and_deactivated_members(
    reader: Script, ana: Member, ira: Member, emil: Member
) -> None:
    ira.deactivate(by=SETUP)
    assert names(reader.results("members")) == ["ana", "ira", "emil"]
    assert reader.read(f"members/{ira.pk}")["active"] is False


def test_an_id_may_be_in_capitals_but_has_one_spelling(script: Script, ira: Member) -> None:
    assert script.read(f"members/{str(ira.pk).upper()}")["id"] == str(ira.pk)
    for text in (ira.pk.hex, f"{{{ira.pk}}}", f"urn:uuid:{ira.pk}", f"{ira.pk} ", f"{ira.pk}\x00", "1", "me", "é"):
        assert_problem(script.get(f"members/{text}"), 404, "not_found")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["ana", "ira", "emil", "zoe"]),
        ({"role": "it admin"}, ["ira"]),
        ({"role": "EMPLOYEE"}, ["emil", "zoe"]),
        ({"active": "true"}, ["ana", "ira", "emil"]),
        ({"active": "false"}, ["zoe"]),
        ({"user_name": "IRA@Acme.example"}, ["ira"]),
        ({"user_name": "ira"}, []),
        ({"external_id": "00uZ"}, ["zoe"]),
        ({"external_id": "00uz"}, []),
        ({"search": "item"}, ["ira"]),
        ({"search": "EXAMPLE E"}, ["ana", "ira", "emil", "zoe"]),
        ({"search": "öz"}, ["zoe"]),
        ({"search": "%"}, []),
        ({"search": " "}, ["ana", "ira", "emil", "zoe"]),
        ({"role": "Employee", "active": "true", "search": "emil"}, ["emil"]),
        ({"role": "Employee", "user_name": "ira@acme.example"}, []),
        ({"external_id": "' OR 1=1 --"}, []),
    ],
)
def test_a_member_has_to_meet_all_filters(
    script: Script, okta: IdentityProvider, ana: Member, ira: Member, emil: Member, filters: Any, found: list[str]
) -> None:
    okta.create("zoe@acme.example", externalId="00uZ", name={"familyName": "Öztürk"}, active=False)
    assert names(script.results("members", **filters)) == found


def test_an_unknown_role_in_a_filter_is_told_with_the_nearest(script: Script, ana: Member) -> None:
    problem = assert_problem(script.get("members", role="Admim"), 400, "unknown_role", 'Did you mean "Admin"?')
    assert "userType" not in problem["detail"]
    assert "Procurement" in problem["detail"]


@pytest.mark.parametrize("path", ["members", "members?role=it%20admin&active=true&search=p", "groups", "audit-events"])
def test_a_list_costs_the_same_however_long_it_is(
    script: Script,
    acme: Organization,
    okta: IdentityProvider,
    path: str,
    django_assert_num_queries: Any,
    django_assert_max_num_queries: Any,
) -> None:
    def grow(start: int, end: int) -> None:
        for number in range(start, end):
            member = person(acme, f"p{number}@acme.example", f"P {number}", "IT Admin")
            okta.call("POST", "/Groups", {"displayName": f"G{number}", "members": [{"value": str(member.pk)}]})

    grow(0, 2)
    script.get(f"/v1.0/{path}")
    with django_assert_max_num_queries(6) as few:
        assert len(script.get(f"/v1.0/{path}").json()["results"]) >= 2
        spent = len(few)
    grow(2, 20)
    with django_assert_num_queries(spent):
        assert len(script.get(f"/v1.0/{path}").json()["results"]) >= 20


@pytest.mark.parametrize("path", ["organization", "members/{}", "roles", "api-keys"])
def test_an_answer_takes_a_query_or_two_beside_the_key_and_its_power(
    script: Script, ira: Member, acme: Organization, path: str, django_assert_max_num_queries: Any
) -> None:
    script.get("roles")
    with django_assert_max_num_queries(0):
        assert Script("").get("roles").status_code == 401
    with django_assert_max_num_queries(4) as spent:
        assert script.get(path.format(ira.pk)).status_code == 200
    assert all("OFFSET" not in query["sql"] and "COUNT(" not in query["sql"] for query in spent.captured_queries)
