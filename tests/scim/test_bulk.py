"""/Bulk: many operations in one request, each of which stands or falls alone."""

from typing import Any

import pytest

from audit.models import Action
from members.models import Member, Organization
from tests.identity_provider import ENTERPRISE, PATCH_OP, USER, IdentityProvider, Response, assert_error

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


def bulk(okta: IdentityProvider, *operations: Any, **rest: Any) -> Response:
    """POST a bulk request."""
    return okta.call("POST", "/Bulk", {"schemas": [REQUEST], "Operations": list(operations)} | rest)


def results(response: Response) -> list[Any]:
    """Return the results of a bulk request that was carried out."""
    assert response.status_code == 200, response.content
    assert response.json()["schemas"] == [RESPONSE]
    return response.json()["Operations"]


def statuses(response: Response) -> list[str]:
    """Return the status of each operation."""
    return [result["status"] for result in results(response)]


def new_user(number: int | str, **attributes: Any) -> dict[str, Any]:
    """Return the operation that creates a user, under the bulkId "u" and the number."""
    data = {"schemas": [USER], "userName": f"user{number}@acme.example"} | attributes
    return {"method": "POST", "path": "/Users", "bulkId": f"u{number}", "data": data}


def new_group(bulk_id: str, *references: str) -> dict[str, Any]:
    """Return the operation that creates a group of the members that `references` name."""
    data = {"displayName": bulk_id, "members": [{"value": f"bulkId:{reference}"} for reference in references]}
    return {"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data}


def test_every_method_is_carried_out_in_order(okta: IdentityProvider, acme: Organization, bob: dict[str, Any]) -> None:
    path = f"/Users/{bob['id']}"
    put = {"schemas": [USER], "userName": "bob@acme.example", "title": "Sir"}
    patch = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": False}]}

    created, replaced, patched, removed = results(
        bulk(
            okta,
            new_user(1),
            {"method": "PUT", "path": path, "data": put},
            {"method": "PATCH", "path": path, "data": patch},
            {"method": "DELETE", "path": path},
        )
    )

    user = acme.members.get(user_name="user1@acme.example")
    assert created == {
        "method": "POST",
        "bulkId": "u1",
        "location": f"http://localhost/scim/v2/Users/{user.pk}",
        "version": okta.get(f"/Users/{user.pk}")["ETag"],
        "status": "201",
    }
    assert (replaced["status"], patched["status"]) == ("200", "200")
    assert removed == {"method": "DELETE", "location": f"http://localhost/scim/v2{path}", "status": "204"}
    assert okta.get(path).status_code == 404
    assert acme.events.filter(action=Action.MEMBER_DEACTIVATED).count() == 1


def test_an_operation_that_fails_fails_alone_and_says_why(okta: IdentityProvider, acme: Organization) -> None:
    response = bulk(okta, new_user(1), new_user(1) | {"bulkId": "again"}, new_user(2, userType="Emperor"), new_user(3))

    first, second, third, fourth = results(response)
    assert [result["status"] for result in (first, second, third, fourth)] == ["201", "409", "400", "201"]
    assert second["response"]["scimType"] == "uniqueness"
    assert second["response"]["status"] == "409"
    assert "Emperor" in third["response"]["detail"]
    assert "location" not in third
    assert "response" not in fourth
    assert acme.members.count() == 2


def test_references_are_resolved_across_types_and_in_any_order(okta: IdentityProvider, acme: Organization) -> None:
    response = bulk(okta, new_group("Works", "u1", "u10"), managed(1, 10), new_user(10))

    one, ten = (acme.members.get(user_name=f"user{number}@acme.example") for number in (1, 10))
    assert statuses(response) == ["201", "201", "201"]
    assert set(acme.groups.get().members.values_list("pk", flat=True)) == {one.pk, ten.pk}
    assert one.attributes[ENTERPRISE]["manager"]["value"] == str(ten.pk)


def test_references_are_resolved_in_patches_and_paths(okta: IdentityProvider, acme: Organization) -> None:
    group = okta.call("POST", "/Groups", {"displayName": "Works"}).json()["id"]
    add = {"op": "add", "path": "members", "value": [{"value": "bulkId:u1"}, {"value": "bulkId:u2"}]}
    remove = {"op": "remove", "path": 'members[value eq "bulkId:u1"]'}
    title = {"op": "add", "path": "title", "value": "Sir"}

    response = bulk(
        okta,
        {"method": "PATCH", "path": f"/Groups/{group}", "data": {"Operations": [add]}},
        {"method": "PATCH", "path": f"/Groups/{group}", "data": {"Operations": [remove]}},
        {"method": "PATCH", "path": "/Users/bulkId:u2", "data": {"Operations": [title]}},
        new_user(1),
        new_user(2),
    )

    assert statuses(response) == ["204", "204", "200", "201", "201"]
    assert results(response)[1]["location"] == f"http://localhost/scim/v2/Groups/{group}"
    assert results(response)[1]["version"] == okta.get(f"/Groups/{group}")["ETag"]
    two = acme.members.get(user_name="user2@acme.example")
    assert two.attributes["title"] == "Sir"
    assert [member.pk for member in acme.groups.get().members.all()] == [two.pk]


def test_what_refers_to_a_failure_or_to_nothing_fails_too(okta: IdentityProvider, acme: Organization) -> None:
    response = bulk(okta, new_user(1, userType="Emperor"), new_group("Works", "u1"), new_group("Plant", "nobody"))

    assert statuses(response) == ["400", "409", "409"]
    assert "u1" in results(response)[1]["response"]["detail"]
    assert not acme.groups.exists()


def managed(number: int, manager: int, **attributes: Any) -> dict[str, Any]:
    """Return the operation that creates a user whose manager is another one."""
    return new_user(
        number, **{ENTERPRISE: {"manager": {"value": f"bulkId:u{manager}"}, "department": "IT"}}, **attributes
    )


def test_references_in_a_circle_are_resolved(okta: IdentityProvider, acme: Organization) -> None:
    response = bulk(okta, managed(1, 2), managed(2, 3), managed(3, 1), managed(4, 4), managed(5, 1))

    members = {member.user_name[4]: member for member in acme.members.all()}
    managers = {number: member.attributes[ENTERPRISE]["manager"]["value"] for number, member in members.items()}
    assert statuses(response) == ["201"] * 5
    assert managers == {number: str(members[of].pk) for number, of in zip("12345", "23141", strict=True)}
    assert members["1"].attributes[ENTERPRISE]["department"] == "IT"
    for result in results(response):
        assert okta.get(f"/Users/{result['location'].rpartition('/')[2]}")["ETag"] == result["version"]


def test_what_a_broken_circle_leaves_fails_as_a_whole(okta: IdentityProvider, acme: Organization) -> None:
    response = bulk(okta, managed(1, 2), managed(2, 1, userType="Emperor"), new_user(3))

    assert statuses(response) == ["409", "400", "201"]
    assert "location" not in results(response)[0]
    assert [member.user_name for member in acme.members.all()] == ["user3@acme.example"]


@pytest.mark.parametrize(("allowed", "expected"), [(0, 5), (1, 2), (2, 4), (9, 5), (None, 5)])
def test_the_job_ends_after_as_many_errors_as_are_allowed(
    okta: IdentityProvider, acme: Organization, allowed: int | None, expected: int
) -> None:
    bad = {"userType": "Emperor"}
    operations = [new_user(1), new_user(2, **bad), new_user(3), new_user(4, **bad), new_user(5)]

    response = bulk(okta, *operations, **({} if allowed is None else {"failOnErrors": allowed}))

    assert len(results(response)) == expected
    assert acme.members.count() == sum(status == "201" for status in statuses(response))


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("delete everything", "method"),
        ({}, "method"),
        ({"method": "GET", "path": "/Users"}, "method"),
        ({"method": 7, "path": "/Users"}, "method must be a string"),
        ({"method": "POST", "path": "/Me", "bulkId": "x", "data": {}}, "/Groups or /Roles"),
        ({"method": "POST", "path": "/Users/1", "bulkId": "x", "data": {}}, "names an endpoint"),
        ({"method": "DELETE", "path": "/Users"}, "names an endpoint"),
        ({"method": "POST", "path": "/Users", "data": {}}, "bulkId"),
        ({"method": "POST", "path": "/Users", "bulkId": "x", "data": [1]}, "data"),
        ({"method": "PATCH", "path": "/Users/1"}, "data"),
        ({"method": "POST", "path": "https://else.test/Users", "bulkId": "x", "data": {}}, "/Groups or /Roles"),
    ],
)
def test_an_operation_that_is_none_fails_alone(okta: IdentityProvider, operation: Any, words: str) -> None:
    bad, good = results(bulk(okta, operation, new_user(1)))

    assert (bad["status"], good["status"]) == ("400", "201")
    assert words in bad["response"]["detail"]
    assert bad["response"]["scimType"] == "invalidValue"


