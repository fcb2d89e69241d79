"""Access ends when a directory says so, whatever else is in the request."""

import json
import re
from typing import Any

import pytest

from audit.models import Action
from members.models import Member, Organization
from tests.conftest import SETUP
from tests.identity_provider import PATCH_OP, USER, IdentityProvider, assert_error

Bob = dict[str, Any]
Operation = dict[str, Any]

OBJECT_ID = "8c1f7c0e3c554d7d9a445b1b0a6f2e01"
RENAMED = {"op": "replace", "path": "userName", "value": "bob2@acme.example"}

# How vendors say that somebody is to have no access any more.
ENDINGS: list[Operation] = [
    {"op": "replace", "path": "active", "value": False},
    {"op": "Replace", "path": "active", "value": "False"},
    {"op": "Add", "path": "Active", "value": "false"},
    {"op": "replace", "path": f"{USER}:active", "value": "FALSE"},
    {"op": "replace", "path": "urn:scim:schemas:core:1.0:active", "value": False},
    {"op": "replace", "path": "active", "value": [{"value": "False"}]},
    {"op": "replace", "path": "active", "value": {"value": False}},
    {"op": "replace", "path": "active", "value": ["false"]},
    {"op": "replace", "value": {"active": False}},
    {"op": "replace", "path": "", "value": {"ACTIVE": "False"}},
    {"op": "add", "value": {f"{USER}:active": False}},
    {"op": "replace", "value": {USER: {"active": "False"}}},
    {"op": "replace", "path": USER, "value": {"active": False}},
    {"op": "replace", "value": [{"active": False}]},
]

# What is refused when it stands alone.
REFUSED: list[Operation] = [
    RENAMED,
    {"op": "remove", "path": "userName"},
    {"op": "replace", "path": "userName", "value": None},
    {"op": "replace", "path": "userName", "value": {"a": 1}},
    {"op": "replace", "path": "id", "value": "x"},
    {"op": "replace", "value": {"meta": {"created": "2020-01-01T00:00:00Z"}}},
    {"op": "add", "path": "groups", "value": [{"value": "x"}]},
    {"op": "replace", "path": "userType", "value": "No such role"},
    {"op": "replace", "path": "name", "value": "Bob"},
    {"op": "replace", "path": 'emails[value eq "gone@x.test"].type', "value": "home"},
    {"op": "replace", "path": "emails[", "value": "x"},
    {"op": "replace", "path": "displayName", "value": "x" * 255},
    {"op": "replace", "path": "title", "value": "x" * 70_000},
    {"op": "replace", "path": "title", "value": "a\0b"},
    {"op": "move", "path": "title"},
]


def end(okta: IdentityProvider, bob: Bob, *operations: Operation) -> Bob:
    """Return the user after a PATCH that has to succeed."""
    response = okta.patch(bob["id"], *operations)
    assert response.status_code == 200, response.content
    user: Bob = response.json()
    return user


@pytest.mark.parametrize("ending", ENDINGS, ids=json.dumps)
def test_access_ends_in_every_form_together_with_a_changed_user_name(
    okta: IdentityProvider, acme: Organization, bob: Bob, ending: Operation
) -> None:
    user = end(okta, bob, RENAMED, ending, {"op": "replace", "path": "title", "value": "Former builder"})

    assert (user["active"], user["userName"], user["title"]) == (False, "bob@acme.example", "Former builder")
    assert Member.objects.get(pk=bob["id"]).sessions_ended_at is not None
    assert acme.events.filter(action=Action.MEMBER_DEACTIVATED, target_id=bob["id"]).count() == 1


@pytest.mark.parametrize("ending", ENDINGS, ids=json.dumps)
def test_the_same_forms_give_access_back(okta: IdentityProvider, bob: Bob, ending: Operation) -> None:
    okta.patch(bob["id"], ENDINGS[0])
    restoring = json.loads(re.sub("false", "true", json.dumps(ending), flags=re.IGNORECASE))

    user = end(okta, bob, {"op": "replace", "path": "userName", "value": "bob@acme.example"}, restoring)

    assert (user["active"], user["userName"]) == (True, "bob@acme.example")


