"""A page is bounded in bytes: fewer resources come than were asked for, and the rest is reached as ever."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from members.models import Group, GroupMembership, Member, Organization
from tests.conftest import employee_role
from tests.identity_provider import IdentityProvider

Pages = list[dict[str, Any]]

LIMIT = 60_000
# What of an answer is no resource.
ENVELOPE = 1_000


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.SCIM_PAGE_BYTES = LIMIT
    settings.KEY_RATE_LIMIT = 0


@pytest.fixture
def large(acme: Organization) -> list[str]:
    """The names of nine members, in the order of their creation, of which every third fills a third of a page."""
    members = [
        Member(
            organization=acme,
            role=employee_role(acme),
            user_name=f"m{number}@acme.example",
            attributes={"nickName": "x" * (25_000 if number % 3 == 0 else 10)},
        )
        for number in range(9)
    ]
    Member.objects.bulk_create(members)
    return [member.user_name for member in members]


@pytest.fixture
def crowds(acme: Organization, large: list[str]) -> list[str]:
    """The names of ten groups; the even ones have 300 members, 43 KB each, and the fourth one twice as many."""
    role = employee_role(acme)
    people = [Member(organization=acme, role=role, user_name=f"p{number}@acme.example") for number in range(600)]
    Member.objects.bulk_create(people)
    groups = [Group(organization=acme, display_name=f"Group {number}") for number in range(10)]
    Group.objects.bulk_create(groups)
    GroupMembership.objects.bulk_create(
        GroupMembership(organization=acme, group=group, member=member)
        for number, group in enumerate(groups)
        if number % 2 == 0
        for member in people[: 600 if number == 4 else 300]
    )
    return [group.display_name for group in groups]


def by_number(okta: IdentityProvider, path: str, **params: Any) -> Pages:
    """Return all pages, each begun where the one before says that it ends (RFC 7644 §3.4.2.4)."""
    pages: Pages = []
    first = 1
    while not pages or first <= pages[-1]["totalResults"]:
        page = okta.get(path, startIndex=first, **params).json()
        assert page["startIndex"] == first
        assert page["itemsPerPage"] == len(page["Resources"]) > 0
        first += page["itemsPerPage"]
        pages.append(page)
    return pages


def by_cursor(okta: IdentityProvider, path: str, towards: str = "nextCursor", cursor: str = "", **params: Any) -> Pages:
    """Return all pages from a cursor on."""
    pages = [okta.get(path, cursor=cursor, **params).json()]
    while towards in pages[-1]:
        pages.append(okta.get(path, cursor=pages[-1][towards], **params).json())
    return pages


def names(pages: Pages) -> list[str]:
    return [one.get("userName") or one["displayName"] for page in pages for one in page["Resources"]]


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("by", ["", "userName", "nickName"])
def test_large_members_are_all_met_once(okta: IdentityProvider, large: list[str], by: str, order: str) -> None:
    params = {"sortOrder": order} | ({"sortBy": by} if by else {})

    numbered, forth = by_number(okta, "/Users", **params), by_cursor(okta, "/Users", **params)

    assert len(numbered) == len(forth) == 2
    assert names(numbered) == names(forth)
    assert sorted(names(forth)) == sorted(large)
    assert {page["totalResults"] for page in numbered + forth} == {9}


def test_the_way_back_leads_over_the_same_members(okta: IdentityProvider, large: list[str]) -> None:
    last = by_cursor(okta, "/Users", count=1)[-1]
    back = by_cursor(okta, "/Users", "previousCursor", last["previousCursor"])

    assert [name for page in reversed(back) for name in names([page])] == large[:-1]
    assert len(back) == 2


@pytest.mark.parametrize("path", ["/Users", "/Groups", ""])
def test_no_page_is_larger(okta: IdentityProvider, crowds: list[str], path: str) -> None:
    first = 1
    while first:
        answer = okta.get(path, startIndex=first, count=200)
        page = answer.json()
        assert len(answer.content) < LIMIT + ENVELOPE or page["itemsPerPage"] == 1
        first = first + page["itemsPerPage"] if page["itemsPerPage"] else 0


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("by", ["", "displayName"])
@pytest.mark.parametrize("path", ["/Groups", ""])
def test_large_groups_are_all_met_once_with_all_their_members(
    okta: IdentityProvider, crowds: list[str], path: str, by: str, order: str
) -> None:
    params = {"sortOrder": order, "filter": 'displayName sw "Group"'} | ({"sortBy": by} if by else {})

    for pages in (by_number(okta, path, **params), by_cursor(okta, path, **params)):
        found = [group for page in pages for group in page["Resources"]]
        expected = crowds if order == "ascending" else crowds[::-1]
        assert [group["displayName"] for group in found] == expected
        assert {group["displayName"]: len(group["members"]) for group in found} == {
            name: 0 if number % 2 else 600 if number == 4 else 300 for number, name in enumerate(crowds)
        }


def test_a_page_of_groups_reads_little_more_than_it_sends(okta: IdentityProvider, crowds: list[str]) -> None:
    with CaptureQueriesContext(connection) as queries:
        page = okta.get("/Groups", count=200).json()
    reads = [query["sql"] for query in queries.captured_queries if "members_groupmembership" in query["sql"]]

    sent = sum(len(group["members"]) for group in page["Resources"])
    assert 0 < sent < 600
    assert len(reads) <= 1 + 5
    assert "LIMIT" in reads[0]


def test_groups_of_which_nobody_wants_the_members_fill_a_page(okta: IdentityProvider, crowds: list[str]) -> None:
    (page,) = by_number(okta, "/Groups", excludedAttributes="members")

    assert names([page]) == crowds


def test_groups_that_fit_are_read_at_once(okta: IdentityProvider, crowds: list[str], settings: Any) -> None:
    settings.SCIM_PAGE_BYTES = 10 * LIMIT
    with CaptureQueriesContext(connection) as queries:
        page = okta.get("/Groups").json()
    reads = [query["sql"] for query in queries.captured_queries if "members_groupmembership" in query["sql"]]

    assert names([page]) == crowds
    assert len(reads) == 1


def test_one_resource_alone_may_be_larger_than_a_page(okta: IdentityProvider, crowds: list[str]) -> None:
    (fourth,) = okta.list('displayName eq "Group 4"', path="/Groups")

    assert len(fourth["members"]) == 600
    assert len(okta.get(f"/Groups/{fourth['id']}").json()["members"]) == 600


def test_without_a_limit_a_page_holds_what_was_asked_for(
    okta: IdentityProvider, crowds: list[str], settings: Any
) -> None:
    settings.SCIM_PAGE_BYTES = 0

    assert names(by_number(okta, "/Groups")[:1]) == crowds
    assert len(by_number(okta, "/Users", count=5)[0]["Resources"]) == 5
