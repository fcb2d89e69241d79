"""Cursor paging (RFC 9865): everybody once, whatever happens meanwhile, in both directions."""

import re
from base64 import urlsafe_b64encode
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from members.models import Member, Organization
from scim.cursor import Cursor, signature
from tests.identity_provider import IdentityProvider, assert_error

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@pytest.fixture
def nine(okta: IdentityProvider) -> list[str]:
    """The userNames of nine users, in the order of their creation; every third has a title."""
    names = [f"user{number}@acme.example" for number in range(9)]
    for number, name in enumerate(names):
        okta.create(name, **({"title": f"T{9 - number}"} if number % 3 == 0 else {}))
    return names


def walk(okta: IdentityProvider, path: str = "/Users", towards: str = "nextCursor", **params: Any) -> list[list[str]]:
    """Return the userNames on each page from a cursor (by default the first) on."""
    pages = []
    cursor = params.pop("cursor", "")
    while cursor is not None:
        body = okta.get(path, cursor=cursor, **params).json()
        pages.append([resource.get("userName") or resource["displayName"] for resource in body["Resources"]])
        assert body["itemsPerPage"] == len(body["Resources"])
        cursor = body.get(towards)
    return pages


def test_cursors_lead_through_all_pages_and_back(okta: IdentityProvider, nine: list[str]) -> None:
    forth = walk(okta, count=4)
    last = okta.get("/Users", cursor=okta.get("/Users", cursor="", count=8).json()["nextCursor"], count=8).json()
    back = walk(okta, towards="previousCursor", cursor=last["previousCursor"], count=4)

    assert forth == [nine[:4], nine[4:8], nine[8:]]
    assert back == [nine[4:8], nine[:4]]


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("by", ["title", "userName", "active", "meta.created", "externalId", "emails"])
def test_cursors_follow_the_order_of_an_attribute(okta: IdentityProvider, nine: list[str], by: str, order: str) -> None:
    whole = [user["userName"] for user in okta.list(sortBy=by, sortOrder=order)]

    for count in (1, 2, 4, 9):
        pages = walk(okta, sortBy=by, sortOrder=order, count=count)
        assert [name for page in pages for name in page] == whole
        middle = okta.get("/Users", cursor="", sortBy=by, sortOrder=order, count=5).json()["nextCursor"]
        behind = okta.get("/Users", cursor=middle, sortBy=by, sortOrder=order, count=5).json()["previousCursor"]
        back = walk(okta, towards="previousCursor", cursor=behind, sortBy=by, sortOrder=order, count=count)
        assert [name for page in reversed(back) for name in page] == whole[:5]


def test_nobody_is_skipped_or_met_twice_when_rows_come_and_go(
    okta: IdentityProvider, acme: Organization, nine: list[str]
) -> None:
    first = okta.get("/Users", cursor="", count=3).json()
    acme.members.get(user_name=nine[0]).delete()
    acme.members.get(user_name=nine[2]).delete()
    acme.members.get(user_name=nine[4]).delete()
    okta.create("newcomer@acme.example")

    rest = walk(okta, cursor=first["nextCursor"], count=3)

    assert [name for page in rest for name in page] == [nine[3], *nine[5:], "newcomer@acme.example"]


def test_the_first_page_tells_the_total_and_what_cursors_look_like(okta: IdentityProvider, nine: list[str]) -> None:
    first = okta.get("/Users", cursor="", count=2).json()
    second = okta.get("/Users", cursor=first["nextCursor"], count=2).json()

    assert first["totalResults"] == 9
    assert "previousCursor" not in first
    assert "startIndex" not in first
    assert second["totalResults"] == 9
    assert re.fullmatch(r"[A-Za-z0-9\-._~]+", first["nextCursor"])
    assert okta.get("/Users", cursor="", count=0).json()["totalResults"] == 9
    assert okta.get("/Users", cursor="", filter='userName eq "nobody"').json()["Resources"] == []
    assert "nextCursor" not in okta.get("/Users", cursor="", count=9).json()


