"""A directory that sends groups and no userType gives roles by its groups; a userType is above them."""

from typing import Any

import pytest

from audit.models import Action
from members.models import Group, Member, Organization
from tests.conftest import SETUP
from tests.identity_provider import IdentityProvider, assert_error


@pytest.fixture
def bob(okta: IdentityProvider) -> dict[str, Any]:
    """Somebody whom Okta created without a userType."""
    created: dict[str, Any] = okta.call("POST", "/Users", {"userName": "bob@acme.example"}).json()
    return created


def pushed(okta: IdentityProvider, acme: Organization, name: str, role: str = "", *ids: str) -> str:
    """Let Okta push a group, to which staff then give a role; return its id."""
    members = [{"value": pk} for pk in ids]
    pk: str = okta.call("POST", "/Groups", {"displayName": name, "members": members}).json()["id"]
    if role:
        Group.objects.get(pk=pk).give_role(acme.roles.named(role), by=SETUP)
    return pk


def user_type(okta: IdentityProvider, user: dict[str, Any]) -> Any:
    return okta.get(f"/Users/{user['id']}").json()["userType"]


def test_joining_and_leaving_by_patch(okta: IdentityProvider, acme: Organization, bob: dict[str, Any]) -> None:
    group = pushed(okta, acme, "Engineering", "IT Admin")
    assert user_type(okta, bob) == "Employee"

    okta.patch(group, {"op": "add", "path": "members", "value": [{"value": bob["id"]}]}, path="/Groups")
    assert user_type(okta, bob) == "IT Admin"
    okta.patch(group, {"op": "remove", "path": f'members[value eq "{bob["id"]}"]'}, path="/Groups")
    assert user_type(okta, bob) == "Employee"

    events = acme.events.filter(action=Action.MEMBER_ROLE_CHANGED).order_by("id")
    assert [event.changes for event in events] == [
        {"role": ["Employee", "IT Admin"], "given_by_groups": ["Engineering"], "group": "Engineering"},
        {"role": ["IT Admin", "Employee"], "group": "Engineering"},
    ]
    assert {event.actor_kind for event in events} == {"api_key"}


def test_joining_and_leaving_by_put(okta: IdentityProvider, acme: Organization, bob: dict[str, Any]) -> None:
    group = pushed(okta, acme, "Engineering", "IT Admin")
    body: dict[str, Any] = {"displayName": "Engineering", "members": [{"value": bob["id"]}]}

    okta.call("PUT", f"/Groups/{group}", body)
    assert user_type(okta, bob) == "IT Admin"
    okta.call("PUT", f"/Groups/{group}", body | {"members": []})
    assert user_type(okta, bob) == "Employee"


def test_a_deleted_group_takes_its_role_along(okta: IdentityProvider, acme: Organization, bob: dict[str, Any]) -> None:
    group = pushed(okta, acme, "Engineering", "IT Admin", bob["id"])

    assert okta.delete(f"/Groups/{group}").status_code == 204

    assert user_type(okta, bob) == "Employee"


def test_a_deleted_user_leaves_the_group_its_role(
    okta: IdentityProvider, acme: Organization, bob: dict[str, Any]
) -> None:
    group = pushed(okta, acme, "Engineering", "IT Admin", bob["id"])

    assert okta.delete(f"/Users/{bob['id']}").status_code == 204

    assert Group.objects.get(pk=group).role == acme.roles.named("IT Admin")


def test_user_type_is_above_groups_until_it_is_taken_back(
    okta: IdentityProvider, acme: Organization, bob: dict[str, Any]
) -> None:
    pushed(okta, acme, "Engineering", "IT Admin", bob["id"])
    user = {"userName": "bob@acme.example"}

    assert okta.put(bob["id"], **user, userType="Procurement").json()["userType"] == "Procurement"
    assert okta.put(bob["id"], **user).json()["userType"] == "Procurement"
    assert okta.put(bob["id"], **user, userType="").json()["userType"] == "IT Admin"


