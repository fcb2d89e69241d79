"""sortBy and sortOrder: one order, whatever the database."""

from typing import Any

import pytest

from members.models import Organization
from tests.identity_provider import ENTERPRISE, USER, IdentityProvider, assert_error

PEOPLE: list[dict[str, Any]] = [
    {
        "userName": "b@acme.example",
        "externalId": "b",
        "name": {"givenName": "Bea", "familyName": "Zorn"},
        "emails": [{"value": "z@x.test"}, {"value": "a@x.test", "primary": True}],
        "active": False,
        ENTERPRISE: {"department": "IT", "manager": {"value": "9"}},
        "userType": "Procurement",
    },
    {
        "userName": "A@acme.example",
        "externalId": "B",
        "name": {"givenName": "bea", "familyName": "Öztürk"},
        "emails": [{"value": "M@x.test"}, {"value": "b@x.test"}],
        "title": "Sir",
        ENTERPRISE: {"department": "buying"},
    },
    {"userName": "c@acme.example", "name": {"familyName": "adams"}, "emails": [{"value": "c@x.test"}]},
]


@pytest.fixture
def people(okta: IdentityProvider) -> list[str]:
    """The ids of b, A and c, created in this order."""
    return [okta.call("POST", "/Users", {"schemas": [USER]} | person).json()["id"] for person in PEOPLE]


@pytest.mark.parametrize(
    ("by", "order"),
    [
        ("userName", "Abc"),
        ("USERNAME", "Abc"),
        (f"{USER}:userName", "Abc"),
        ("externalId", "Abc"),
        ("name.givenName", "bAc"),
        ("name.familyName", "cbA"),
        ("title", "Abc"),
        ("emails", "bcA"),
        ("emails.value", "bcA"),
        ("active", "bAc"),
        ("userType", "Acb"),
        ("id", "bAc"),
        ("meta.created", "bAc"),
        ("meta.lastModified", "bAc"),
        ("meta.resourceType", "bAc"),
        (f"{ENTERPRISE}:department", "Abc"),
        (f"{ENTERPRISE}:manager.value", "bAc"),
        ("nickName", "bAc"),
    ],
)
def test_people_come_in_the_order_of_an_attribute_and_in_its_reverse(
    okta: IdentityProvider, people: list[str], by: str, order: str
) -> None:
    assert "".join(user["userName"][0] for user in okta.list(sortBy=by)) == order
    assert "".join(user["userName"][0] for user in okta.list(sortBy=by, sortOrder="Descending")) == order[::-1]


def test_every_singular_attribute_can_be_sorted_by(okta: IdentityProvider, people: list[str]) -> None:
    for schema in okta.get("/Schemas").json()["Resources"]:
        if "User" not in schema["id"]:
            continue
        for attribute in schema["attributes"]:
            parts = [f".{part['name']}" for part in attribute.get("subAttributes", [])] or [""]
            for name in [f"{schema['id']}:{attribute['name']}{part}" for part in parts]:
                refused = attribute["name"] in ("password", "groups") or name.endswith("x509Certificates.value")
                status = okta.get("/Users", sortBy=name).status_code
                assert status == (400 if refused else 200), name


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("shoeSize", "shoeSize"),
        ("name", "plain value"),
        ("password", "plain value"),
        ("groups", "plain value"),
        ("a b", "a b"),
        ('emails[type eq "work"]', "emails"),
    ],
)
def test_what_has_no_order_is_a_400(okta: IdentityProvider, people: list[str], by: str, words: str) -> None:
    assert_error(okta.get("/Users", sortBy=by), 400, "invalidPath", words)


def test_an_order_that_is_none_is_a_400(okta: IdentityProvider) -> None:
    assert_error(okta.get("/Users", sortBy="userName", sortOrder="upwards"), 400, "invalidValue", "ascending")


def test_a_sorted_list_is_paged_and_filtered(okta: IdentityProvider, people: list[str]) -> None:
    body = okta.get("/Users", sortBy="userName", filter='userName co "@"', startIndex=2, count=1).json()
    assert [user["userName"] for user in body["Resources"]] == ["b@acme.example"]
    assert body["totalResults"] == 3


def test_groups_and_roles_are_sorted_too(okta: IdentityProvider, acme: Organization) -> None:
    for name in ("beta", "Alpha"):
        okta.call("POST", "/Groups", {"displayName": name})

    assert [group["displayName"] for group in okta.list(path="/Groups", sortBy="displayName")] == ["Alpha", "beta"]
    assert [role["displayName"] for role in okta.list(path="/Roles", sortBy="displayName", sortOrder="descending")] == [
        "Read Only",
        "Procurement",
        "IT Admin",
        "Employee",
        "Admin",
    ]
