"""What one request may contain, so that nobody's request costs much: limits that are settings, each with its error.

What is measured is work: statements, rows, calls. No test here measures seconds.
"""

from typing import Any
from unittest.mock import patch

import pytest

from members.models import Member, Organization
from scim import patching, projection
from scim.bulk_operation import Operation
from tests.conftest import employee_role
from tests.identity_provider import ENTERPRISE, IdentityProvider, assert_error

Bob = dict[str, Any]


@pytest.fixture(autouse=True)
def many_requests(settings: Any) -> None:
    settings.KEY_RATE_LIMIT = 0


# attributes, excludedAttributes, sortBy -------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["attributes", "excludedAttributes"])
@pytest.mark.parametrize("path", ["/Users", "/Groups", "/Roles", ""])
def test_a_hundred_names_are_taken_and_no_more(
    okta: IdentityProvider, bob: Bob, path: str, parameter: str, settings: Any
) -> None:
    names = [f"name{number}" for number in range(settings.SCIM_NAMES_LIMIT)]

    for asked, status in ((names, 200), ([*names, "title"], 400), (["x"] * 100_000, 400)):
        answers = [okta.call("POST", f"{path}/.search", {parameter: asked})]
        if len(asked) < 1000:
            answers.append(okta.get(path, **{parameter: ",".join(asked)}))
        for answer in answers:
            assert answer.status_code == status, answer.content[:200]
    assert_error(answers[-1], 400, "invalidValue", "100 names")


def test_names_are_limited_wherever_a_resource_is_sent(okta: IdentityProvider, bob: Bob) -> None:
    names = ",".join(["title"] * 101)
    body = {"userName": "bob@acme.example"}
    for method, sent in (("GET", None), ("PUT", body), ("PATCH", {"Operations": [{"op": "add", "value": body}]})):
        answer = okta.call(method, f"/Users/{bob['id']}", sent, None, attributes=names)
        assert_error(answer, 400, "invalidValue", "100 names")


def test_what_is_asked_for_becomes_a_tree_once(okta: IdentityProvider, acme: Organization) -> None:
    role = employee_role(acme)
    Member.objects.bulk_create(
        Member(organization=acme, role=role, user_name=f"m{number}@acme.example") for number in range(50)
    )
    names = [f"name.part{number}" for number in range(90)] + ["userName"]

    with (
        patch.object(projection, "keys_of", wraps=projection.keys_of) as keys,
        patch.object(projection, "keep", wraps=projection.keep) as walked,
    ):
        users = okta.list(attributes=",".join(names))

    assert len(users) == 50
    assert keys.call_count == len(names)
    # The document, and `meta` or `name` in it: however many names there are, no value is looked at twice.
    assert walked.call_count <= 50 * 3


def test_an_order_is_by_one_attribute(okta: IdentityProvider, bob: Bob) -> None:
    assert_error(okta.call("POST", "/Users/.search", {"sortBy": "x" * 1001}), 400, "invalidValue", "sortBy")
    assert_error(okta.get("/Users", sortBy=",".join(["userName"] * 100)), 400, "invalidPath")


# Values and bytes -----------------------------------------------------------------------------------------------------


def addresses(number: int) -> list[dict[str, str]]:
    return [{"value": f"b{each}@x.test"} for each in range(number)]


@pytest.mark.parametrize("attribute", ["emails", "phoneNumbers", "ims", "entitlements", "roles"])
def test_an_attribute_has_a_hundred_values_and_no_more(okta: IdentityProvider, bob: Bob, attribute: str) -> None:
    hundred, more = addresses(100), addresses(101)

    assert_error(okta.create("carol@acme.example", **{attribute: more}), 400, "invalidValue", attribute, "100")
    assert_error(okta.put(bob["id"], userName="bob@acme.example", **{attribute: more}), 400, "invalidValue")
    for operation in ({"value": {attribute: more}}, {"path": attribute, "value": more}):
        assert_error(okta.patch(bob["id"], {"op": "add"} | operation), 400, "invalidValue", attribute)
    full = okta.patch(bob["id"], {"op": "replace", "path": attribute, "value": hundred})
    assert len(full.json()[attribute]) == 100
    for value in ({"value": "new@x.test"}, [{"value": "new@x.test"}]):
        one_more = {"op": "add", "path": attribute, "value": value}
        assert_error(okta.patch(bob["id"], one_more), 400, "invalidValue", attribute)
    assert okta.create("dora@acme.example", **{attribute: hundred}).status_code == 201


def test_values_past_the_limit_are_not_validated(okta: IdentityProvider, bob: Bob) -> None:
    with patch("scim.leniency.entry_of") as entries:
        assert_error(okta.create("carol@acme.example", emails=addresses(20_000)), 400, "invalidValue")
    assert not entries.called


