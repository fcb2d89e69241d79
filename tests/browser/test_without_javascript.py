"""Without JavaScript dialogs are pages, and nothing is missing."""

import pytest
from playwright.sync_api import Error, Page, expect

from members.models import Member
from tests.conftest import ACME, SETUP, person


@pytest.fixture
def page(ana: Member, open_browser) -> Page:
    return open_browser(ana, java_script_enabled=False)


def test_scim_is_turned_off_and_on(acme, page: Page):
    page.goto(f"{ACME}/security")
    page.get_by_role("button", name="Turn off").click()
    page.get_by_role("button", name="Turn SCIM off").click()
    expect(page.get_by_text("SCIM provisioning is off. Nothing was lost.")).to_be_visible()
    acme.refresh_from_db()
    assert not acme.scim_enabled
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("SCIM provisioning is on.")).to_be_visible()
    acme.refresh_from_db()
    assert acme.scim_enabled


def test_nothing_is_shown_that_needs_a_script(page: Page):
    page.goto(f"{ACME}/security")
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)


def test_a_key_is_generated_shown_once_and_deleted(acme, page: Page, today):
    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Generate API key").click()
    page.get_by_label("Description").fill("Okta")
    page.get_by_label("A date of your own", exact=True).check()
    page.get_by_label("Expiration date of your own").fill("2020-01-01")
    page.get_by_role("button", name="Generate key").click()
    expect(page.get_by_text("The expiration date must be in the future.")).to_be_visible()
    expect(page.get_by_label("Description")).to_have_value("Okta")
    page.get_by_label("Never").check()
    expect(page.get_by_text("A key that never expires")).to_be_visible()
    page.get_by_role("button", name="Generate key").click()

    secret = page.locator("#secret").inner_text()
    page.get_by_role("button", name="Got it").click()
    expect(page.locator("#secret")).to_be_visible()
    page.get_by_label("I have stored it").check()
    page.get_by_role("button", name="Got it").click()
    expect(page.get_by_role("row", name="Okta")).to_be_visible()
    assert secret not in page.content()
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()
    expect(page.locator("body")).not_to_contain_text(secret)
    assert acme.api_keys.count() == 1

    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Delete Okta").click()
    page.get_by_role("button", name="Delete key").click()
    expect(page.get_by_text("The key “Okta” was deleted.")).to_be_visible()
    assert acme.api_keys.existing().count() == 0


def test_members_are_found_added_and_deactivated(acme, page: Page):
    person(acme, "rita@acme.example", "Rita Reader", "Read Only")
    page.goto(f"{ACME}/members")
    page.get_by_label("Search by name").fill("rita")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Add member").click()
    page.get_by_label("E-mail address").fill("nora@acme.example")
    page.get_by_role("combobox", name="Role").select_option("Procurement")
    page.get_by_role("button", name="Add member").click()
    expect(page.get_by_role("heading", name="nora@acme.example", exact=True)).to_be_visible()
    page.get_by_role("combobox", name="Role").select_option("IT Admin")
    page.get_by_role("button", name="Change role").click()
    expect(page.get_by_text("now has the role IT Admin.")).to_be_visible()
    page.get_by_role("link", name="Deactivate member").click()
    page.get_by_role("button", name="Deactivate member").click()
    expect(page.get_by_text("was deactivated.")).to_be_visible()
    nora = acme.members.get(user_name="nora@acme.example")
    assert (nora.role.name, nora.is_active) == ("IT Admin", False)


def test_the_account_menu_opens(acme, page: Page):
    acme.disable_scim(by=SETUP)
    page.goto(f"{ACME}/security")
    page.get_by_role("button", name="Ana Admin").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
