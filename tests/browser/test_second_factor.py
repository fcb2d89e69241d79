"""A member of staff sets a second factor up in Chromium, and signs in with it; each page in every mode."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from members.models import User
from tests.browser.conftest import Open
from tests.browser.test_looks import MODES, look, photograph
from tests.conftest import set_up_second_factor
from tests.second_factor import app_code, recovery_codes

STELLA, PASSWORD = "stella@vendor.example", "marmalade wobbles over seven hills"


@pytest.fixture
def stella(db: None) -> User:
    return User.objects.create_superuser(STELLA, PASSWORD)


def sign_in_at(page: Page, path: str) -> None:
    page.goto(path)
    page.get_by_label("E-mail address").fill(STELLA)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def shown_secret(page: Page) -> str:
    """Return the secret that the page offers to somebody who can't scan it."""
    page.get_by_text("Type it in instead").click()
    return page.locator("code.secret").inner_text()


def test_staff_enrol_store_their_codes_and_sign_in_with_the_app(stella: User, open_browser: Open):
    page = open_browser()
    sign_in_at(page, "/admin/members/organization/")
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    expect(page.get_by_label("Code")).to_be_focused()
    # The picture is drawn here, and is one.
    assert page.locator("img.qr").evaluate("image => image.complete && image.naturalWidth > 0")
    secret = shown_secret(page)
    page.get_by_label("Code").fill("12 34")
    page.keyboard.press("Enter")
    expect(page.locator(".errorlist")).to_contain_text("not the app’s present code")
    assert page.locator("code.secret").inner_text() == secret
    page.get_by_label("Code").fill(app_code(secret))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    codes = recovery_codes(stella)
    assert page.locator("#codes").inner_text().split() == codes
    expect(page.get_by_role("button", name="Got it")).to_be_disabled()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "torii-recovery-codes.txt"
    assert [line for line in download.value.path().read_text().splitlines() if line in codes] == codes
    expect(page.get_by_role("button", name="Got it")).to_be_enabled()
    page.get_by_role("button", name="Got it").click()
    expect(page).to_have_url(re.compile(r"/admin/members/organization/\??$"))

    page.go_back()
    assert not [code for code in codes if code in page.content()]

    page.context.clear_cookies()
    sign_in_at(page, "/admin/")
    expect(page.get_by_role("heading", name="Enter the app’s code")).to_be_visible()
    page.get_by_label("Code").fill(app_code(secret, 1))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/admin/$"))


def test_codes_are_taken_by_copying_or_by_saying_so_too(stella: User, open_browser: Open):
    page = open_browser()
    sign_in_at(page, "/admin/")
    page.get_by_label("Code").fill(app_code(shown_secret(page)))
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Got it")
    expect(button).to_be_disabled()
    page.get_by_label("I have stored them").check()
    expect(button).to_be_enabled()
    page.get_by_label("I have stored them").uncheck()
    expect(button).to_be_disabled()
    page.get_by_role("button", name="Copy the codes").click()
    expect(button).to_be_enabled()
    assert page.evaluate("navigator.clipboard.readText()").split() == recovery_codes(stella)


def test_setting_up_works_without_javascript(stella: User, open_browser: Open):
    page = open_browser(java_script_enabled=False)
    sign_in_at(page, "/admin/")
    page.get_by_label("Code").fill(app_code(shown_secret(page)))
    page.get_by_role("button", name="Set up second factor").click()
    page.get_by_label("I have stored them").check()
    page.get_by_role("button", name="Got it").click()
    expect(page).to_have_url(re.compile(r"/admin/\??$"))


@pytest.mark.parametrize("mode", MODES)
def test_its_pages_have_no_fault_that_a_program_finds(stella: User, open_browser: Open, mode: str):
    page: Any = open_browser(**MODES[mode])
    wrong = []
    sign_in_at(page, "/admin/")
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    wrong += look(page, "second-factor-setup", mode)
    secret = shown_secret(page)
    page.get_by_label("Code").fill("1")
    page.keyboard.press("Enter")
    expect(page.locator(".errorlist")).to_be_visible()
    wrong += look(page, "second-factor-setup-wrong", mode)
    page.get_by_label("Code").fill(app_code(secret))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    wrong += look(page, "recovery-codes", mode)
    for name, path in (
        ("recovery-codes-left", "/accounts/second-factor/recovery-codes/"),
        ("recovery-codes-new", "/accounts/second-factor/recovery-codes/new/"),
        ("second-factor", "/accounts/second-factor/"),
        ("second-factor-removal", "/accounts/second-factor/removal/"),
        ("second-factor-again", "/accounts/second-factor/code/again/"),
    ):
        page.goto(path)
        wrong += look(page, name, mode)
    page.context.clear_cookies()
    sign_in_at(page, "/admin/")
    expect(page.get_by_role("heading", name="Enter the app’s code")).to_be_visible()
    wrong += look(page, "second-factor-code", mode)
    assert not wrong, "\n".join(wrong)


def test_a_superuser_resets_one_in_a_dialog(stella: User, open_browser: Open):
    sam = User.objects.create_superuser("sam@vendor.example", PASSWORD)
    set_up_second_factor(sam)
    page = open_browser()
    sign_in_at(page, f"/admin/members/user/{sam.pk}/change/")
    page.get_by_label("Code").fill(app_code(shown_secret(page)))
    page.keyboard.press("Enter")
    page.get_by_label("I have stored them").check()
    page.get_by_role("button", name="Got it").click()
    page.get_by_role("link", name="Reset second factor").click()
    expect(page.get_by_role("heading", name="Reset this second factor?")).to_be_visible()
    photograph(page, "staff-second-factor-reset")
    page.get_by_role("button", name="Reset second factor").click()
    expect(page.get_by_text("The second factor of sam@vendor.example is reset.")).to_be_visible()
    page.goto(f"/admin/members/user/{sam.pk}/change/")
    page.get_by_role("link", name="History").click()
    expect(page.get_by_text("Second factor reset (stella@vendor.example)")).to_be_visible()
    photograph(page, "staff-user-history")
