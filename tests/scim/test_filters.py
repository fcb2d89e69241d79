"""Filters, evaluated by the database, must mean what scim2-models' in-memory evaluation means."""

import itertools
from typing import Any

import pytest
from scim2_models import ScimFilter

from members.models import Organization
from scim.schemas import POLICY, FullUser
from tests.identity_provider import ENTERPRISE, GROUP, USER, IdentityProvider, assert_error

PEOPLE: list[dict[str, Any]] = [
    {
        "userName": "bob@acme.example",
        "externalId": "00uA",
        "name": {"givenName": "Bob", "familyName": "Öztürk", "formatted": "Mr Bob Öztürk"},
        "displayName": "Bob Ö",
        "nickName": "100%_sure",
        "emails": [
            {"value": "Bob@acme.example", "type": "work", "primary": True},
            {"value": "bob@home.local", "type": "home"},
        ],
        "userType": "IT Admin",
        ENTERPRISE: {"department": "IT", "manager": {"value": "7"}},
    },
    {
        "userName": "carol@acme.example",
        "externalId": "00ua",
        "name": {"givenName": "Carol", "familyName": "Adams"},
        "title": 'Buyer "Sr."',
        "active": False,
        "userType": "Procurement",
        "emails": [{"value": "carol@acme.example", "type": "work", "primary": True}],
        ENTERPRISE: {"department": "Buying"},
    },
    {"userName": "dan@example.com", "nickName": "1000 sure", "phoneNumbers": [{"value": "+49", "type": "mobile"}]},
]

ATTRIBUTES = [
    "userName",
    "externalId",
    "emails",
    "emails.value",
    "emails.type",
    "userType",
    "name.givenName",
    "name.familyName",
    "name.formatted",
    "displayName",
    "nickName",
    "title",
    "phoneNumbers.value",
    f"{ENTERPRISE}:department",
    f"{ENTERPRISE}:manager.value",
]
VALUES = [
    "bob@acme.example",
    "BOB",
    "Bob",
    "b",
    "ö",
    "00ua",
    "00uA",
    "it",
    "IT Admin",
    "work",
    "%",
    "_",
    "",
    "7",
    '\\"Sr.',
]
OPERATORS = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]


@pytest.fixture
def people(okta: IdentityProvider, acme: Organization) -> list[dict[str, Any]]:
    """Three people, as SCIM documents."""
    documents = [okta.call("POST", "/Users", {"schemas": [USER]} | person).json() for person in PEOPLE]
    okta.call("POST", "/Groups", {"displayName": "Works", "members": [{"value": documents[0]["id"]}]})
    return [okta.get(f"/Users/{document['id']}").json() for document in documents]


def expected(people: list[dict[str, Any]], text: str) -> list[str]:
    """Return whom the reference evaluation finds."""
    reference = ScimFilter[FullUser](text)
    found = [FullUser.model_validate(person, scim_policy=POLICY) for person in people]
    return [str(user.user_name) for user in found if reference.match(user)]


def found(okta: IdentityProvider, text: str) -> list[str]:
    """Return whom our API finds."""
    return [user["userName"] for user in okta.list(text)]


@pytest.mark.parametrize("op", OPERATORS)
def test_every_comparison_means_what_the_reference_means(
    okta: IdentityProvider, people: list[dict[str, Any]], op: str, settings: Any
) -> None:
    settings.KEY_RATE_LIMIT = 0
    for attribute, value in itertools.product(ATTRIBUTES, VALUES):
        text = f'{attribute} {op} "{value}"'
        assert found(okta, text) == expected(people, text), text


@pytest.mark.parametrize(
    "text",
    [
        "active eq true",
        "active eq false",
        'active eq "True"',
        "active ne true",
        "active pr",
        "emails pr",
        "title pr",
        "not (title pr)",
        "name pr",
        "phoneNumbers.value pr",
        f"{ENTERPRISE}:manager pr",
        "title eq null",
        "title ne null",
        "emails.primary eq true",
        "groups pr",
        'groups.display eq "works"',
        'groups[display sw "W" and type eq "direct"]',
        'emails[type eq "work" and value co "carol"]',
        'emails[type eq "home" and value co "acme"]',
        'not (emails[type eq "home"])',
        'emails[not (type eq "work")]',
        'userName sw "b" or userName sw "c" and active eq true',
        '(userName sw "b" or userName sw "c") and active eq true',
        'not (userName sw "b" or active eq false)',
        'USERNAME EQ "BOB@ACME.EXAMPLE" AND Active Eq True',
        f'{USER}:userName eq "bob@acme.example"',
        'meta.created gt "2020-01-01T00:00:00Z"',
        'meta.lastModified lt "2020-01-01T00:00:00+02:00"',
        'meta.resourceType eq "User"',
        f'schemas eq "{USER}"',
        "password pr",
    ],
)
def test_every_form_of_a_filter_means_what_the_reference_means(
    okta: IdentityProvider, people: list[dict[str, Any]], text: str
) -> None:
    assert found(okta, text) == expected(people, text)


