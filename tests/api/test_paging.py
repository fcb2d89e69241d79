"""Pages by cursor: everything once, forth and back, whatever happens meanwhile; a cursor is good for its list alone."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.signing import Signer

from members.models import Member, Organization
from tests.api.client import Script, assert_problem
from tests.conftest import employee_role, new_key, person


@pytest.fixture
def nine(acme: Organization) -> list[str]:
    """The user names of nine members in the order in which they were added."""
    names = [f"person{number}@acme.example" for number in range(9)]
    for name in names:
        person(acme, name, f"Person {name}", "Read Only")
    return names


def walk(script: Script, page: Any, towards: str = "next") -> list[list[str]]:
    """Return the user names on this page and all that follow it."""
    pages = [[member["user_name"] for member in page["results"]]]
    while page[towards]:
        page = script.follow(page[towards])
        pages.append([member["user_name"] for member in page["results"]])
    return pages


def cursor_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["cursor"][0]


@pytest.mark.parametrize("limit", [1, 2, 4, 8, 9, 10])
def test_pages_lead_forth_and_back(script: Script, nine: list[str], limit: int) -> None:
    forth = walk(script, script.read("members", limit=limit))
    assert forth == [nine[start : start + limit] for start in range(0, 9, limit)]

    page = script.read("members", limit=limit)
    while page["next"]:
        page = script.follow(page["next"])
    back = walk(script, page, "previous")
    assert [name for names in reversed(back) for name in names] == nine


def test_the_first_page_has_none_before_it_and_the_last_none_after(script: Script, nine: list[str]) -> None:
    first = script.read("members", limit=5)
    last = script.follow(first["next"])
    assert (first["previous"], last["next"]) == (None, None)
    assert first.keys() == {"results", "next", "previous"}


def test_there_are_100_on_a_page_unless_up_to_200_are_asked_for(script: Script, acme: Organization) -> None:
    role = employee_role(acme)
    Member.objects.bulk_create(
        Member(organization=acme, role=role, user_name=f"m{number}@acme.example") for number in range(203)
    )
    assert len(script.results("members")) == 100
    assert len(script.results("members", limit=200)) == 200


def test_nobody_is_left_out_or_met_twice_while_rows_come_and_go(
    script: Script, acme: Organization, nine: list[str]
) -> None:
    page = script.read("members", limit=3)
    for name in (nine[0], nine[2], nine[4]):
        acme.members.get(user_name=name).delete()
    person(acme, "newcomer@acme.example", "New Comer")

    rest = walk(script, script.follow(page["next"]))

    assert [name for names in rest for name in names] == [nine[3], *nine[5:], "newcomer@acme.example"]


def test_filters_and_limit_stay_on_all_pages(script: Script, acme: Organization, nine: list[str], ana: Member) -> None:
    page = script.read("members", limit=2, role="read only", active="true")
    assert "role=read+only" in page["next"]
    assert [name for names in walk(script, page) for name in names] == nine


def test_a_repeated_filter_stays_on_all_pages(script: Script, acme: Organization, nine: list[str]) -> None:
    page = script.read("audit-events", limit=1, event=["member.created", "scim.enabled"])
    found = [page["results"][0]["event"]]
    while page["next"]:
        page = script.follow(page["next"])
        found += [event["event"] for event in page["results"]]
    assert found == ["member.created"] * 9 + ["scim.enabled"]


def test_every_list_leads_through_all_its_pages(script: Script, acme: Organization, nine: list[str]) -> None:
    for _ in range(3):
        new_key(acme)
    for path in ("roles", "api-keys", "audit-events"):
        whole = script.results(path, limit=200)
        page, found = script.read(path, limit=2), []
        found += page["results"]
        while page["next"]:
            page = script.follow(page["next"])
            found += page["results"]
        assert found == whole, path
        assert len(whole) > 3


def test_keys_made_at_the_same_moment_are_all_shown(script: Script, acme: Organization) -> None:
    keys = [new_key(acme).api_key for _ in range(5)]
    acme.api_keys.update(created_at=keys[0].created_at)
    page, found = script.read("api-keys", limit=2), []
    while True:
        found += [key["key_id"] for key in page["results"]]
        if not page["next"]:
            break
        page = script.follow(page["next"])
    assert sorted(found) == sorted(acme.api_keys.values_list("key_id", flat=True))


def test_a_cursor_is_good_for_one_list_alone(
    script: Script, eves_script: Script, acme: Organization, nine: list[str]
) -> None:
    cursor = cursor_of(script.read("members", limit=2, active="true")["next"])

    assert script.get("members", cursor=cursor, active="true", limit=7).status_code == 200
    for caller, path, params in [
        (eves_script, "members", {"active": "true"}),
        (script, "members", {"active": "false"}),
        (script, "members", {}),
        (script, "members", {"active": "true", "search": "person"}),
        (script, "roles", {}),
        (script, "audit-events", {}),
    ]:
        assert_problem(caller.get(path, cursor=cursor, **params), 400, "invalid_cursor", "start again")


def plain(text: str) -> str:
    """Return REST framework's own cursor, which anybody can write."""
    return base64.b64encode(text.encode()).decode()


FORGED = [
    "x",
    "====",
    "é",
    "AAAA",
    "a" * 1999,
    "0",
    "null",
    "~",
    plain("p=1"),
    plain("p=not-a-uuid"),
    plain("r=1&p=9999-99-99"),
    plain("o=99999999999999999999"),
    plain("p=\x00"),
    Signer(sep="~").sign_object([0, False, "not-a-uuid"]),
    Signer(salt="api.cursor:", sep="~").sign_object("nothing"),
]


@pytest.mark.parametrize("path", ["members", "roles", "groups", "api-keys", "audit-events"])
def test_what_is_no_cursor_is_a_400(script: Script, path: str) -> None:
    for text in FORGED:
        assert_problem(script.get(path, cursor=text), 400, "invalid_cursor")


def test_an_empty_or_endless_cursor_is_no_parameter(script: Script) -> None:
    for text in ("", "\x00", "a" * 2001):
        assert_problem(script.get("members", cursor=text), 400, "invalid_parameter")


def test_a_cursor_that_was_tampered_with_is_a_400(script: Script, nine: list[str]) -> None:
    cursor = cursor_of(script.read("members", limit=2)["next"])
    for place in range(0, len(cursor), 7):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert_problem(script.get("members", cursor=changed), 400, "invalid_cursor")


def test_no_primary_key_of_others_can_be_read_from_a_cursor(script: Script, acme: Organization) -> None:
    pk = acme.roles.first().pk  # type: ignore[union-attr]
    payload = cursor_of(script.read("roles", limit=1)["next"]).partition("~")[0]
    decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    assert f'"{pk}"' not in decoded
    assert str(acme.roles.order_by("public_id").values_list("public_id", flat=True)[0]) in decoded
