"""Groups: what is pushed is stored, in the forms that Okta and Entra push it."""

from collections.abc import Callable
from typing import Any

import pytest

from audit.models import Action
from members.models import Group, Member, Organization
from tests.identity_provider import GROUP, IdentityProvider, assert_error

Group_ = dict[str, Any]


@pytest.fixture
def people(okta: IdentityProvider) -> list[str]:
    """The ids of three users."""
    return [okta.create(f"user{number}@acme.example").json()["id"] for number in range(3)]


@pytest.fixture
def works(okta: IdentityProvider, people: list[str]) -> Group_:
    """A group with the first user in it."""
    body = {"schemas": [GROUP], "displayName": "Works", "externalId": "00g1", "members": [{"value": people[0]}]}
    return okta.call("POST", "/Groups", body).json()


def patch(okta: IdentityProvider, group: Group_, *operations: dict[str, Any]) -> set[str]:
    """PATCH the group and return the ids of its members."""
    response = okta.patch(group["id"], *operations, path="/Groups")
    assert response.status_code == 204, response.content
    return {member["value"] for member in okta.get(f"/Groups/{group['id']}").json()["members"]}


def test_a_pushed_group_is_stored(okta: IdentityProvider, acme: Organization, works: Group_, people: list[str]) -> None:
    group = acme.groups.get()

    assert (group.display_name, group.external_id) == ("Works", "00g1")
    assert [str(member.pk) for member in group.members.all()] == people[:1]
    assert works["members"] == [
        {"value": people[0], "$ref": f"http://localhost/scim/v2/Users/{people[0]}", "type": "User"}
    ]
    assert okta.get(f"/Groups/{works['id']}").json() == works
    assert okta.list('displayName eq "works"', path="/Groups") == [works]
    assert acme.events.get(action=Action.GROUP_CREATED).target_label == "Works"


def test_a_user_shows_the_groups(okta: IdentityProvider, works: Group_, people: list[str]) -> None:
    assert okta.get(f"/Users/{people[0]}").json()["groups"] == [
        {
            "value": works["id"],
            "$ref": f"http://localhost/scim/v2/Groups/{works['id']}",
            "display": "Works",
            "type": "direct",
        }
    ]
    assert "groups" not in okta.get(f"/Users/{people[1]}").json()


@pytest.mark.parametrize("op", ["add", "Add"])
def test_members_are_added(okta: IdentityProvider, works: Group_, people: list[str], op: str) -> None:
    added = {"op": op, "path": "members", "value": [{"value": people[1]}, {"value": people[0]}]}
    assert patch(okta, works, added) == set(people[:2])


def test_one_member_may_come_without_a_list(okta: IdentityProvider, works: Group_, people: list[str]) -> None:
    assert patch(okta, works, {"op": "add", "path": "members", "value": {"value": people[1]}}) == set(people[:2])


def test_a_member_is_removed_by_path(okta: IdentityProvider, works: Group_, people: list[str]) -> None:
    path = f'members[value eq "{people[0]}"]'
    assert patch(okta, works, {"op": "remove", "path": path}) == set()
    assert patch(okta, works, {"op": "remove", "path": path}) == set()


def test_members_are_removed_by_value_as_entra_does(okta: IdentityProvider, works: Group_, people: list[str]) -> None:
    okta.patch(works["id"], {"op": "add", "path": "members", "value": [{"value": people[1]}]}, path="/Groups")

    assert patch(okta, works, {"op": "Remove", "path": "members", "value": [{"value": people[0]}]}) == {people[1]}
    assert patch(okta, works, {"op": "Remove", "path": "members", "value": []}) == {people[1]}


def test_removing_members_without_a_value_removes_all(okta: IdentityProvider, works: Group_) -> None:
    assert patch(okta, works, {"op": "remove", "path": "members"}) == set()


def test_members_are_replaced(okta: IdentityProvider, works: Group_, people: list[str]) -> None:
    value = [{"value": people[1]}, {"value": people[2]}]
    assert patch(okta, works, {"op": "replace", "path": "members", "value": value}) == set(people[1:])


def test_okta_renames_with_a_pathless_replace(okta: IdentityProvider, works: Group_, people: list[str]) -> None:
    operation = {"op": "replace", "value": {"id": works["id"], "displayName": "Renamed"}}

    assert patch(okta, works, operation) == {people[0]}
    assert Group.objects.get().display_name == "Renamed"


