"""A page acts in the organization that its path names, or nowhere.

The addresses come from the URL configuration, so that a new page is tried from its first day.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apikeys.models import ApiKey
from audit.models import Event
from members.ids import ORGANIZATION_ID, organization_id
from members.models import Group, Member, Organization, Role
from tests.conftest import ACME, GLOBEX, GLOBEX_ID, SETUP, new_key, person
from tests.web.conftest import SignIn, asked, text_of

NAMED = "settings/<organization_id:organization_id>/"
UNKNOWN = "/settings/222222222222"
NOT_A_MEMBER = "You are not, or no longer, a member here"

Rows = list[Any]


@pytest.fixture
def ana_of_globex(ana: Member, globex: Organization) -> Member:
    """Ana, who is an Admin of globex too."""
    globex.approved_domains.create(domain="acme.example")
    return person(globex, "ana@acme.example", "Ana Admin", "Admin")


@pytest.fixture
def browser(ana: Member, ana_of_globex: Member, eve: Member, ira: Member, sign_in: SignIn) -> Client:
    """Ana's browser, which has used both organizations, acme last."""
    signed_in = sign_in(ana)
    for start in (GLOBEX, ACME):
        assert signed_in.get(f"{start}/security").status_code == 200
    return signed_in


@pytest.fixture
def ids(ira: Member, acme: Organization) -> dict[str, str]:
    """What acme has, by the names that URLs give it."""
    return {"member_id": str(ira.pk), "key_id": new_key(acme).api_key.key_id}


def pages(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Yield the route of every settings page below the Organization ID, with its parameters still in it."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from pages(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith(NAMED):
            yield route.removeprefix(NAMED)


def paths(ids: dict[str, str]) -> list[str]:
    """Return the path of every page, below that of the organization, about what `ids` names."""
    found = [
        re.sub(r"<(?:\w+:)?(\w+)>", lambda match: ids[match[1]], each) for each in pages(get_resolver().url_patterns)
    ]
    assert len(found) > 15
    return found


def rows(organization: Organization) -> Rows:
    """Return every row of an organization's."""
    found: Rows = list(Organization.objects.filter(pk=organization.pk).values())
    for model in (Member, Group, Role, ApiKey, Event):
        found += model.objects.filter(organization=organization).order_by("pk").values()
    return found


def form(acme: Organization) -> dict[str, Any]:
    """Return a form that most pages would take."""
    admin = acme.roles.get(name="Admin").pk
    return {"role": admin, "email": "new@acme.example", "allowed": "yes", "key_lifetime_days": "7"} | asked()


def test_a_form_that_was_opened_in_acme_acts_in_acme_after_another_tab_switched(
    browser: Client, acme: Organization, globex: Organization
):
    browser.get(f"{ACME}/api-access/keys/new")
    browser.get(f"{GLOBEX}/api-access")
    before = rows(globex)

    assert browser.post(f"{ACME}/api-access/keys/new", asked(description="Opened in acme")).status_code == 200

    assert acme.api_keys.get().description == "Opened in acme"
    assert rows(globex) == before


def test_no_form_of_acme_acts_anywhere_once_the_membership_has_ended(
    browser: Client, ana: Member, acme: Organization, globex: Organization, eve: Member, ids: dict[str, str]
):
    person(acme, "ada@acme.example", "Ada Admin", "Admin")
    ana.deactivate(by=SETUP)
    before = rows(acme), rows(globex)
    for path in paths(ids):
        answer = browser.post(f"{ACME}/{path}", form(acme))
        assert answer.status_code == 404, path
        assert NOT_A_MEMBER in text_of(answer), path
        assert f'href="{GLOBEX}/"' in answer.content.decode(), path
    assert (rows(acme), rows(globex)) == before


def test_what_acme_has_is_not_found_below_another_organization(
    browser: Client, acme: Organization, globex: Organization, ids: dict[str, str]
):
    before = rows(acme)
    theirs = [path for path in paths(ids) if any(each in path for each in ids.values())]
    assert len(theirs) > 5
    for path in theirs:
        assert browser.get(f"{GLOBEX}/{path}").status_code == 404, path
        assert browser.post(f"{GLOBEX}/{path}", form(acme)).status_code == 404, path
    assert rows(acme) == before


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_no_form_at_a_short_address_acts(
    browser: Client, acme: Organization, globex: Organization, ids: dict[str, str], method: str
):
    before = rows(acme), rows(globex)
    for path in paths(ids):
        for end in ("", "/") if path else ("",):
            answer = getattr(browser, method)(f"/settings/{path}{end}", form(acme))
            assert answer.status_code == 400, path
            assert "The form doesn’t say which organization it is for" in text_of(answer), path
            assert "Nothing was changed" in text_of(answer), path
    assert (rows(acme), rows(globex)) == before


def test_every_page_has_a_short_address_that_leads_to_it(browser: Client, ids: dict[str, str]):
    for path in paths(ids):
        assert browser.get(f"/settings/{path}?a=b")["Location"] == f"{ACME}/{path}?a=b"


@pytest.mark.usefixtures("alike_ids")
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_organization_that_one_left_is_answered_like_one_that_one_never_knew_and_like_none(
    browser: Client, ana_of_globex: Member, eve: Member, ids: dict[str, str], method: str, client: Client
):
    never = Organization.objects.create_organization("Initech", domains=["initech.example"], by=SETUP)
    ana_of_globex.remove(by=SETUP)
    starts = [GLOBEX, f"/settings/{never.public_id}", UNKNOWN, GLOBEX.upper().replace("/SETTINGS", "/settings"),
              f"{GLOBEX}2", f"/settings/{GLOBEX_ID[:-1]}"]  # fmt: skip
    for path in paths(ids):
        answers = [getattr(browser, method)(f"{start}/{path}") for start in starts]
        assert {answer.status_code for answer in answers} == {404}, path
        texts = {re.sub(r'(csrfmiddlewaretoken" value)="\w+"', r"\1", answer.content.decode()) for answer in answers}
        assert len(texts) == 1, path
        assert {tuple(sorted(answer.headers)) for answer in answers} == {tuple(sorted(answers[0].headers))}
        assert f'href="{ACME}/"' in texts.pop()


@pytest.mark.parametrize(
    "path", ["é", "%00", "..", "../admin", "//", "acmeacme2345%2F", "security%2f..", "acmeacme234٢/members"]
)
def test_odd_addresses_are_answered_with_a_page(browser: Client, path: str):
    for method in ("get", "post"):
        answer = getattr(browser, method)(f"/settings/{path}")
        assert answer.status_code in (302, 400, 404)
        assert answer["Cache-Control"] == "no-store"


def test_a_short_address_leads_nowhere_else(browser: Client):
    for path in ("//evil.example/", "members//evil.example", "members?next=//evil.example"):
        answer = browser.get(f"/settings/{path}")
        assert answer.status_code == 404 or answer["Location"].startswith(f"{ACME}/"), path


def test_an_organization_id_is_no_page(ids: dict[str, str]):
    for path in paths(ids):
        assert not re.fullmatch(ORGANIZATION_ID, path.partition("/")[0]), path
    assert all(re.fullmatch(ORGANIZATION_ID, organization_id()) for _ in range(100))


def test_a_session_that_ended_before_a_membership_was_given_back_opens_nothing_of_it(
    browser: Client, ana: Member, acme: Organization
):
    person(acme, "ada@acme.example", "Ada Admin", "Admin")
    ana.deactivate(by=SETUP)
    ana.reactivate(by=SETUP)
    assert browser.get(f"{ACME}/members").status_code == 404
    assert browser.get(f"{GLOBEX}/members").status_code == 200