def test_a_bulk_id_stands_for_one_resource(okta: IdentityProvider) -> None:
    assert statuses(bulk(okta, new_user(1), new_user(2) | {"bulkId": "u1"})) == ["201", "400"]


def test_an_operation_may_ask_for_a_version(okta: IdentityProvider, bob: dict[str, Any]) -> None:
    delete = {"method": "DELETE", "path": f"/Users/{bob['id']}"}

    assert statuses(bulk(okta, delete | {"version": 'W/"old"'})) == ["412"]
    assert statuses(bulk(okta, delete | {"version": bob["meta"]["version"]})) == ["204"]


@pytest.mark.parametrize("body", [{}, {"Operations": {}}, {"Operations": None}, {"operations": "all"}])
def test_a_request_without_operations_is_a_400(okta: IdentityProvider, body: dict[str, Any]) -> None:
    assert_error(okta.call("POST", "/Bulk", {"schemas": [REQUEST]} | body), 400, "invalidValue", "Operations")


def test_too_much_at_once_is_a_413(okta: IdentityProvider, acme: Organization, settings: Any) -> None:
    settings.SCIM_BULK_LIMIT = 2
    assert_error(bulk(okta, new_user(1), new_user(2), new_user(3)), 413, "", "2 operations")

    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 500
    assert_error(bulk(okta, new_user(1, title="x" * 500)), 413, "", "500 bytes")
    assert not acme.members.exists()


