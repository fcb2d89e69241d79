"""The base URL and its /.search: all resource types in one list (RFC 7644 §3.4.2.1, §3.4.3)."""

from typing import Any

import pytest

from members.models import Organization
from tests.identity_provider import IdentityProvider, assert_error
from tests.scim.test_cursors import walk

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@pytest.fixture
def works(okta: IdentityProvider, bob: dict[str, Any]) -> dict[str, Any]:
    """A group with Bob in it."""
    body = {"displayName": "Works", "externalId": "w", "members": [{"value": bob["id"]}]}
    return okta.call("POST", "/Groups", body).json()


def search(okta: IdentityProvider, **body: Any) -> Any:
    """POST a SearchRequest at the root."""
    response = okta.call("POST", "/.search", {"schemas": [SEARCH]} | body)
    assert response.status_code == 200, response.content
    return response.json()


def names(found: Any) -> list[str]:
    """Return the names of the resources found."""
    return [resource.get("displayName") or resource["userName"] for resource in found["Resources"]]


def test_all_resource_types_are_found_as_they_are(
    okta: IdentityProvider, bob: dict[str, Any], works: dict[str, Any]
) -> None:
    found = search(okta)

    assert found["totalResults"] == 7
    assert names(found) == ["Admin", "Read Only", "IT Admin", "Procurement", "Employee", "Bob Builder", "Works"]
    assert found["Resources"][5] == okta.get(f"/Users/{bob['id']}").json()
    assert found["Resources"][6] == okta.get(f"/Groups/{works['id']}").json()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('meta.resourceType eq "Group"', ["Works"]),
        ('userName sw "bob"', ["Bob Builder"]),
        ('userName sw "bob" or displayName eq "works"', ["Bob Builder", "Works"]),
        ("members pr", ["Works"]),
        ('not (userName pr) and meta.resourceType ne "Role"', ["Works"]),
        ('userName ne "x" and externalId pr', ["Bob Builder", "Works"]),
        ('displayName co "a" and description pr', ["Admin", "IT Admin", "Read Only"]),
    ],
)
def test_an_attribute_that_a_type_lacks_is_absent_there(
    okta: IdentityProvider, works: dict[str, Any], text: str, expected: list[str]
) -> None:
    assert sorted(names(search(okta, filter=text))) == sorted(expected)
    assert sorted(names(okta.get("/", filter=text).json())) == sorted(expected)


def test_an_attribute_that_no_type_has_is_a_400(okta: IdentityProvider) -> None:
    assert_error(okta.call("POST", "/.search", {"filter": "shoeSize pr"}), 400, "invalidFilter", "shoeSize")
    assert_error(okta.call("POST", "/.search", {"sortBy": "shoeSize"}), 400, "invalidPath", "shoeSize")


def test_types_are_sorted_and_paged_as_one(okta: IdentityProvider, works: dict[str, Any]) -> None:
    ordered = ["Admin", "Bob Builder", "Employee", "IT Admin", "Procurement", "Read Only", "Works"]

    assert names(search(okta, sortBy="displayName")) == ordered
    assert names(search(okta, sortBy="displayName", sortOrder="descending", startIndex=2, count=3)) == ordered[5:2:-1]
    assert names(search(okta, sortBy="userName"))[0] == "Bob Builder"
    assert names(search(okta, sortBy="meta.created", count=0)) == []
    assert search(okta, sortBy="active", count=2)["totalResults"] == 7


@pytest.mark.parametrize("by", ["displayName", "meta.lastModified", "active", "id", ""])
def test_cursors_lead_through_all_types(okta: IdentityProvider, works: dict[str, Any], by: str) -> None:
    whole = names(search(okta, sortBy=by))
    assert [name for page in walk(okta, path="", sortBy=by, count=2) for name in page] == [
        "bob@acme.example" if name == "Bob Builder" else name for name in whole
    ]


def test_a_projection_holds_for_every_type(okta: IdentityProvider, works: dict[str, Any]) -> None:
    for resource in search(okta, attributes=["displayName"])["Resources"]:
        assert set(resource) == {"schemas", "id", "displayName"}


def test_a_search_is_posted_and_the_base_url_read(okta: IdentityProvider) -> None:
    assert_error(okta.get("/.search"), 405, "", "POST")
    assert_error(okta.call("POST", "/", {}), 405, "", "GET")


def test_a_stranger_finds_nothing_of_it(
    eves_okta: IdentityProvider, globex: Organization, works: dict[str, Any]
) -> None:
    assert set(names(search(eves_okta))) == {"Admin", "Read Only", "IT Admin", "Procurement", "Employee"}
    assert names(search(eves_okta, filter='displayName eq "Works" or userName pr')) == []
