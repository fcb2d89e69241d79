"""Paging, projection, and what a list costs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from members.models import Member, Organization
from tests.identity_provider import ENTERPRISE, IdentityProvider, assert_error

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@pytest.fixture
def seven(okta: IdentityProvider) -> list[str]:
    """The ids of seven users, in the order of their creation."""
    return [okta.create(f"user{number}@acme.example").json()["id"] for number in range(7)]


def test_a_list_comes_in_the_order_of_creation(okta: IdentityProvider, seven: list[str]) -> None:
    body = okta.get("/Users").json()

    assert [user["id"] for user in body["Resources"]] == seven
    assert (body["schemas"], body["totalResults"], body["startIndex"], body["itemsPerPage"]) == ([LIST], 7, 1, 7)


@pytest.mark.parametrize(
    ("params", "numbers", "start"),
    [
        ({"count": 3}, [0, 1, 2], 1),
        ({"startIndex": 4, "count": 3}, [3, 4, 5], 4),
        ({"startIndex": 7}, [6], 7),
        ({"startIndex": 8}, [], 8),
        ({"startIndex": 10**18}, [], 2**31),
        ({"startIndex": 0, "count": 1}, [0], 1),
        ({"startIndex": -5, "count": 1}, [0], 1),
        ({"count": 0}, [], 1),
        ({"count": -1}, [], 1),
    ],
)
def test_pages(
    okta: IdentityProvider, seven: list[str], params: dict[str, int], numbers: list[int], start: int
) -> None:
    body = okta.get("/Users", **params).json()

    assert [user["id"] for user in body["Resources"]] == [seven[number] for number in numbers]
    assert (body["totalResults"], body["startIndex"], body["itemsPerPage"]) == (7, start, len(numbers))


def test_a_filtered_list_counts_what_meets_the_filter(okta: IdentityProvider, seven: list[str]) -> None:
    body = okta.get("/Users", filter='userName ew "@acme.example"', count=2, startIndex=2).json()
    assert (body["totalResults"], len(body["Resources"])) == (7, 2)
    assert okta.get("/Users", filter='userName eq "user3@acme.example"').json()["totalResults"] == 1


@pytest.mark.parametrize(
    ("params", "place"),
    [({"startIndex": 3, "count": 2}, "OFFSET 2"), ({"filter": 'displayName sw "x"', "count": 0}, "COUNT(*)")],
)
def test_whom_it_skips_or_counts_it_reads_without_their_roles(
    okta: IdentityProvider, seven: list[str], params: dict[str, Any], place: str
) -> None:
    with CaptureQueriesContext(connection) as captured:
        okta.get("/Users", **params)
    [query] = [query["sql"] for query in captured if place in query["sql"]]

    assert "members_role" not in query.rpartition("(SELECT ")[2]
    assert "members_member" in query


def test_page_size_has_a_default_and_a_cap(okta: IdentityProvider, seven: list[str], settings: Any) -> None:
    settings.SCIM_PAGE_SIZE, settings.SCIM_PAGE_SIZE_MAX = 2, 4

    assert len(okta.get("/Users").json()["Resources"]) == 2
    assert len(okta.get("/Users", count=100).json()["Resources"]) == 4


@pytest.mark.parametrize("params", [{"count": "many"}, {"startIndex": "1.5"}, {"count": "9" * 5000}])
def test_a_number_that_is_none_is_a_400(okta: IdentityProvider, params: dict[str, str]) -> None:
    assert_error(okta.get("/Users", **params), 400, "invalidValue", "whole number")


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"attributes": "userName"}, {"schemas", "id", "userName"}),
        ({"attributes": "USERNAME,name.givenName"}, {"schemas", "id", "userName", "name"}),
        ({"attributes": "urn:ietf:params:scim:schemas:core:2.0:User:userName"}, {"schemas", "id", "userName"}),
        ({"attributes": f"{ENTERPRISE}:department"}, {"schemas", "id", ENTERPRISE}),
        ({"attributes": ENTERPRISE}, {"schemas", "id", ENTERPRISE}),
        ({"attributes": "nothing"}, {"schemas", "id"}),
        (
            {"excludedAttributes": "id,schemas,meta,emails,name,userType,active"},
            {"schemas", "id", "userName", ENTERPRISE},
        ),
    ],
)
def test_only_what_is_asked_for_is_sent(okta: IdentityProvider, params: dict[str, str], names: set[str]) -> None:
    created = okta.create(
        name={"givenName": "Bob", "familyName": "B"}, emails=[{"value": "x"}], **{ENTERPRISE: {"department": "IT"}}
    ).json()

    one = okta.get(f"/Users/{created['id']}", **params).json()
    listed = okta.list(**params)[0]

    assert set(one) == names
    assert listed == one


def test_projection_reaches_into_complex_attributes(okta: IdentityProvider) -> None:
    okta.create(name={"givenName": "Bob", "familyName": "B"}, emails=[{"value": "x", "type": "work"}])

    assert okta.list(attributes="name.givenName,emails.value")[0]["name"] == {"givenName": "Bob"}
    assert okta.list(attributes="name.givenName,emails.value")[0]["emails"] == [{"value": "x"}]
    assert okta.list(excludedAttributes="name.givenName,emails.type")[0]["name"] == {"familyName": "B"}


def test_projection_holds_for_what_was_written(okta: IdentityProvider) -> None:
    response = okta.call("POST", "/Users", {"userName": "bob@acme.example"}, attributes="userName")
    assert set(response.json()) == {"schemas", "id", "userName"}


def test_search_by_post_is_the_same_list(okta: IdentityProvider, seven: list[str]) -> None:
    body = {
        "schemas": [SEARCH],
        "filter": 'userName sw "user"',
        "startIndex": 2,
        "count": 2,
        "attributes": ["userName"],
    }

    found = okta.call("POST", "/Users/.search", body).json()

    assert [user["id"] for user in found["Resources"]] == seven[1:3]
    assert found["totalResults"] == 7
    assert_error(okta.get("/Users/.search"), 405)


def test_reading_costs_one_or_two_queries_however_many_there_are(
    okta: IdentityProvider, acme: Organization, seven: list[str], django_assert_num_queries: Callable[..., Any]
) -> None:
    okta.call("POST", "/Groups", {"displayName": "G", "members": [{"value": pk} for pk in seven]})
    okta.get("/Users")
    with django_assert_num_queries(2):  # the key with its organization; the page with everybody's groups
        assert len(okta.list()) == 7
    with django_assert_num_queries(1):
        assert okta.get(f"/Users/{seven[0]}").json()["groups"][0]["display"] == "G"
    for text in ('userName eq "user3@acme.example"', 'userName eq "nobody@acme.example"', 'externalId eq "x"'):
        with django_assert_num_queries(1):
            okta.list(text)
    with django_assert_num_queries(3):  # a full page needs a count
        okta.list(count=3)


def test_a_member_added_by_hand_looks_like_any_other(okta: IdentityProvider, ana: Member) -> None:
    (user,) = okta.list()

    assert user["emails"] == [{"value": "ana@acme.example", "type": "work", "primary": True}]
    assert user["name"] == {"givenName": "Ana", "familyName": "Admin"}
    assert user["userType"] == "Admin"