def test_a_user_type_that_a_put_sends_back_as_it_was_read_is_not_meant(
    okta: IdentityProvider, acme: Organization, bob: dict[str, Any]
) -> None:
    group = pushed(okta, acme, "Engineering", "IT Admin")
    okta.put(bob["id"], **okta.get(f"/Users/{bob['id']}").json() | {"title": "Engineer"})
    okta.patch(group, {"op": "add", "path": "members", "value": [{"value": bob["id"]}]}, path="/Groups")
    okta.put(bob["id"], **okta.get(f"/Users/{bob['id']}").json() | {"title": "Lead"})
    assert user_type(okta, bob) == "IT Admin"

    okta.delete(f"/Groups/{group}")

    assert user_type(okta, bob) == "Employee"
    assert okta.put(bob["id"], userName="bob@acme.example", userType="IT Admin").json()["userType"] == "IT Admin"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_user_type_that_a_patch_or_post_sends_is_meant(
    okta: IdentityProvider, acme: Organization, bob: dict[str, Any], order: tuple[int, int]
) -> None:
    group = pushed(okta, acme, "Engineering", "IT Admin")
    calls = [
        lambda: okta.patch(bob["id"], {"op": "replace", "path": "userType", "value": "it admin"}),
        lambda: okta.patch(group, {"op": "add", "path": "members", "value": [{"value": bob["id"]}]}, path="/Groups"),
    ]
    for number in order:
        assert calls[number]().status_code in (200, 204)

    okta.delete(f"/Groups/{group}")

    assert user_type(okta, bob) == "IT Admin"
    carol = okta.create("carol@acme.example", userType="Employee").json()
    pushed(okta, acme, "Buyers", "Procurement", carol["id"])
    assert user_type(okta, carol) == "Employee"


def test_removing_user_type_by_patch_leaves_it_to_the_groups(
    okta: IdentityProvider, acme: Organization, bob: dict[str, Any]
) -> None:
    pushed(okta, acme, "Engineering", "IT Admin", bob["id"])

    okta.patch(bob["id"], {"op": "replace", "path": "userType", "value": "Procurement"})
    okta.patch(bob["id"], {"op": "remove", "path": "userType"})

    assert user_type(okta, bob) == "IT Admin"
    assert not Member.objects.get(pk=bob["id"]).role_is_assigned


def test_a_patch_of_something_else_leaves_it_to_the_groups(
    okta: IdentityProvider, acme: Organization, bob: dict[str, Any]
) -> None:
    group = pushed(okta, acme, "Engineering", "IT Admin", bob["id"])

    okta.patch(bob["id"], {"op": "replace", "path": "title", "value": "Engineer"})
    okta.delete(f"/Groups/{group}")

    assert user_type(okta, bob) == "Employee"


def test_somebody_reactivated_has_what_their_groups_give_by_now(
    okta: IdentityProvider, acme: Organization, bob: dict[str, Any]
) -> None:
    group = pushed(okta, acme, "Engineering", "IT Admin", bob["id"])
    okta.put(bob["id"], userName="bob@acme.example", active=False)
    Group.objects.get(pk=group).give_role(acme.roles.named("Read Only"), by=SETUP)

    again = okta.call("POST", "/Users", {"userName": "bob@acme.example"}).json()

    assert (again["id"], again["active"], again["userType"]) == (bob["id"], True, "Read Only")


@pytest.mark.parametrize("how", ["patch", "put", "delete"])
def test_the_last_admin_is_not_taken_out_of_the_group_that_makes_them_one(
    okta: IdentityProvider, acme: Organization, bob: dict[str, Any], how: str
) -> None:
    group = pushed(okta, acme, "Admins", "Admin", bob["id"])
    before = okta.get(f"/Groups/{group}").json()
    calls = {
        "patch": lambda: okta.patch(group, {"op": "remove", "path": "members"}, path="/Groups"),
        "put": lambda: okta.call("PUT", f"/Groups/{group}", {"displayName": "Nobody"}),
        "delete": lambda: okta.delete(f"/Groups/{group}"),
    }

    assert_error(calls[how](), 400, "mutability", "last active Admin")

    assert okta.get(f"/Groups/{group}").json() == before
    assert user_type(okta, bob) == "Admin"
