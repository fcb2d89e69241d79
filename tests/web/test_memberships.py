"""Somebody who belongs to two organizations works in the one that the path names."""

from typing import Any

import pytest
from django.test import Client

from audit.models import Action, Event
from members.models import Member, Organization
from tests.conftest import ACME, GLOBEX, SETUP, person
from tests.web.conftest import SignIn, text_of


@pytest.fixture
def anas_other_self(ana: Member, globex: Organization) -> Member:
    """Ana, as a Read Only member of globex."""
    globex.approved_domains.create(domain="acme.example")
    return person(globex, "ana@acme.example", "Ana Admin", "Read Only")


def led_to(browser: Client, path: str) -> str:
    """Return where a short address leads."""
    answer = browser.get(path)
    assert answer.status_code == 302
    return str(answer["Location"])


@pytest.mark.usefixtures("anas_other_self")
def test_each_path_shows_the_organization_that_it_names(ana: Member, sign_in: SignIn):
    browser = sign_in(ana)
    for start, name in ((ACME, "Acme"), (GLOBEX, "Globex"), (ACME, "Acme")):
        assert browser.get(f"{start}/members").context["request"].organization.name == name
    assert "Generate API key" in text_of(browser.get(f"{ACME}/api-access"))
    assert "Generate API key" not in text_of(browser.get(f"{GLOBEX}/api-access"))


@pytest.mark.usefixtures("anas_other_self")
def test_every_link_and_form_of_a_page_names_the_organization_of_the_page(ana: Member, sign_in: SignIn):
    browser = sign_in(ana)
    for start, other in ((ACME, GLOBEX), (GLOBEX, ACME)):
        for page in ("/security", "/api-access", "/members", f"/members/{ana.pk}", "/nothing"):
            text = browser.get(f"{start}{page}").content.decode()
            assert f'href="{start}/"' in text
            assert 'href="/settings/"' not in text
            assert text.count(f'"{other}/') == 1, "the link that switches"


def test_the_menu_has_a_membership_as_soon_as_somebody_is_added(ana: Member, sign_in: SignIn, request: Any):
    before = sign_in(ana)
    assert "Open a new membership" not in text_of(before.get(f"{ACME}/security"))
    request.getfixturevalue("anas_other_self")

    page = text_of(before.get(f"{ACME}/security"))
    assert "Open a new membership by an e-mailed code" in page, "it is younger than the proof of this session"
    assert "Globex" not in page
    answer = before.get(f"{GLOBEX}/members")
    assert answer.status_code == 404
    assert "Globex" not in text_of(answer)

    after = sign_in(ana)
    page = text_of(after.get(f"{ACME}/security"))
    assert "Switch to Globex" in page
    assert "Open a new membership" not in page
    assert after.get(f"{GLOBEX}/members").status_code == 200


@pytest.mark.usefixtures("anas_other_self")
def test_a_short_address_leads_to_the_organization_used_last(ana: Member, sign_in: SignIn):
    browser = sign_in(ana)
    assert led_to(browser, "/settings/members") == f"{ACME}/members"
    browser.get(f"{GLOBEX}/security")
    for path in (
        "",
        "members?q=a%20b&role=Admin",
        f"members/{ana.pk}",
        "security/guides/okta",
        "api-access/keys/abcd2345",
    ):
        assert led_to(browser, f"/settings/{path}") == f"{GLOBEX}/{path}"
    assert led_to(browser, f"/settings/members/{ana.pk}/?q=x") == f"{GLOBEX}/members/{ana.pk}?q=x"


def test_a_short_address_leads_on_after_signing_in(ana: Member, client: Client):
    assert client.get("/settings/members?q=x")["Location"] == "/accounts/login/?next=/settings/members%3Fq%3Dx"


def test_the_last_used_organization_is_not_where_a_membership_has_ended(
    ana: Member, anas_other_self: Member, sign_in: SignIn
):
    browser = sign_in(ana)
    browser.get(f"{GLOBEX}/security")
    anas_other_self.deactivate(by=SETUP)
    assert led_to(browser, "/settings/members") == f"{ACME}/members"
    assert "Switch to" not in text_of(browser.get(f"{ACME}/security"))


def test_an_event_for_each_switch_and_none_for_staying(
    ana: Member, anas_other_self: Member, acme: Organization, globex: Organization, sign_in: SignIn
):
    browser = sign_in(ana)
    for path in (f"{ACME}/members", f"{GLOBEX}/", f"{GLOBEX}/members", f"{ACME}/members", f"{ACME}/security"):
        browser.get(path)
    entered = Event.objects.filter(action=Action.ORGANIZATION_ENTERED).order_by("pk")
    assert [event.organization for event in entered] == [globex, acme]


def test_nobody_is_somewhere_as_somebody_else(ana: Member, ira: Member, sign_in: SignIn):
    assert sign_in(ira).get(f"{ACME}/members").context["request"].member == ira