@pytest.mark.parametrize("refused", REFUSED, ids=lambda operation: json.dumps(operation)[:60])
def test_nothing_else_in_a_patch_keeps_access(
    okta: IdentityProvider, acme: Organization, bob: Bob, refused: Operation
) -> None:
    assert okta.patch(bob["id"], refused).status_code == 400

    user = end(okta, bob, refused, {"op": "Replace", "path": "active", "value": "False"})

    assert user | {"active": True, "meta": bob["meta"]} == bob
    assert user["active"] is False
    assert acme.events.filter(action=Action.MEMBER_DEACTIVATED, target_id=bob["id"]).count() == 1
    assert not acme.events.filter(action=Action.MEMBER_UPDATED).exists()


@pytest.mark.parametrize("schemas", [None, [], ["urn:example:x"], "x", 7], ids=str)
def test_no_schemas_keep_access(okta: IdentityProvider, bob: Bob, schemas: Any) -> None:
    body = {"schemas": schemas, "Operations": [ENDINGS[1]]}

    assert okta.call("PATCH", f"/Users/{bob['id']}", body).json()["active"] is False


def test_more_operations_than_a_patch_may_hold_keep_nobody(okta: IdentityProvider, bob: Bob) -> None:
    title = {"op": "replace", "path": "title", "value": "x"}

    user = end(okta, bob, *[title] * 100, ENDINGS[0])

    assert user["active"] is False
    assert "title" not in user


def test_a_patch_as_scim_1_knew_it_ends_access(okta: IdentityProvider, bob: Bob) -> None:
    body = {"schemas": ["urn:scim:schemas:core:1.0"], "active": False}

    assert okta.call("PATCH", f"/Users/{bob['id']}", body).json()["active"] is False


@pytest.mark.parametrize(
    "refused",
    [
        {"userName": "bob2@acme.example"},
        {"userName": f"{OBJECT_ID}bob@acme.example"},
        {"userName": ""},
        {"userName": None},
        {"userName": ["bob@acme.example"]},
        {"userType": "No such role"},
        {"name": "Bob"},
        {"emails": 7},
        {"title": "a\0b"},
        {"schemas": ["urn:example:x"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("active", [False, "False", [{"value": "False"}]], ids=str)
def test_nothing_else_in_a_put_keeps_access(okta: IdentityProvider, bob: Bob, refused: Bob, active: Any) -> None:
    response = okta.put(bob["id"], **{"userName": "bob@acme.example", "active": active} | refused)

    assert response.status_code == 200, response.content
    assert (response.json()["active"], response.json()["userName"]) == (False, "bob@acme.example")


@pytest.mark.parametrize(
    "attributes", [{USER: {"active": False}}, {f"{USER}:active": "False"}, {"ACTIVE": False}], ids=str
)
def test_a_put_that_is_refused_ends_access_wherever_it_says_so(
    okta: IdentityProvider, bob: Bob, attributes: dict[str, Any]
) -> None:
    response = okta.put(bob["id"], userName="bob@acme.example", userType="No such role", **attributes)

    assert response.json()["active"] is False


def test_a_put_with_another_user_name_keeps_that_and_takes_the_rest(okta: IdentityProvider, bob: Bob) -> None:
    user = okta.put(bob["id"], userName="bob2@acme.example", title="Gone", active=False).json()

    assert (user["userName"], user["title"], user["active"]) == ("bob@acme.example", "Gone", False)
    assert "displayName" not in user


def test_a_bulk_request_ends_access_too(okta: IdentityProvider, bob: Bob) -> None:
    carol = okta.create("carol@acme.example").json()["id"]
    tombstone = {"op": "Replace", "path": "userName", "value": f"{OBJECT_ID}bob@acme.example"}
    operations = [
        {"method": "PATCH", "path": f"/Users/{bob['id']}", "data": {"Operations": [tombstone, ENDINGS[1]]}},
        {"method": "PUT", "path": f"/Users/{carol}", "data": {"userName": "c@acme.example", "active": "False"}},
    ]

    answer = okta.call("POST", "/Bulk", {"Operations": operations}).json()

    assert [result["status"] for result in answer["Operations"]] == ["200", "200"]
    assert okta.list("active eq true") == []


def test_what_one_operation_of_a_bulk_request_holds_keeps_nobody(okta: IdentityProvider, bob: Bob) -> None:
    carol = okta.create("carol@acme.example").json()["id"]
    operations = [
        {"method": "PATCH", "path": f"/Users/{bob['id']}", "data": {"Operations": [ENDINGS[0], unstorable]}}
        for unstorable in [{"op": "replace", "path": "title", "value": "a\0b"}]
    ]
    operations += [
        {"method": "POST", "path": "/Users", "bulkId": "x", "data": {"userName": "d@acme.example", "title": "\ud800"}},
        {"method": "POST", "path": "/Us\0ers", "bulkId": "\ud800", "data": {}},
        {"method": "PUT", "path": f"/Users/{carol}", "data": {"userName": "carol@acme.example", "active": False}},
    ]

    answer = okta.call("POST", "/Bulk", {"Operations": operations}).json()

    assert [result["status"] for result in answer["Operations"]] == ["200", "400", "400", "200"]
    assert okta.list("active eq true") == []


# What is still refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "user_name",
    [
        "bob2@acme.example",
        f"{OBJECT_ID}carol@acme.example",
        f"{OBJECT_ID[:31]}bob@acme.example",
        f"{OBJECT_ID}0bob@acme.example",
        f"{OBJECT_ID[:31]}xbob@acme.example",
        OBJECT_ID,
    ],
)
@pytest.mark.parametrize("active", [None, True])
def test_any_other_change_of_a_user_name_is_refused(
    okta: IdentityProvider, bob: Bob, user_name: str, active: bool | None
) -> None:
    said = {} if active is None else {"active": active}

    assert_error(okta.patch(bob["id"], {"op": "replace", "value": {"userName": user_name} | said}), 400, "mutability")
    assert_error(okta.put(bob["id"], userName=user_name, **said), 400, "mutability")
    assert okta.get(f"/Users/{bob['id']}").json() == bob


def test_only_the_last_word_on_active_counts(okta: IdentityProvider, bob: Bob) -> None:
    operations = [ENDINGS[0], {"op": "replace", "path": "active", "value": True}, RENAMED]

    assert_error(okta.patch(bob["id"], *operations), 400, "mutability")
    assert okta.get(f"/Users/{bob['id']}").json() == bob


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "active", "value": False},
        {"op": "replace", "path": "active", "value": "perhaps"},
        {"op": "replace", "path": "nickName", "value": {"active": False}},
        {"op": "replace", "path": "name", "value": {"active": False}},
        {"op": ["replace"], "path": "active", "value": False},
        {"op": "replace", "path": 7, "value": {"active": False}},
    ],
    ids=json.dumps,
)
def test_what_does_not_say_that_access_ends_ends_nothing(
    okta: IdentityProvider, bob: Bob, operation: Operation
) -> None:
    assert okta.patch(bob["id"], RENAMED, operation).status_code == 400
    assert okta.get(f"/Users/{bob['id']}").json() == bob


