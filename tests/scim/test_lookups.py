"""A look-up that is read along with the key answers as the way of all lists does, byte for byte."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from apikeys.seek import Seek
from members.models import Member, Organization
from scim.views.users import UsersView
from tests.conftest import SETUP, person
from tests.identity_provider import IdentityProvider, Response

pytestmark = pytest.mark.usefixtures("alike_ids")

FILTERS = (
    'userName eq "bob@acme.example"',
    'USERNAME eq "BOB@acme.example"',
    'userName eq "nobody@acme.example"',
    'userName eq "eve@globex.example"',
    'userName eq "dora@acme.example"',
    'userName eq "b%"',
    'externalId eq "one"',
    'externalId eq "ONE"',
    'externalId eq "several"',
    'externalId eq "eves"',
    'emails.value eq "Bob@Home.example"',
    'EMAILS.VALUE eq "bob@acme.example"',
    'emails.value eq "shared@acme.example"',
    'emails.value eq "eve@globex.example"',
)
OTHER_FILTERS = (
    "",
    'userName eq ""',
    'userName eq "b\\u006fb@acme.example"',
    'userName eq "bób@acme.example"',
    'userName  eq "bob@acme.example"',
    'userName ne "bob@acme.example"',
    'userName eq "bob@acme.example" and active eq true',
    f'userName eq "{"x" * 8192}"',
    "externalId eq 1",
    'emails eq "bob@acme.example"',
    'emails[type eq "home"].value eq "bob@home.example"',
    f'emails.value eq "{"x" * 321}"',
    "userName eq null",
    'userName eq "bob@acme.example',
)
PARAMETERS: tuple[dict[str, Any], ...] = (
    {},
    {"startIndex": 1, "count": 100},
    {"count": 1},
    {"count": 0},
    {"startIndex": 2},
    {"count": "many"},
    {"cursor": ""},
    {"sortBy": "userName"},
    {"sortBy": "nothing"},
    {"attributes": "userName"},
    {"attributes": "meta"},
    {"attributes": "groups,emails.value"},
    {"excludedAttributes": "groups"},
    {"excludedAttributes": "groups,meta"},
)


@pytest.fixture(autouse=True)
def people(acme: Organization, globex: Organization, okta: IdentityProvider, settings: Any) -> None:
    """Bob, who is in two groups; Dora, who is deactivated; three with one externalId; and Eve, who is elsewhere."""
    settings.KEY_RATE_LIMIT = 0
    emails = [{"value": value} for value in ("bob@home.example", "BOB@acme.example", "shared@acme.example")]
    bob = okta.create("Bob@acme.example", externalId="one", emails=emails).json()["id"]
    for name in ("Works", "Étage"):
        okta.call("POST", "/Groups", {"displayName": name, "members": [{"value": bob}]})
    for number in range(3):
        okta.create(f"s{number}@acme.example", externalId="several", emails=emails[2:])
    person(acme, "dora@acme.example", "Dora Doe").deactivate(by=SETUP)
    eve = person(globex, "eve@globex.example", "Eve Else")
    Member.objects.filter(pk=eve.pk).update(external_id="eves")


Ask = Callable[[Callable[[], Response]], tuple[Response, bool]]


@pytest.fixture
def both_ways(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Return a function that asks with look-ups and without; it returns the answer and whether something was sought."""

    def ask_both_ways(ask: Callable[[], Response]) -> tuple[Response, bool]:
        sought: list[Seek | None] = []
        seek = UsersView.seek

        def noted(*args: Any, **kwargs: Any) -> Seek | None:
            sought.append(seek(*args, **kwargs))
            return sought[-1]

        with monkeypatch.context() as patch:
            patch.setattr(UsersView, "seek", staticmethod(noted))
            first = ask()
            patch.setattr(UsersView, "seek", staticmethod(lambda *args, **kwargs: None))
            second = ask()
        assert (first.status_code, first.headers, first.content) == (second.status_code, second.headers, second.content)
        return first, sought != [None]

    return ask_both_ways


@pytest.mark.parametrize("params", PARAMETERS, ids=str)
def test_a_filter_that_is_a_look_up(okta: IdentityProvider, both_ways: Ask, params: dict[str, Any]) -> None:
    for text in FILTERS:
        _, was_sought = both_ways(partial(okta.get, "/Users", filter=text, **params))

        assert was_sought == (not params.keys() & {"cursor", "sortBy"}), text


def test_any_other_filter_is_none(okta: IdentityProvider, both_ways: Ask) -> None:
    assert [text for text in OTHER_FILTERS if both_ways(partial(okta.get, "/Users", filter=text))[1]] == []


@pytest.mark.parametrize("params", [{"Filter": FILTERS[0]}, {"filter": FILTERS[0], "FILTER": FILTERS[2]}], ids=str)
def test_parameters_in_another_case(okta: IdentityProvider, both_ways: Ask, params: dict[str, str]) -> None:
    assert both_ways(lambda: okta.get("/Users", **params))[1] is False


def test_an_organization_that_lists_active_members_only(
    okta: IdentityProvider, acme: Organization, both_ways: Ask
) -> None:
    acme.scim_lists_active_only = True
    acme.save()
    for text in FILTERS:
        both_ways(partial(okta.get, "/Users", filter=text))
    assert okta.list('userName eq "dora@acme.example"') == []


def test_a_filter_over_the_limit(okta: IdentityProvider, both_ways: Ask, settings: Any) -> None:
    settings.SCIM_FILTER_LIMIT = len(FILTERS[0]) - 1
    response, was_sought = both_ways(lambda: okta.get("/Users", filter=FILTERS[0]))
    assert (response.status_code, was_sought) == (400, False)


@pytest.mark.parametrize(
    "params", [{}, {"attributes": "userName"}, {"attributes": "meta"}, {"excludedAttributes": "groups"}]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_member_by_id(
    okta: IdentityProvider, acme: Organization, both_ways: Ask, method: str, params: dict[str, str]
) -> None:
    for member in Member.objects.all():  # Eve, too, of whom it must not be told that she exists
        response, was_sought = both_ways(partial(okta.call, method, f"/Users/{member.pk}", None, None, **params))
        assert response.status_code == (200 if member.organization_id == acme.pk else 404)
        assert was_sought
    assert both_ways(partial(okta.call, method, "/Users/5", None, None, **params))[1] is False


def test_what_a_refused_key_sought_is_not_told(okta: IdentityProvider, acme: Organization, both_ways: Ask) -> None:
    bob = acme.members.get(user_name="Bob@acme.example")
    acme.disable_scim(by=SETUP)
    for path, params in ((f"/Users/{bob.pk}", {}), ("/Users", {"filter": FILTERS[0]})):
        response, was_sought = both_ways(partial(okta.get, path, **params))
        assert (response.status_code, was_sought) == (403, True)
        assert "bob" not in response.content.decode().lower()