def test_the_forms_above_find_something_and_not_everything(
    okta: IdentityProvider, people: list[dict[str, Any]]
) -> None:
    assert found(okta, 'emails[type eq "work" and value co "carol"]') == ["carol@acme.example"]
    assert found(okta, 'userName sw "b" or userName sw "c" and active eq true') == ["bob@acme.example"]
    assert found(okta, "not (title pr)") == ["bob@acme.example", "dan@example.com"]
    assert found(okta, f'{ENTERPRISE}:department eq "it"') == ["bob@acme.example"]
    assert found(okta, 'externalId eq "00ua"') == ["carol@acme.example"]


def test_a_moment_is_found_as_it_was_sent(okta: IdentityProvider, people: list[dict[str, Any]]) -> None:
    created = people[1]["meta"]["created"]
    assert found(okta, f'meta.created eq "{created}"') == ["carol@acme.example"]
    assert found(okta, f'meta.created ge "{created}"') == ["carol@acme.example", "dan@example.com"]


def test_ids_and_groups_are_found_by_id(okta: IdentityProvider, people: list[dict[str, Any]]) -> None:
    group = okta.list(path="/Groups")[0]["id"]
    assert found(okta, f'id eq "{people[0]["id"]}"') == ["bob@acme.example"]
    assert found(okta, f'groups.value eq "{group}"') == ["bob@acme.example"]
    assert found(okta, 'id eq "no such id"') == []
    assert [g["displayName"] for g in okta.list(f'members.value eq "{people[0]["id"]}"', path="/Groups")] == ["Works"]
    assert okta.list(f'members.value eq "{people[1]["id"]}"', path="/Groups") == []
    assert [g["displayName"] for g in okta.list('displayName eq "WORKS"', path="/Groups")] == ["Works"]
    assert [g["schemas"] for g in okta.list("members pr", path="/Groups")] == [[GROUP]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("userName eq", "column"),
        ('userName eq "x', "column"),
        ("userName", "column"),
        ('shoeSize eq "43"', "shoeSize"),
        ("active gt true", "active"),
        ('meta.created eq "yesterday"', "meta.created"),
        ('id co "1"', "id"),
        ('name eq "Bob"', "name"),
        ('userName eq "\\u0000"', "NUL"),
        ('userName eq "\\ud800"', "surrogate"),
        ('userName[value eq "x"]', "userName"),
        (" or ".join(['userName eq "x"'] * 21), "20 comparisons"),
        (f'userName eq "{"x" * 1024}"', "1024 bytes"),
    ],
)
def test_a_filter_that_means_nothing_is_a_400(okta: IdentityProvider, text: str, words: str) -> None:
    assert_error(okta.get("/Users", filter=text), 400, "invalidFilter", words)


@pytest.mark.parametrize(("nesting", "depth", "status"), [("(", 450, 200), ("not (", 30, 200), ("not (", 150, 400)])
def test_a_deeply_nested_filter_is_evaluated_or_refused(
    okta: IdentityProvider, nesting: str, depth: int, status: int
) -> None:
    text = nesting * depth + 'userName eq "x"' + ")" * depth
    assert okta.get("/Users", filter=text).status_code == status


def test_a_filter_stays_inside_the_organization(
    okta: IdentityProvider, eves_okta: IdentityProvider, people: list[dict[str, Any]]
) -> None:
    for text in ['userName pr or userName eq "x"', "not (title pr)", f'id eq "{people[0]["id"]}"', 'emails co "a"']:
        assert eves_okta.list(text) == []
    assert eves_okta.list('displayName eq "x" or displayName pr', path="/Groups") == []
