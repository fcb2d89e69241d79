"""The words of a search are bounded at every door: the Members page, the REST API and the staff admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from lib.words import SearchTooLong, words_of
from members.models import Member, Organization, User
from tests.api.client import Script
from tests.conftest import ACME, new_key, sign_in_staff

SignIn = Callable[[Member], Client]

WORDS = "Search for 10 words at most"
TOO_MANY = " ".join(f"w{number}" for number in range(11))
TOO_LONG = "x" * 201

# Where staff searches, and what a list of these to choose from asks for.
PAGES = ["members_member", "members_user", "members_group", "members_role", "members_organization", "apikeys_apikey"]


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    stella = User.objects.create_superuser("stella@vendor.example", "a password of staff")
    sign_in_staff(client, stella)
    return client


def statements(ask: Callable[[], Any]) -> tuple[Any, list[str]]:
    """Return an answer, and the statements that compare texts."""
    with CaptureQueriesContext(connection) as queries:
        answer = ask()
    return answer, [query["sql"] for query in queries.captured_queries if "LIKE" in query["sql"].upper()]


def test_the_words_of_a_text_are_its_different_ones_the_longest_first() -> None:
    assert words_of("  Ana  ana\0Admin ") == ["admin", "ana"]
    assert words_of("") == words_of(" \0\t") == []
    assert len(words_of("a b c d e f g h i j")) == 10


@pytest.mark.parametrize("text", [TOO_MANY, TOO_LONG, "x " * 5_000])
def test_too_many_words_or_characters_are_refused(text: str, settings: Any) -> None:
    with pytest.raises(SearchTooLong, match=WORDS):
        words_of(text)
    settings.SEARCH_WORDS_LIMIT = settings.SEARCH_LENGTH_LIMIT = 0
    assert words_of(text)


@pytest.mark.parametrize("text", [TOO_MANY, TOO_LONG, " ".join(["word"] * 1_500)])
def test_the_members_page_says_how_many_words_it_searches_for(ana: Member, sign_in: SignIn, text: str) -> None:
    browser = sign_in(ana)
    page, asked = statements(lambda: browser.get(f"{ACME}/members", {"q": text}))

    assert page.status_code == 200
    assert page.content.decode().count(WORDS) == 2
    assert not asked


@pytest.mark.parametrize("text", [TOO_MANY, TOO_LONG])
def test_the_rest_api_refuses_too_many_words(acme: Organization, ana: Member, text: str) -> None:
    script = Script(new_key(acme, "api_read").text)
    answer, asked = statements(lambda: script.call("GET", "members", search=text))

    assert answer.status_code == 400
    assert "search" in answer.content.decode()
    assert not asked


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("text", [TOO_MANY, TOO_LONG])
def test_the_staff_admin_says_how_many_words_it_searches_for(staff: Client, ana: Member, page: str, text: str) -> None:
    answer, asked = statements(lambda: staff.get(reverse(f"admin:{page}_changelist"), {"q": text}))

    assert answer.status_code == 200
    assert WORDS in answer.content.decode()
    assert not asked


def test_a_list_to_choose_from_finds_nothing_by_too_many_words(staff: Client, ana: Member) -> None:
    ask = {"app_label": "members", "model_name": "member", "field_name": "organization", "term": TOO_MANY}
    answer, asked = statements(lambda: staff.get(reverse("admin:autocomplete"), ask))

    assert answer.json()["results"] == []
    assert not asked
    assert WORDS not in staff.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize("path", [f"{ACME}/members?q=%00ana", f"{ACME}/members?q=ana%00"])
def test_a_nul_in_a_search_parts_words(ana: Member, sign_in: SignIn, path: str) -> None:
    assert "ana@acme.example" in sign_in(ana).get(path).content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_a_nul_in_a_search_of_staff_is_no_fault(staff: Client, ana: Member, page: str) -> None:
    assert staff.get(reverse(f"admin:{page}_changelist"), {"q": "ana\0"}).status_code == 200
