"""The walk that the product is for: sign in, turn SCIM on, generate a key, copy it, never see it again."""

import json
import re

from django.core import mail
from playwright.sync_api import Page, expect

from apikeys.models import ApiKey
from audit.models import Action, Event
from tests.conftest import SETUP

KEY = re.compile(r"torii_scim_[0-9a-z]{8}_[0-9A-Za-z]{49}")


def sign_in_with_a_code(page: Page, email: str) -> None:
    page.goto("/settings/security")
    page.get_by_role("link", name="E-mail me a code").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="E-mail me a code").click()
    field = page.get_by_label("Code")
    code = re.search(r"^    (\S+)$", str(mail.outbox[-1].body), re.MULTILINE)
    assert code
    field.fill(code[1])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Security")).to_be_visible()


def everything_kept_by(page: Page) -> str:
    """Return the document, the storages and the history's state as one text."""
    kept = page.evaluate(
        "() => [document.documentElement.outerHTML, {...localStorage}, {...sessionStorage}, history.state]"
    )
    return json.dumps(kept) + page.url + json.dumps(page.context.cookies())


def test_from_the_sign_in_page_to_a_key_that_is_shown_once(acme, ana, open_browser):
    acme.disable_scim(by=SETUP)
    page = open_browser()
    sign_in_with_a_code(page, "ana@acme.example")

    switch = page.get_by_role("switch", name="SCIM provisioning")
    expect(switch).not_to_be_checked()
    switch.click()
    expect(page.get_by_role("status").filter(has_text="SCIM provisioning is on.")).to_be_visible()
    expect(switch).to_be_checked()
    expect(page.locator("#scim-state")).to_contain_text("by Ana Admin")
    acme.refresh_from_db()
    assert acme.scim_enabled
    assert Event.objects.filter(action=Action.SCIM_ENABLED, actor_label="Ana Admin").count() == 1

    page.get_by_label("Settings").get_by_role("link", name="API Access").click()
    page.get_by_role("link", name="Generate API key").click()
    dialog = page.get_by_role("dialog", name="Generate API key")
    dialog.get_by_label("Description").fill("Okta production")
    dialog.get_by_role("button", name="Generate key").click()

    dialog = page.get_by_role("dialog", name="Your new API key")
    shown = dialog.locator("#secret").inner_text()
    assert KEY.fullmatch(shown)
    got_it = dialog.get_by_role("button", name="Got it")
    expect(got_it).to_be_disabled()
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == shown
    expect(got_it).to_be_enabled()
    got_it.click()
    expect(page.get_by_role("row", name="Okta production")).to_be_visible()
    expect(dialog).to_be_hidden()
    assert ApiKey.objects.get().description == "Okta production"

    # The identity provider's calls with the key that was copied belong here.

    secret = shown.rpartition("_")[2]
    assert secret not in everything_kept_by(page)
    page.go_back()
    assert secret not in everything_kept_by(page)
    page.go_forward()
    page.reload()
    assert secret not in everything_kept_by(page)
    second_tab = page.context.new_page()
    second_tab.goto("/settings/api-access")
    expect(second_tab.get_by_role("row", name="Okta production")).to_be_visible()
    assert secret not in everything_kept_by(second_tab)
    assert ApiKey.objects.count() == 1


def test_the_secret_cannot_be_dismissed_before_it_is_stored(ana, open_browser):
    page = open_browser(ana)
    page.goto("/settings/api-access")
    page.get_by_role("link", name="Generate API key").click()
    page.get_by_label("Description").fill("Okta")
    page.get_by_role("button", name="Generate key").click()
    dialog = page.get_by_role("dialog", name="Your new API key")
    expect(dialog).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Escape")
    page.mouse.click(4, 4)
    page.evaluate("() => document.getElementById('dialog').requestClose?.()")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Got it")).to_be_disabled()
    dialog.get_by_label("I have stored it").check()
    dialog.get_by_role("button", name="Got it").click()
    expect(page.get_by_role("row", name="Okta")).to_be_visible()
    expect(dialog).to_be_hidden()


def test_leaving_the_page_takes_the_secret_out_of_it(ana, open_browser):
    page = open_browser(ana)
    page.goto("/settings/api-access/keys/new")
    page.get_by_label("Description").fill("Okta")
    page.get_by_role("button", name="Generate key").click()
    secret = page.locator("#secret").inner_text()
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert secret not in page.content()
    assert "It can’t be shown again." in page.content()
