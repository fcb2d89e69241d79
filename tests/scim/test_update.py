"""PUT and PATCH in the forms that Okta and Entra send them."""

from typing import Any

import pytest

from audit.models import Action, Event
from members.models import Member, Organization
from tests.identity_provider import ENTERPRISE, USER, IdentityProvider, assert_error

Bob = dict[str, Any]


def test_put_replaces_what_is_sent_and_clears_what_is_not(okta: IdentityProvider, bob: Bob) -> None:
    response = okta.put(bob["id"], userName="bob@acme.example", displayName="Robert", title="Sir", active=True)

    changed = response.json()
    assert response.status_code == 200
    assert (changed["displayName"], changed["title"]) == ("Robert", "Sir")
    assert "emails" not in changed
    assert "name" not in changed
    assert "externalId" not in changed
    assert changed["id"] == bob["id"]
    assert changed["meta"]["created"] == bob["meta"]["created"]
    assert changed["meta"]["lastModified"] > bob["meta"]["lastModified"]


def test_put_keeps_groups_which_are_read_only(okta: IdentityProvider, bob: Bob) -> None:
    okta.call("POST", "/Groups", {"displayName": "Works", "members": [{"value": bob["id"]}]})

    changed = okta.put(bob["id"], userName="bob@acme.example", groups=[]).json()

    assert [group["display"] for group in changed["groups"]] == ["Works"]


def test_put_without_active_keeps_the_state(okta: IdentityProvider, bob: Bob) -> None:
    okta.patch(bob["id"], {"op": "replace", "value": {"active": False}})

    assert okta.put(bob["id"], userName="bob@acme.example").json()["active"] is False


def test_put_without_user_name_keeps_it(okta: IdentityProvider, bob: Bob) -> None:
    assert okta.put(bob["id"], displayName="Robert").json()["userName"] == "bob@acme.example"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "userName", "value": "bob2@acme.example"},
        {"op": "Replace", "value": {"userName": "bob2@acme.example", "title": "X"}},
        {"op": "add", "path": f"{USER}:userName", "value": "bob2@acme.example"},
        {"op": "remove", "path": "userName"},
    ],
)
def test_patch_cannot_update_the_user_name(okta: IdentityProvider, bob: Bob, operation: dict[str, Any]) -> None:
    assert_error(okta.patch(bob["id"], operation), 400, "mutability")
    assert okta.get(f"/Users/{bob['id']}").json() == bob


def test_put_cannot_update_the_user_name(okta: IdentityProvider, bob: Bob) -> None:
    response = okta.put(bob["id"], userName="bob2@acme.example", title="X")

    assert_error(response, 400, "mutability", "userName can't be updated", "bob@acme.example")
    assert okta.get(f"/Users/{bob['id']}").json() == bob


def test_the_same_user_name_in_another_case_is_no_change(okta: IdentityProvider, bob: Bob) -> None:
    put = okta.put(bob["id"], userName="BOB@acme.example", title="Put")
    patched = okta.patch(bob["id"], {"op": "replace", "path": "userName", "value": "bOb@acme.example"})

    assert (put.status_code, patched.status_code) == (200, 200)
    assert patched.json()["userName"] == "bob@acme.example"


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        ({"op": "replace", "path": "displayName", "value": "R"}, ["displayName"], "R"),
        ({"op": "Replace", "path": "name.givenName", "value": "Rob"}, ["name", "givenName"], "Rob"),
        ({"op": "add", "path": f"{USER}:title", "value": "Sir"}, ["title"], "Sir"),
        ({"op": "replace", "value": {"name.familyName": "B"}}, ["name", "familyName"], "B"),
        ({"op": "replace", "value": {"name": {"givenName": "Rob"}}}, ["name", "familyName"], "Builder"),
        ({"op": "add", "path": f"{ENTERPRISE}:department", "value": "IT"}, [ENTERPRISE, "department"], "IT"),
        ({"op": "add", "value": {f"{ENTERPRISE}:division": "D"}}, [ENTERPRISE, "division"], "D"),
        (
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "n@x.test"},
            ["emails", 0, "value"],
            "n@x.test",
        ),
        ({"op": "replace", "path": "externalId", "value": "00u2"}, ["externalId"], "00u2"),
        ({"op": "replace", "value": {"active": "False"}}, ["active"], False),
        ({"op": "Replace", "path": "active", "value": "false"}, ["active"], False),
    ],
)
def test_patch_takes_every_form_of_a_path(
    okta: IdentityProvider, bob: Bob, operation: dict[str, Any], path: list[Any], expected: Any
) -> None:
    response = okta.patch(bob["id"], operation)

    value = response.json()
    for key in path:
        value = value[key]
    assert response.status_code == 200
    assert value == expected


