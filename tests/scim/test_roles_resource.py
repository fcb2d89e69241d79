"""/Roles: what an identity provider's admin picks a role from, and what `roles` on a user does with it."""

from typing import Any

import pytest

from audit.models import Action
from members.models import Level, Member, Organization, Role
from members.models.scope import everywhere
from tests.conftest import SETUP, employee_role
from tests.identity_provider import IdentityProvider, assert_error

ROLE = "urn:okta:scim:schemas:core:1.0:Role"


@pytest.fixture
def contracts(acme: Organization) -> Role:
    """A custom role of acme."""
    role = Role(organization=acme, name="Contract Manager", access=everywhere(Level.NONE))
    role.create_role(by=SETUP)
    return role


def role_of(okta: IdentityProvider, user: Any) -> str:
    """Return the role that a member has by now."""
    return Member.objects.select_related("role").get(pk=user["id"]).role.name


def test_the_organizations_roles_are_listed_and_read(okta: IdentityProvider, contracts: Role) -> None:
    roles = okta.list(path="/Roles")

    assert [role["displayName"] for role in roles] == [
        "Admin",
        "Read Only",
        "IT Admin",
        "Procurement",
        "Employee",
        "Contract Manager",
    ]
    assert roles[0]["schemas"] == [ROLE]
    assert roles[0]["description"] == "May see and change everything."
    assert okta.get(f"/Roles/{roles[5]['id']}").json() == roles[5]
    assert roles[5]["id"] == str(contracts.public_id)
    assert roles[5]["meta"]["location"] == f"http://localhost/scim/v2/Roles/{contracts.public_id}"
    assert okta.list('displayName eq "contract manager"', path="/Roles") == [roles[5]]


def test_a_stranger_sees_other_roles(eves_okta: IdentityProvider, contracts: Role) -> None:
    assert len(eves_okta.list(path="/Roles")) == 5
    assert_error(eves_okta.get(f"/Roles/{contracts.public_id}"), 404)


def test_a_custom_role_is_made_named_and_deleted(okta: IdentityProvider, acme: Organization) -> None:
    created = okta.call("POST", "/Roles", {"displayName": " Buyer ", "description": "Buys"})
    path = f"/Roles/{created.json()['id']}"
    put = okta.call("PUT", path, {"schemas": [ROLE], "displayName": "Head Buyer"})
    patched = okta.patch(created.json()["id"], {"op": "add", "path": "description", "value": "Leads"}, path="/Roles")

    role = acme.roles.get(is_predefined=False)
    assert created.status_code == 201
    assert created["Location"] == f"http://localhost/scim/v2{path}"
    assert (created.json()["displayName"], "description" in put.json()) == ("Buyer", False)
    assert (patched.json()["displayName"], patched.json()["description"]) == ("Head Buyer", "Leads")
    assert (role.name, role.description, role.access) == ("Head Buyer", "Leads", everywhere(Level.NONE))
    assert okta.create(userType="head buyer").json()["userType"] == "Head Buyer"
    assert_error(okta.delete(path), 409, "", "1 member has")
    okta.call("PUT", f"/Users/{acme.members.get().pk}", {"userName": "bob@acme.example", "userType": ""})
    assert okta.delete(path).status_code == 204
    assert_error(okta.get(path), 404)
    assert [event.action for event in acme.events.filter(action__startswith="role.").order_by("pk")] == [
        Action.ROLE_CREATED,
        Action.ROLE_UPDATED,
        Action.ROLE_UPDATED,
        Action.ROLE_DELETED,
    ]


@pytest.mark.parametrize(
    ("body", "status", "scim_type", "words"),
    [
        ({"displayName": "admin"}, 409, "uniqueness", "already has a role"),
        ({"displayName": "CONTRACT manager"}, 409, "uniqueness", "already has a role"),
        ({"displayName": "  "}, 400, "invalidValue", "displayName"),
        ({"description": "x"}, 400, "invalidValue", "displayName"),
        ({"displayName": "x" * 61}, 400, "invalidValue", "60 characters"),
        ({"displayName": "x", "description": "x" * 201}, 400, "invalidValue", "200 characters"),
    ],
)
def test_a_role_that_cannot_be_is_refused(
    okta: IdentityProvider,
    acme: Organization,
    contracts: Role,
    body: dict[str, Any],
    status: int,
    scim_type: str,
    words: str,
) -> None:
    other = Role(organization=acme, name="Other", access=everywhere(Level.NONE))
    other.create_role(by=SETUP)

    assert_error(okta.call("POST", "/Roles", body), status, scim_type, words)
    assert_error(okta.call("PUT", f"/Roles/{other.public_id}", body), status, scim_type, words)
    assert acme.roles.count() == 7


def test_a_predefined_role_is_locked(okta: IdentityProvider, acme: Organization) -> None:
    admin = acme.roles.get(name="Admin")
    path = f"/Roles/{admin.public_id}"

    assert_error(okta.call("PUT", path, {"displayName": "Boss"}), 400, "mutability", "predefined")
    assert_error(okta.delete(path), 400, "mutability", "predefined")
    assert okta.call("PUT", path, {"displayName": "Admin", "description": admin.description}).status_code == 200


def test_a_role_keeps_the_access_that_staff_gave_it(okta: IdentityProvider, contracts: Role) -> None:
    access = everywhere(Level.NONE) | {"members": "act"}
    contracts.edit(by=SETUP, access=access)

    okta.call("PUT", f"/Roles/{contracts.public_id}", {"displayName": "Lawyers", "access": everywhere(Level.ACT)})

    contracts.refresh_from_db()
    assert (contracts.name, contracts.access) == ("Lawyers", access)


