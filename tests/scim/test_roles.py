"""userType is a role's name; Employee is what somebody is when nobody says."""

from typing import Any

import pytest

from audit.models import Action
from members.models import Level, Member, Organization, Role
from members.models.scope import everywhere
from tests.conftest import SETUP
from tests.identity_provider import IdentityProvider, assert_error


@pytest.fixture
def contracts(acme: Organization) -> Role:
    """A custom role of acme."""
    role = Role(organization=acme, name="Contract Manager", access=everywhere(Level.NONE))
    role.create_role(by=SETUP)
    return role


@pytest.mark.parametrize("sent", [{}, {"userType": ""}, {"userType": None}, {"userType": "  "}])
def test_without_a_user_type_a_new_member_is_an_employee(okta: IdentityProvider, sent: dict[str, Any]) -> None:
    response = okta.create(**sent)

    assert response.status_code == 201
    assert response.json()["userType"] == "Employee"
    assert Member.objects.get(pk=response.json()["id"]).role.is_employee


@pytest.mark.parametrize("sent", ["IT Admin", "it admin", "IT ADMIN "])
def test_a_role_is_matched_in_any_case_and_spelled_as_itself(okta: IdentityProvider, sent: str) -> None:
    assert okta.create(userType=sent).json()["userType"] == "IT Admin"


def test_a_custom_role_is_a_user_type(okta: IdentityProvider, contracts: Role) -> None:
    response = okta.create(userType="contract manager")

    assert response.json()["userType"] == "Contract Manager"
    assert contracts.members.get().user_name == "bob@acme.example"


def test_another_organizations_role_is_unknown(eves_okta: IdentityProvider, contracts: Role) -> None:
    assert_error(eves_okta.create("x@globex.example", userType="Contract Manager"), 400, "invalidValue")


def test_an_unknown_role_is_named_with_the_nearest_valid_one(okta: IdentityProvider, acme: Organization) -> None:
    response = okta.create(userType="Emploeey")

    assert_error(response, 400, "invalidValue", '"Emploeey"', "Valid: Admin, Read Only", 'Did you mean "Employee"?')
    assert not acme.members.filter(user_name="bob@acme.example").exists()


def test_put_without_user_type_keeps_the_role(okta: IdentityProvider) -> None:
    created = okta.create(userType="Procurement").json()

    changed = okta.put(created["id"], userName="bob@acme.example", nickName="B").json()

    assert changed["userType"] == "Procurement"
    assert changed["nickName"] == "B"


def test_patch_of_something_else_keeps_the_role(okta: IdentityProvider) -> None:
    created = okta.create(userType="Procurement").json()

    changed = okta.patch(created["id"], {"op": "replace", "path": "title", "value": "Buyer"}).json()

    assert (changed["userType"], changed["title"]) == ("Procurement", "Buyer")


@pytest.mark.parametrize("op", ["replace", "Replace", "add", "Add"])
def test_patch_sets_the_role_and_the_log_says_so(okta: IdentityProvider, acme: Organization, op: str) -> None:
    created = okta.create().json()

    changed = okta.patch(created["id"], {"op": op, "path": "userType", "value": "read only"}).json()

    assert changed["userType"] == "Read Only"
    event = acme.events.get(action=Action.MEMBER_ROLE_CHANGED)
    assert event.changes == {"role": ["Employee", "Read Only"]}


def test_removing_user_type_makes_an_employee(okta: IdentityProvider) -> None:
    created = okta.create(userType="Procurement").json()

    assert okta.patch(created["id"], {"op": "remove", "path": "userType"}).json()["userType"] == "Employee"


@pytest.mark.parametrize("value", ["", None])
def test_put_with_an_empty_user_type_makes_an_employee(okta: IdentityProvider, value: str | None) -> None:
    created = okta.create(userType="Procurement").json()

    assert okta.put(created["id"], userName="bob@acme.example", userType=value).json()["userType"] == "Employee"


def test_an_unknown_role_changes_nothing_else_either(okta: IdentityProvider, bob: dict[str, Any]) -> None:
    response = okta.patch(
        bob["id"],
        {"op": "replace", "path": "nickName", "value": "Lost"},
        {"op": "replace", "path": "userType", "value": "Emperor"},
    )

    assert_error(response, 400, "invalidValue", "Emperor")
    assert okta.get(f"/Users/{bob['id']}").json() == bob