def test_a_group_has_as_many_members_as_it_has(okta: IdentityProvider, acme: Organization) -> None:
    role = employee_role(acme)
    members = [Member(organization=acme, role=role, user_name=f"m{number}@acme.example") for number in range(300)]
    Member.objects.bulk_create(members)
    values = [{"value": str(member.pk)} for member in members]

    created = okta.call("POST", "/Groups", {"displayName": "Works", "members": values[:150]})
    added = okta.patch(created.json()["id"], {"op": "add", "path": "members", "value": values}, path="/Groups")

    assert (created.status_code, added.status_code) == (201, 204)
    assert len(okta.get(f"/Groups/{created.json()['id']}").json()["members"]) == 300


def test_a_members_attributes_have_their_size(okta: IdentityProvider, acme: Organization, bob: Bob) -> None:
    most = {"nickName": "x" * 60_000}
    one_more = {"title": "y" * 6_000}

    assert okta.put(bob["id"], userName="bob@acme.example", **most).status_code == 200
    assert_error(okta.create("carol@acme.example", **most, **one_more), 400, "invalidValue", "65536 bytes")
    assert_error(okta.put(bob["id"], userName="bob@acme.example", **most, **one_more), 400, "invalidValue")
    assert_error(okta.patch(bob["id"], {"op": "add", "value": one_more}), 400, "invalidValue", "65536 bytes")
    operation = {"op": "add", "path": f"{ENTERPRISE}:department", "value": "z" * 6_000}
    assert_error(okta.patch(bob["id"], operation), 400, "invalidValue", "65536 bytes")
    data = {"userName": "d@acme.example"} | most | one_more
    created = {"method": "POST", "path": "/Users", "bulkId": "a", "data": data}
    answer = okta.call("POST", "/Bulk", {"Operations": [created]}).json()
    assert answer["Operations"][0]["status"] == "400"
    assert [member.user_name for member in acme.members.all()] == ["bob@acme.example"]


def test_who_holds_more_from_before_may_change_and_shrink(
    okta: IdentityProvider, acme: Organization, bob: Bob, settings: Any
) -> None:
    settings.SCIM_VALUES_LIMIT = settings.SCIM_ATTRIBUTES_LIMIT = 0
    emails = addresses(150)
    okta.put(bob["id"], userName="bob@acme.example", emails=emails, nickName="x" * 60_000, title="y" * 6_000)
    settings.SCIM_VALUES_LIMIT, settings.SCIM_ATTRIBUTES_LIMIT = 100, 65_536

    for operation in (
        {"op": "replace", "path": "title", "value": "z"},
        {"op": "replace", "path": 'emails[value eq "b7@x.test"].type', "value": "work"},
        {"op": "remove", "path": 'emails[value eq "b8@x.test"]'},
        {"op": "replace", "path": "active", "value": False},
    ):
        answer = okta.patch(bob["id"], operation)
        assert answer.status_code == 200, answer.content[:300]
    assert len(answer.json()["emails"]) == 149
    assert_error(okta.patch(bob["id"], {"op": "add", "path": "emails", "value": addresses(151)}), 400, "invalidValue")


# PATCH and Bulk -------------------------------------------------------------------------------------------------------


def changes(number: int, of: int) -> list[dict[str, Any]]:
    """Return operations that each pick one of the values by a filter."""
    return [
        {"op": "replace", "path": f'emails[value eq "b{each % of}@x.test"].display', "value": f"D{each}"}
        for each in range(number)
    ]


def test_a_patch_goes_through_so_many_values_and_no_more(okta: IdentityProvider, bob: Bob, settings: Any) -> None:
    settings.SCIM_PATCH_WORK_LIMIT = 1000
    okta.put(bob["id"], userName="bob@acme.example", emails=addresses(100))

    assert okta.patch(bob["id"], *changes(10, 100)).status_code == 200
    with patch.object(patching, "target_of", wraps=patching.target_of) as applied:
        assert_error(okta.patch(bob["id"], *changes(11, 100)), 400, "tooMany", "1000 values")
    assert not applied.called
    terms = " or ".join(f'value eq "b{each}@x.test"' for each in range(20))
    costly = {"op": "replace", "path": f"emails[{terms}].display", "value": "D"}
    assert okta.patch(bob["id"], costly).status_code == 200
    assert_error(okta.patch(bob["id"], costly, changes(1, 1)[0]), 400, "tooMany")


def test_values_that_a_patch_adds_count_for_what_comes_behind_them(
    okta: IdentityProvider, bob: Bob, settings: Any
) -> None:
    settings.SCIM_PATCH_WORK_LIMIT = 1000
    add = {"op": "add", "path": "emails", "value": addresses(99)}

    assert okta.patch(bob["id"], add, *changes(9, 99)).status_code == 200
    okta.put(bob["id"], userName="bob@acme.example")
    assert_error(okta.patch(bob["id"], add, *changes(12, 99)), 400, "tooMany")


def test_a_hundred_paths_on_a_usual_user_pass(okta: IdentityProvider, bob: Bob) -> None:
    okta.put(bob["id"], userName="bob@acme.example", emails=addresses(10))

    assert okta.patch(bob["id"], *changes(100, 10)).status_code == 200