def test_another_organizations_role_is_not_there(eves_okta: IdentityProvider, contracts: Role) -> None:
    path = f"/Roles/{contracts.public_id}"
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        body = {"displayName": "Mine", "Operations": [{"op": "replace", "path": "displayName", "value": "Mine"}]}
        assert_error(eves_okta.call(method, path, body), 404)


def test_the_resource_type_is_announced(okta: IdentityProvider) -> None:
    kind = okta.get("/ResourceTypes/Role").json()
    assert (kind["endpoint"], kind["schema"]) == ("/Roles", ROLE)
    schema = okta.get(f"/Schemas/{ROLE}").json()
    assert {attribute["name"] for attribute in schema["attributes"]} == {"displayName", "description"}


@pytest.mark.parametrize(
    "roles",
    [
        [{"value": "Contract Manager"}],
        [{"value": "contract manager", "type": "role"}],
        [{"value": "{id}"}],
        [{"value": "x", "display": "Contract Manager"}],
        [{"value": "nothing of ours"}, {"value": "Contract Manager"}],
        [{"value": "Read Only"}, {"value": "Contract Manager", "primary": True}],
        {"value": "Contract Manager"},
        "Contract Manager",
        ['{"id": "7", "value": "Contract Manager", "displayName": "Contracts"}'],
        [{"value": '{"id": "7", "value": "Contract Manager", "displayName": "Contracts"}'}],
        [{"value": '{"id": "7", "displayName": "Contract Manager"}'}],
    ],
)
def test_a_value_of_roles_gives_the_role_it_names(okta: IdentityProvider, contracts: Role, roles: Any) -> None:
    if isinstance(roles, list) and roles[0] == {"value": "{id}"}:
        roles = [{"value": str(contracts.public_id)}]
    created = okta.create(roles=roles)
    patched = okta.create("carol@acme.example").json()
    okta.patch(patched["id"], {"op": "add", "path": "roles", "value": roles})

    assert created.json()["userType"] == "Contract Manager"
    assert role_of(okta, created.json()) == role_of(okta, patched) == "Contract Manager"


def test_of_several_the_highest_counts(okta: IdentityProvider) -> None:
    assert okta.create(roles=[{"value": "Procurement"}, {"value": "IT Admin"}]).json()["userType"] == "IT Admin"


def test_values_that_name_no_role_are_kept_and_mean_nothing(okta: IdentityProvider) -> None:
    created = okta.create(roles=[{"value": "Emperor"}]).json()

    assert created["userType"] == "Employee"
    assert created["roles"] == [{"value": "Emperor"}]


def test_user_type_wins_when_both_come(okta: IdentityProvider) -> None:
    created = okta.create(userType="Procurement", roles=[{"value": "IT Admin"}]).json()
    operations: list[dict[str, Any]] = [
        {"op": "replace", "path": "roles", "value": [{"value": "Read Only"}]},
        {"op": "replace", "path": "userType", "value": "Employee"},
    ]

    assert created["userType"] == "Procurement"
    assert okta.patch(created["id"], *operations).json()["userType"] == "Employee"
    assert okta.patch(created["id"], *reversed(operations)).json()["userType"] == "Employee"
    put = okta.put(created["id"], userName="bob@acme.example", userType="Procurement", roles=[{"value": "IT Admin"}])
    assert put.json()["userType"] == "Procurement"


def test_entras_single_role_is_written_under_a_filter(okta: IdentityProvider) -> None:
    created = okta.create().json()
    operation = {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "IT Admin"}

    changed = okta.patch(created["id"], operation).json()
    again = okta.patch(created["id"], operation | {"op": "Replace", "value": "Procurement"}).json()

    assert (changed["userType"], changed["roles"]) == ("IT Admin", [{"value": "IT Admin", "primary": True}])
    assert (again["userType"], again["roles"]) == ("Procurement", [{"value": "Procurement", "primary": True}])


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "roles"},
        {"op": "remove", "path": 'roles[value eq "IT Admin"]'},
        {"op": "replace", "path": "roles", "value": []},
        {"op": "replace", "value": {"roles": [{"value": "Emperor"}]}},
    ],
)
def test_a_role_goes_with_the_value_that_gave_it(okta: IdentityProvider, operation: dict[str, Any]) -> None:
    created = okta.create(roles=[{"value": "IT Admin"}]).json()
    assert okta.patch(created["id"], operation).json()["userType"] == "Employee"


def test_a_put_without_the_value_takes_the_role_too(okta: IdentityProvider) -> None:
    created = okta.create(roles=[{"value": "IT Admin"}]).json()
    assert okta.put(created["id"], userName="bob@acme.example").json()["userType"] == "Employee"


def test_a_role_that_user_type_gave_stays_when_other_values_go(okta: IdentityProvider) -> None:
    created = okta.create(userType="IT Admin", roles=[{"value": "Procurement"}]).json()
    assert okta.patch(created["id"], {"op": "remove", "path": "roles"}).json()["userType"] == "IT Admin"


def test_a_change_of_something_else_does_not_bring_a_role_back(okta: IdentityProvider, acme: Organization) -> None:
    created = okta.create(roles=[{"value": "IT Admin"}]).json()
    employee = employee_role(acme)
    acme.members.get(pk=created["id"]).change_role(employee, by=SETUP)

    changed = okta.patch(created["id"], {"op": "replace", "path": "title", "value": "Sir"}).json()
    put = okta.put(created["id"], userName="bob@acme.example", roles=[{"value": "IT Admin"}]).json()

    assert (changed["userType"], put["userType"]) == ("Employee", "Employee")
