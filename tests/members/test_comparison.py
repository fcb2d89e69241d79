"""Texts are found by an index as without one, and as Python finds them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.db.models import Q
from hypothesis import HealthCheck, given, settings, strategies as st

from members.comparison import Place, holds
from members.folding import folded, normalized
from members.models import Member, Organization
from members.models.member import matches_search
from scim.filters import compile_filter
from scim.filters.attributes import MEMBER_ATTRIBUTES
from tests.conftest import employee_role

# Case, accents in both spellings, what LIKE knows as special, one letter that becomes two, Turkish letters, emoji.
LETTERS = ["a", "B", "b", "c", "1", " ", ".", "@", "%", "_", "\\", "'", "ß", "é", "e\u0301", "Ö", "\u0131", "😀", "日"]
TEXTS = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=8).map("".join)
COLUMNS = {"given_name": "name.givenName", "family_name": "name.familyName", "display_name": "displayName"}
COLUMNS |= {"user_name": "userName", "external_id": "externalId"}
SIGNS = {Place.START: "sw", Place.END: "ew", Place.ANYWHERE: "co"}

try_some = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def plans(*, with_index: bool) -> Iterator[None]:
    """Have PostgreSQL use indexes wherever it can, or nowhere."""
    if connection.vendor != "postgresql":
        yield
        return
    off = ["seqscan"] if with_index else ["indexscan", "indexonlyscan", "bitmapscan"]
    with connection.cursor() as cursor:
        for name in off:
            cursor.execute(f"SET LOCAL enable_{name} = off")
        try:
            yield
        finally:
            for name in off:
                cursor.execute(f"SET LOCAL enable_{name} = on")


def names(organization: Organization, condition: Q) -> list[str]:
    """Return who meets a condition, which indexes don't change."""
    found = organization.members.filter(condition).order_by("external_id").values_list("external_id", flat=True)
    answers = []
    for with_index in (True, False):
        with plans(with_index=with_index):
            answers.append(list(found))
    assert answers[0] == answers[1]
    return answers[0]


def add(organization: Organization, texts: list[str]) -> list[Member]:
    """Add a member for each text, which is all of their names."""
    role = employee_role(organization)
    return Member.objects.bulk_create(
        Member(
            organization=organization,
            role=role,
            user_name=f"{text}{number:03}",
            external_id=f"{number:03}{text}",
            given_name=text,
            family_name=text[::2],
            display_name=text[1:],
        )
        for number, text in enumerate(texts)
    )


@try_some
@given(texts=st.lists(TEXTS, min_size=1, max_size=12), sought=TEXTS)
def test_an_index_changes_no_answer(acme: Organization, texts: list[str], sought: str) -> None:
    acme.members.all().delete()
    members = add(acme, texts)
    for column, attribute in COLUMNS.items():
        form = normalized if column == "external_id" else folded
        value = form(sought)
        expected = {
            Place.START: lambda text, value=value: text.startswith(value),
            Place.END: lambda text, value=value: text.endswith(value),
            Place.ANYWHERE: lambda text, value=value: value in text,
        }
        for place, meets in expected.items():
            wanted = sorted(each.external_id for each in members if meets(form(getattr(each, column))))
            case_exact = column == "external_id"
            assert sorted(names(acme, Q(holds(column, sought, place, case_exact=case_exact)))) == wanted
            quoted = sought.replace("\\", "\\\\")
            text = f'{attribute} {SIGNS[place]} "{quoted}"'
            condition = compile_filter(text, MEMBER_ATTRIBUTES).condition
            assert sorted(names(acme, condition)) == wanted, text
            assert len(names(acme, ~condition)) == len(members) - len(wanted), text


@try_some
@given(texts=st.lists(TEXTS, min_size=1, max_size=12), sought=TEXTS)
def test_a_search_finds_every_word_in_some_name(acme: Organization, texts: list[str], sought: str) -> None:
    acme.members.all().delete()
    members = add(acme, texts)
    columns = ("user_name", "given_name", "family_name", "display_name")
    wanted = [
        member.external_id
        for member in members
        if all(any(folded(word) in folded(getattr(member, column)) for column in columns) for word in sought.split())
    ]
    assert sorted(names(acme, matches_search(sought))) == sorted(wanted)


@pytest.mark.parametrize(
    "text",
    ["\u0130stanbul", "\u039f\u0394\u039f\u03a3", "\u03a3\u0391\u03a3", "Straße", "\u212aelvin", "\ufb01n", "a\\b%c_d"],
)
def test_a_text_is_found_by_itself(acme: Organization, text: str) -> None:
    add(acme, [text, "another"])
    for place in Place:
        assert names(acme, Q(holds("given_name", text, place))) == [f"000{text}"]