@pytest.mark.parametrize(
    ("path", "params", "total"),
    [
        ("/Users", {}, 9),
        ("/Users", {"filter": "title pr"}, 3),
        ("/Users", {"sortBy": "title", "sortOrder": "descending"}, 9),
        ("/", {"filter": 'userName sw "user"'}, 9),
    ],
    ids=str,
)
def test_every_page_tells_the_total_of_the_first_without_counting_again(
    okta: IdentityProvider,
    nine: list[str],
    path: str,
    params: dict[str, str],
    total: int,
) -> None:
    page = okta.get(path, cursor="", count=2, **params).json()
    pages = [page]
    okta.create("newcomer@acme.example", title="T0")
    while "nextCursor" in page:
        with CaptureQueriesContext(connection) as queries:
            page = okta.get(path, cursor=page["nextCursor"], count=2, **params).json()
        assert not [query for query in queries.captured_queries if "COUNT(" in query["sql"].upper()]
        pages.append(page)
    back = okta.get(path, cursor=page["previousCursor"], count=1, **params).json()

    assert [each["totalResults"] for each in [*pages, back]] == [total] * (len(pages) + 1)
    assert len(pages) > 1


def test_a_cursor_of_the_release_before_leads_on(okta: IdentityProvider, nine: list[str], monkeypatch: Any) -> None:
    def without_total(self: Cursor, scope: str) -> str:
        payload = orjson.dumps([self.key, self.id, self.backward])
        signed = signature(payload, scope, "scim.cursor", settings.SECRET_KEY)
        return urlsafe_b64encode(signed + payload).decode().rstrip("=")

    with monkeypatch.context() as before:
        before.setattr(Cursor, "text", without_total)
        cursor = okta.get("/Users", cursor="", count=2).json()["nextCursor"]

    page = okta.get("/Users", cursor=cursor, count=2).json()
    assert [user["userName"] for user in page["Resources"]] == nine[2:4]
    assert page["totalResults"] == 9
    assert okta.get("/Users", cursor=page["nextCursor"], count=2).json()["totalResults"] == 9


def test_a_search_request_takes_a_cursor(okta: IdentityProvider, nine: list[str]) -> None:
    first = okta.call("POST", "/Users/.search", {"schemas": [SEARCH], "cursor": "", "count": 5}).json()
    body = {"schemas": [SEARCH], "cursor": first["nextCursor"], "count": 5}

    assert len(okta.call("POST", "/Users/.search", body).json()["Resources"]) == 4


def test_a_cursor_is_good_for_one_list_alone(
    okta: IdentityProvider, eves_okta: IdentityProvider, eve: Member, nine: list[str]
) -> None:
    cursor = okta.get("/Users", cursor="", count=2, filter="active eq true").json()["nextCursor"]

    assert okta.get("/Users", cursor=cursor, count=3, filter="active eq true").status_code == 200
    for idp, path, params in [
        (eves_okta, "/Users", {"filter": "active eq true"}),
        (okta, "/Users", {"filter": "active eq false"}),
        (okta, "/Users", {}),
        (okta, "/Users", {"filter": "active eq true", "sortBy": "userName"}),
        (okta, "/Users", {"filter": "active eq true", "sortOrder": "descending"}),
        (okta, "/Groups", {"filter": "active eq true"} | {"filter": "displayName pr"}),
    ]:
        assert_error(idp.get(path, cursor=cursor, **params), 400, "invalidCursor", "start again")


@pytest.mark.parametrize("text", ["x", "====", "é", "AAAA", "a" * 5000, "0", "-1", "null"])
def test_a_text_that_is_no_cursor_is_a_400(okta: IdentityProvider, nine: list[str], text: str) -> None:
    assert_error(okta.get("/Users", cursor=text), 400, "invalidCursor")


def test_a_cursor_that_was_tampered_with_is_a_400(okta: IdentityProvider, nine: list[str]) -> None:
    cursor = okta.get("/Users", cursor="", count=2).json()["nextCursor"]

    for place in (0, 10, 25, 40):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert_error(okta.get("/Users", cursor=changed), 400, "invalidCursor")