def test_operations_apply_in_their_order(okta: IdentityProvider, works: Group_, people: list[str]) -> None:
    remaining = patch(
        okta,
        works,
        {"op": "replace", "value": {"displayName": "Both", "members": [{"value": people[1]}]}},
        {"op": "add", "path": "members", "value": [{"value": people[2]}]},
        {"op": "remove", "path": f'members[value eq "{people[1]}"]'},
    )

    assert remaining == {people[2]}
    assert Group.objects.get().display_name == "Both"


def test_put_replaces_the_group(okta: IdentityProvider, works: Group_, people: list[str]) -> None:
    body = {"schemas": [GROUP], "displayName": "Other", "members": [{"value": people[2]}]}

    changed = okta.call("PUT", f"/Groups/{works['id']}", body).json()

    assert changed["displayName"] == "Other"
    assert [member["value"] for member in changed["members"]] == [people[2]]
    assert "externalId" not in changed


def test_a_group_change_is_audited_with_who_came_and_went(
    okta: IdentityProvider, acme: Organization, works: Group_, people: list[str]
) -> None:
    patch(okta, works, {"op": "replace", "path": "members", "value": [{"value": people[1]}]})

    event = acme.events.get(action=Action.GROUP_UPDATED)
    assert event.changes == {
        "added": {"count": 1, "first": [people[1]]},
        "removed": {"count": 1, "first": [people[0]]},
    }


def test_a_deleted_group_leaves_its_members(okta: IdentityProvider, works: Group_, people: list[str]) -> None:
    assert okta.delete(f"/Groups/{works['id']}").status_code == 204
    assert_error(okta.get(f"/Groups/{works['id']}"), 404)
    assert "groups" not in okta.get(f"/Users/{people[0]}").json()


def test_a_removed_member_leaves_the_group(okta: IdentityProvider, works: Group_, people: list[str]) -> None:
    okta.delete(f"/Users/{people[0]}")

    assert okta.get(f"/Groups/{works['id']}").json()["members"] == []


def test_the_names_of_members_are_told_to_who_asks_for_them(
    okta: IdentityProvider, works: Group_, people: list[str]
) -> None:
    okta.patch(people[0], {"op": "add", "path": "name", "value": {"givenName": "Una", "familyName": "Usher"}})
    asked = "displayName,members.value,members.display"
    path = f"/Groups/{works['id']}"

    named = okta.get(path, attributes=asked).json()["members"]

    assert named == [{"value": people[0], "display": "Una Usher"}]
    assert okta.list(path="/Groups", attributes=asked)[0]["members"] == named
    assert okta.call("PUT", path, {"displayName": "W", "members": named}, attributes=asked).json()["members"] == named
    assert set(okta.get(path).json()["members"][0]) == {"value", "$ref", "type"}


@pytest.mark.parametrize("value", ["no-uuid", "00000000-0000-7000-8000-000000000000", None, 7, ["x"]])
def test_an_unknown_member_changes_nothing(
    okta: IdentityProvider, works: Group_, people: list[str], value: Any
) -> None:
    response = okta.patch(
        works["id"],
        {"op": "replace", "path": "displayName", "value": "Lost"},
        {"op": "add", "path": "members", "value": [{"value": people[1]}, {"value": value}]},
        path="/Groups",
    )

    assert_error(response, 400, "invalidValue")
    assert okta.get(f"/Groups/{works['id']}").json() == works


def test_another_organizations_member_is_unknown(okta: IdentityProvider, works: Group_, eve: Member) -> None:
    operation = {"op": "add", "path": "members", "value": [{"value": str(eve.pk)}]}
    assert_error(okta.patch(works["id"], operation, path="/Groups"), 400, "invalidValue", str(eve.pk))


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "replace", "path": "members[", "value": []}, "invalidPath"),
        ({"op": "remove", "path": 'members[display eq "x"]'}, "noTarget"),
        ({"op": "replace", "path": "members.value", "value": "x"}, "invalidPath"),
        ({"op": "jump", "path": "members", "value": []}, "invalidValue"),
        ({"op": "replace", "path": "displayName", "value": ""}, "invalidValue"),
        ({"op": "remove", "path": "displayName"}, "mutability"),
        ({"op": "replace", "path": "displayName", "value": "x" * 255}, "invalidValue"),
    ],
)
def test_a_bad_operation_is_a_400(
    okta: IdentityProvider, works: Group_, operation: dict[str, Any], scim_type: str
) -> None:
    assert_error(okta.patch(works["id"], operation, path="/Groups"), 400, scim_type)
    assert okta.get(f"/Groups/{works['id']}").json() == works