def test_a_version_that_is_gone_is_still_a_412(okta: IdentityProvider, bob: Bob) -> None:
    body = {"schemas": [PATCH_OP], "Operations": [RENAMED, ENDINGS[0], {"op": "remove", "path": "userName"}]}

    answer = okta.call("PATCH", f"/Users/{bob['id']}", body, headers={"If-Match": 'W/"old"'})

    assert_error(answer, 412)
    assert okta.get(f"/Users/{bob['id']}").json() == bob


def test_the_last_admin_keeps_access(okta: IdentityProvider, ana: Member) -> None:
    assert_error(okta.patch(ana.pk, ENDINGS[0], {"op": "remove", "path": "userName"}), 400, "mutability", "Admin")
    assert Member.objects.get(pk=ana.pk).is_active


def test_nobody_of_another_organization_is_reached(
    okta: IdentityProvider, eves_okta: IdentityProvider, bob: Bob
) -> None:
    assert_error(eves_okta.patch(bob["id"], ENDINGS[0], {"op": "remove", "path": "userName"}), 404)
    assert okta.get(f"/Users/{bob['id']}").json() == bob


def test_a_refused_request_that_ends_access_leaves_a_line_without_values(
    okta: IdentityProvider, bob: Bob, caplog: pytest.LogCaptureFixture
) -> None:
    end(okta, bob, {"op": "replace", "path": "userType", "value": "Secret role"}, ENDINGS[0])

    (line,) = [record.getMessage() for record in caplog.records if record.name == "scim.views.users"]
    assert "UnknownRole" in line
    assert "Secret" not in line


def test_who_has_no_access_any_more_is_left_as_they_are(okta: IdentityProvider, acme: Organization, bob: Bob) -> None:
    acme.members.get(pk=bob["id"]).deactivate(by=SETUP)
    events = acme.events.count()

    first, again = (okta.patch(bob["id"], RENAMED, ENDINGS[1]) for _ in range(2))

    assert (first.status_code, again.status_code) == (200, 200)
    assert acme.events.count() == events