def test_patch_adds_the_entry_that_a_filter_describes(okta: IdentityProvider, bob: Bob) -> None:
    operation = {"op": "add", "path": 'phoneNumbers[type eq "work"].value', "value": "+49 30 1"}

    changed = okta.patch(bob["id"], operation).json()

    assert changed["phoneNumbers"] == [{"type": "work", "value": "+49 30 1"}]


def test_patch_removes_an_attribute(okta: IdentityProvider, bob: Bob) -> None:
    assert "displayName" not in okta.patch(bob["id"], {"op": "remove", "path": "displayName"}).json()


def test_a_change_of_nothing_answers_200_and_writes_nothing(okta: IdentityProvider, bob: Bob) -> None:
    events = Event.objects.count()

    response = okta.patch(bob["id"], {"op": "replace", "path": "displayName", "value": "Bob Builder"})

    assert response.json() == bob
    assert Event.objects.count() == events


def test_an_update_is_audited_with_what_changed(okta: IdentityProvider, bob: Bob, acme: Organization) -> None:
    okta.patch(bob["id"], {"op": "replace", "value": {"displayName": "Rob", "title": "Sir"}})

    event = acme.events.get(action=Action.MEMBER_UPDATED)
    assert event.changes == {"display_name": ["Bob Builder", "Rob"], "attributes": ["title"]}


@pytest.mark.parametrize(
    ("operations", "scim_type"),
    [
        ([{"op": "move", "path": "title", "value": "x"}], "invalidValue"),
        ([{"op": "replace", "path": "ti tle", "value": "x"}], "invalidPath"),
        ([{"op": "remove"}], "noTarget"),
        ([{"op": "replace", "path": "id", "value": "x"}], "mutability"),
        ([{"op": "replace", "path": "active", "value": "maybe"}], "invalidValue"),
        ([{"op": "replace", "path": "emails", "value": 7}], "invalidValue"),
        ([], "invalidValue"),
        (["x"], "invalidValue"),
        ([{}] * 101, "tooMany"),
    ],
)
def test_a_bad_operation_changes_nothing(
    okta: IdentityProvider, bob: Bob, operations: list[Any], scim_type: str
) -> None:
    good = [{"op": "replace", "path": "nickName", "value": "Lost"}] if 0 < len(operations) < 100 else []

    assert_error(okta.patch(bob["id"], *good, *operations), 400, scim_type)
    assert okta.get(f"/Users/{bob['id']}").json() == bob


def test_a_path_nobody_declared_changes_nothing(okta: IdentityProvider, bob: Bob) -> None:
    assert okta.patch(bob["id"], {"op": "replace", "path": "shoeSize", "value": 43}).json() == bob


def test_a_password_in_a_patch_is_thrown_away(okta: IdentityProvider, bob: Bob) -> None:
    response = okta.patch(bob["id"], {"op": "replace", "path": "password", "value": "hunter2hunter2"})

    assert response.status_code == 200
    assert "hunter2" not in str(vars(Member.objects.get(pk=bob["id"]))) + response.content.decode()


def test_a_user_with_a_type_of_value_that_a_directory_made_up_is_changed(okta: IdentityProvider, acme: Organization):
    email = {"value": "dot@acme.example", "type": "switchboard"}
    made = okta.create("dot@acme.example", emails=[email]).json()
    response = okta.patch(made["id"], {"op": "replace", "path": "title", "value": "Dr"})
    assert response.status_code == 200, response.content
    assert response.json()["emails"] == made["emails"] == [email]