def test_a_path_is_no_longer_than_any_that_means_something(okta: IdentityProvider, bob: Bob) -> None:
    terms = " or ".join(f'value eq "b{each}@x.test"' for each in range(100))
    for operation in (
        {"op": "replace", "path": f"emails[{terms}].display", "value": "D"},
        {"op": "replace", "value": {f"emails[{terms}].display": "D"}},
        {"op": "remove", "path": "x" * 1001},
    ):
        assert_error(okta.patch(bob["id"], operation), 400, "invalidPath", "1000 characters")


def test_the_filters_on_a_groups_members_have_their_length(okta: IdentityProvider, bob: Bob) -> None:
    works = okta.call("POST", "/Groups", {"displayName": "Works", "members": [{"value": bob["id"]}]}).json()["id"]
    term = f'value eq "{bob["id"]}"'
    one = {"op": "remove", "path": f"members[{term}]"}
    several = {"op": "remove", "path": f"members[{' or '.join([term] * 100)}]"}

    with patch("scim.membership.Path") as parsed:
        assert okta.patch(works, *[one] * 900, path="/Groups").status_code == 204
    assert not parsed.called
    assert okta.patch(works, several, path="/Groups").status_code == 204
    assert_error(okta.patch(works, several, several, path="/Groups"), 400, "tooMany", "8192 bytes")


def creation(number: int) -> dict[str, Any]:
    data = {"userName": f"u{number}@acme.example"}
    return {"method": "POST", "path": "/Users", "bulkId": str(number), "data": data}


def test_a_thousand_creates_pass_at_once(okta: IdentityProvider, acme: Organization) -> None:
    answer = okta.call("POST", "/Bulk", {"Operations": [creation(number) for number in range(1000)]})

    assert answer.status_code == 200, answer.content[:300]
    assert acme.members.count() == 1000


@pytest.mark.parametrize(
    "change",
    [changes(1, 1)[0], {"op": "add", "value": {'emails[type eq "work"].value': "b@x.test"}}],
    ids=["path", "name"],
)
def test_a_thousand_filtered_patches_at_once_do_not(okta: IdentityProvider, bob: Bob, change: Bob) -> None:
    operation = {"method": "PATCH", "path": f"/Users/{bob['id']}", "data": {"Operations": [change]}}

    with patch("scim.views.bulk.Job.run") as run:
        assert_error(okta.call("POST", "/Bulk", {"Operations": [operation] * 1000}), 413, "", "11000", "filter")
    assert not run.called
    assert okta.call("POST", "/Bulk", {"Operations": [operation] * 3}).status_code == 200


def test_what_an_operation_costs() -> None:
    filtered = {"op": "add", "Path": 'emails[type eq "work"].value', "value": "x"}
    assert Operation.of(creation(1)).cost == 1
    for data, cost in (
        ({"Operations": [{"op": "replace", "path": "title", "value": "x"}] * 100}, 1),
        ({"Operations": [filtered] * 3}, 31),
        ({"OPERATIONS": [filtered] * 3}, 31),
        ({"Operations": [filtered, {"op": "add", "value": {"a[b]": 1, "c[d]": 2}}]}, 31),
        ({"Operations": [7, None, {"path": 7}]}, 1),
        ({"Operations": 7}, 1),
        (7, 1),
    ):
        assert Operation.of({"method": "PATCH", "path": "/Users/1", "data": data}).cost == cost
    assert Operation.of({"method": "PATCH", "path": "/Groups/1", "data": {"Operations": [filtered]}}).cost == 1


def test_a_bulk_request_is_charged_to_its_key(okta: IdentityProvider, settings: Any) -> None:
    # 250 creates count as ten requests, beyond the one that they come in.
    settings.KEY_RATE_LIMIT, settings.KEY_RATE_BURST = 1, 20
    okta.call("POST", "/Bulk", {"Operations": [creation(number) for number in range(250)]})

    answers = [okta.get("/ServiceProviderConfig").status_code for _ in range(16)]

    assert answers[0] == 200
    assert 429 in answers


@pytest.mark.parametrize(
    "limit", ["SCIM_NAMES_LIMIT", "SCIM_VALUES_LIMIT", "SCIM_ATTRIBUTES_LIMIT", "SCIM_PATCH_WORK_LIMIT"]
)
def test_zero_turns_a_limit_off(okta: IdentityProvider, bob: Bob, settings: Any, limit: str) -> None:
    settings.SCIM_VALUES_LIMIT = 0
    setattr(settings, limit, 0)
    sent: dict[str, dict[str, Any]] = {
        "SCIM_NAMES_LIMIT": {},
        "SCIM_VALUES_LIMIT": {"emails": addresses(150)},
        "SCIM_ATTRIBUTES_LIMIT": {"nickName": "x" * 60_000, "title": "y" * 60_000},
        "SCIM_PATCH_WORK_LIMIT": {"emails": addresses(101)},
    }
    assert okta.put(bob["id"], userName="bob@acme.example", **sent[limit]).status_code == 200
    assert okta.patch(bob["id"], *changes(20, 100)).status_code == (200 if limit == "SCIM_PATCH_WORK_LIMIT" else 400)
    if limit == "SCIM_NAMES_LIMIT":
        assert okta.get("/Users", attributes=",".join(["title"] * 500)).status_code == 200