@pytest.mark.parametrize(
    "body", [{}, {"displayName": "  "}, {"displayName": None}, {"displayName": "G", "members": "x"}]
)
def test_a_group_needs_a_name_and_members_that_exist(okta: IdentityProvider, body: dict[str, Any]) -> None:
    assert_error(okta.call("POST", "/Groups", body), 400, "invalidValue")
    assert not Group.objects.exists()


def test_a_patch_is_answered_with_the_version_alone(okta: IdentityProvider, works: Group_, people: list[str]) -> None:
    path = f"/Groups/{works['id']}"

    patched = okta.patch(works["id"], {"op": "add", "path": "members", "value": [{"value": people[1]}]}, path="/Groups")

    assert (patched.status_code, patched.content) == (204, b"")
    assert patched["Location"] == f"http://localhost/scim/v2{path}"
    assert patched["ETag"] == okta.get(path)["ETag"] != works["meta"]["version"]
    nothing = okta.patch(works["id"], {"op": "replace", "path": "displayName", "value": "Works"}, path="/Groups")
    assert (nothing.status_code, nothing["ETag"]) == (204, patched["ETag"])


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"attributes": "displayName"}, {"schemas", "id", "displayName"}),
        ({"attributes": "members"}, {"schemas", "id", "members"}),
        ({"attributes": ""}, {"schemas", "id", "displayName", "externalId", "members", "meta"}),
        ({"excludedAttributes": "members,meta"}, {"schemas", "id", "displayName", "externalId"}),
    ],
)
def test_a_patch_that_asks_for_attributes_is_answered_with_them(
    okta: IdentityProvider, works: Group_, people: list[str], asked: dict[str, str], names: set[str]
) -> None:
    add = {"op": "add", "path": "members", "value": [{"value": people[1]}]}

    patched = okta.call("PATCH", f"/Groups/{works['id']}", {"Operations": [add]}, None, **asked)

    assert (patched.status_code, set(patched.json())) == (200, names)
    assert len(patched.json().get("members", people[:2])) == 2
    assert patched["ETag"] == okta.get(f"/Groups/{works['id']}")["ETag"]


def test_changing_one_member_reads_no_others(
    okta: IdentityProvider, works: Group_, people: list[str], django_assert_max_num_queries: Callable[..., Any]
) -> None:
    operation = {"op": "add", "path": "members", "value": [{"value": people[1]}]}
    with django_assert_max_num_queries(9) as queries:
        okta.call("PATCH", f"/Groups/{works['id']}", {"Operations": [operation]})

    reads = [
        query["sql"] for query in queries if query["sql"].startswith("SELECT") and "groupmembership" in query["sql"]
    ]
    assert len(reads) == 1
    assert "IN (" in reads[0]


@pytest.mark.parametrize("urn", [GROUP, GROUP.upper(), "urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0:Group"])
def test_members_come_with_the_urn_of_their_schema_before_or_around_them(okta: IdentityProvider, urn: str) -> None:
    bob = {"value": okta.create().json()["id"]}
    named, nested = {f"{urn}:members": [bob]}, {urn: {"members": [bob]}}
    groups = [
        okta.call("POST", "/Groups", {"schemas": [urn], "displayName": "Works"} | members).json()["id"]
        for members in (named, nested)
    ]
    works = groups[0]

    for group in groups:
        assert who_is_in(okta, group) == [bob["value"]]
    for operation in (
        {"op": "replace", "value": {urn: {"members": []}}},
        {"op": "add", "value": nested},
        {"op": "replace", "value": {f"{urn}:members": []}},
        {"op": "add", "path": urn, "value": {"members": [bob]}},
        {"op": "remove", "path": f'{urn}:members[value eq "{bob["value"]}"]'},
        {"op": "add", "path": f"{urn}:members", "value": [bob]},
    ):
        before = who_is_in(okta, works)
        assert okta.patch(works, operation, path="/Groups").status_code == 204
        assert who_is_in(okta, works) != before, operation


def who_is_in(okta: IdentityProvider, group: str) -> list[str]:
    return [member["value"] for member in okta.get(f"/Groups/{group}").json()["members"]]
