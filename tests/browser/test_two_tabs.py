"""Somebody with two organizations has a tab for each: each tab acts in its own, whatever the other one does."""

import re

import pytest
from playwright.sync_api import Page, expect

from members.models import Member, Organization
from tests.browser.conftest import Open
from tests.conftest import ACME, GLOBEX, SETUP, person


@pytest.fixture
def ana_of_globex(ana: Member, globex: Organization) -> Member:
    globex.approved_domains.create(domain="acme.example")
    return person(globex, "ana@acme.example", "Ana Admin", "Admin")


@pytest.fixture
def tabs(ana: Member, ana_of_globex: Member, open_browser: Open) -> tuple[Page, Page]:
    """A tab with the form for a new key of acme, and one that has switched to globex since."""
    one = open_browser(ana)
    one.goto(f"{ACME}/api-access")
    one.get_by_role("link", name="Generate API key").first.click()
    expect(one.get_by_role("dialog", name="Generate API key")).to_be_visible()
    other = one.context.new_page()
    other.goto("/settings/security")
    other.get_by_role("button", name="Ana Admin").click()
    other.get_by_role("link", name="Switch to Globex").click()
    expect(other).to_have_url(re.compile(f"{GLOBEX}/security$"))
    return one, other


def generate(page: Page, description: str) -> None:
    page.get_by_label("Description").fill(description)
    page.get_by_role("button", name="Generate key").click()


def test_a_key_is_made_in_the_organization_whose_form_it_was(
    tabs: tuple[Page, Page], acme: Organization, globex: Organization
):
    one, other = tabs
    other.goto(f"{GLOBEX}/api-access/keys/new")
    generate(one, "For acme")
    expect(one.get_by_role("dialog", name="Your new API key")).to_be_visible()
    generate(other, "For globex")
    expect(other.get_by_role("heading", name="Your new API key")).to_be_visible()

    assert [key.description for key in acme.api_keys.all()] == ["For acme"]
    assert [key.description for key in globex.api_keys.all()] == ["For globex"]
    for page, start in ((one, ACME), (other, GLOBEX)):
        page.get_by_role("checkbox", name="I have stored it").check()
        page.get_by_role("button", name="Got it").click()
        expect(page).to_have_url(re.compile(f"{start}/api-access"))


def test_a_form_whose_membership_has_ended_says_so_and_makes_nothing(
    tabs: tuple[Page, Page], ana: Member, acme: Organization, globex: Organization
):
    one, other = tabs
    person(acme, "ada@acme.example", "Ada Admin", "Admin")
    ana.deactivate(by=SETUP)

    generate(one, "For nobody")
    said = "You are not, or no longer, a member of the organization that this address names. No key was generated."
    expect(one.get_by_role("alert").filter(has_text=said)).to_be_visible()
    one.reload()
    expect(one.get_by_role("heading", name="You are not, or no longer, a member here")).to_be_visible()
    one.get_by_role("link", name="Go to Globex").click()
    expect(one).to_have_url(re.compile(f"{GLOBEX}/security$"))

    other.reload()
    other.get_by_role("button", name="Ana Admin").click()
    expect(other.get_by_role("link", name="Switch to")).to_have_count(0)
    assert not acme.api_keys.exists()
    assert not globex.api_keys.exists()