def test_what_no_resource_holds_is_never_our_fault(okta: IdentityProvider) -> None:
    huge = {"title": 10**400}
    assert statuses(bulk(okta, new_user(1, **huge), new_user(2, emails=[huge]), new_user(3))) == ["400", "201", "201"]


def test_names_are_matched_in_any_case(okta: IdentityProvider, acme: Organization) -> None:
    operation = {"Method": "post", "PATH": "users", "bulkid": "x", "DATA": {"userName": "x@acme.example"}}
    response = okta.call("POST", "/Bulk", {"OPERATIONS": [operation], "FAILONERRORS": 1})

    assert statuses(response) == ["201"]
    assert acme.members.get().user_name == "x@acme.example"


def test_a_stranger_reaches_nothing_by_bulk(
    eves_okta: IdentityProvider, eve: Member, acme: Organization, bob: dict[str, Any]
) -> None:
    path = f"/Users/{bob['id']}"
    group = {"displayName": "G", "members": [{"value": bob["id"]}]}
    response = bulk(
        eves_okta,
        {"method": "DELETE", "path": path},
        {"method": "PUT", "path": path, "data": {"userName": "bob@acme.example"}},
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group},
    )

    assert statuses(response) == ["404", "404", "400"]
    assert acme.members.get().user_name == "bob@acme.example"


def test_bulk_is_announced_with_its_limits(okta: IdentityProvider) -> None:
    config = okta.get("/ServiceProviderConfig").json()
    assert config["bulk"] == {"supported": True, "maxOperations": 1000, "maxPayloadSize": 1048576}
    assert_error(okta.get("/Bulk"), 405, "", "POST")
