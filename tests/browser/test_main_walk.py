"""The walk that the product is for: turn SCIM on, generate a key, see it once, let people be provisioned with it."""

import json
import re

from django.core import mail
from playwright.sync_api import APIResponse, Page, expect

from apikeys.models import ApiKey
from audit.models import Action, Event
from outbox.tasks import deliver_mails
from tests.conftest import ACME, SETUP

KEY = re.compile(r"torii_scim_[0-9a-z]{8}_[0-9A-Za-z]{49}")


def sign_in_with_a_code(page: Page, email: str) -> None:
    page.goto(f"{ACME}/security")
    page.get_by_role("link", name="E-mail me a code").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="E-mail me a code").click()
    field = page.get_by_label("Code")
    expect(field).to_be_visible()
    deliver_mails()
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


def provision(page: Page, key: str) -> APIResponse:
    """Create a member as the identity provider does, with the key that was pasted into it."""
    user = {"userName": "bob@acme.example", "userType": "IT Admin", "displayName": "Bob Builder"}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/scim+json"}
    return page.request.post("/scim/v2/Users", data=user, headers=headers)


def test_from_the_sign_in_page_to_a_provisioned_member(acme, ana, open_browser):
    acme.disable_scim(by=SETUP)
    page = open_browser()
    sign_in_with_a_code(page, "ana@acme.example")

    switch = page.get_by_role("switch", name="SCIM provisioning")
    expect(switch).not_to_be_checked()
    switch.click()
    expect(page.get_by_role("status").filter(has_text="SCIM provisioning is on.")).to_be_visible()
    expect(switch).to_be_checked()
    expect(page.get_by_role("main")).to_have_count(1)
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
    dialog.get_by_role("button", name="Copy the key").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == shown
    expect(got_it).to_be_enabled()
    got_it.click()
    expect(page.get_by_role("row", name="Okta production")).to_be_visible()
    expect(dialog).to_be_hidden()
    assert ApiKey.objects.get().description == "Okta production"

    secret = shown.rpartition("_")[2]
    assert secret not in everything_kept_by(page)
    page.go_back()
    assert secret not in everything_kept_by(page)
    page.go_forward()
    page.reload()
    assert secret not in everything_kept_by(page)
    second_tab = page.context.new_page()
    second_tab.goto(f"{ACME}/api-access")
    expect(second_tab.get_by_role("row", name="Okta production")).to_be_visible()
    assert secret not in everything_kept_by(second_tab)
    assert ApiKey.objects.count() == 1

    assert provision(page, shown).status == 201
    page.get_by_label("Settings").get_by_role("link", name="Members").click()
    expect(page.get_by_role("row", name="Bob Builder")).to_contain_text("SCIM")

    page.get_by_label("Settings").get_by_role("link", name="API Access").click()
    page.get_by_role("link", name="Delete Okta production").click()
    dialog = page.get_by_role("dialog", name="Delete this key?")
    dialog.get_by_label("Type its description").fill("Okta production")
    dialog.get_by_role("button", name="Delete key").click()
    expect(page.get_by_text("No keys yet.")).to_be_visible()
    refused = provision(page, shown)
    assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer realm="scim"')


def test_the_secret_cannot_be_dismissed_before_it_is_stored(ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Generate API key").click()
    page.get_by_label("Description").fill("Okta")
    page.get_by_role("button", name="Generate key").click()
    dialog = page.get_by_role("dialog", name="Your new API key")
    expect(dialog).to_be_visible()
    page.evaluate("() => { window.closings = 0; dialog().addEventListener('close', () => { window.closings += 1; }); }")
    for _ in range(3):
        page.keyboard.press("Escape")
    page.mouse.click(4, 4)
    # What a phone's back gesture does is the one thing that closes it, for a moment.
    page.evaluate("() => dialog().requestClose()")
    page.wait_for_function("() => window.closings > 0")
    assert page.evaluate("() => window.closings") == 1
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Got it")).to_be_disabled()
    dialog.get_by_label("I have stored it").check()
    dialog.get_by_role("button", name="Got it").click()
    expect(page.get_by_role("row", name="Okta")).to_be_visible()
    expect(dialog).to_be_hidden()


def test_leaving_the_page_takes_the_secret_out_of_it(ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access/keys/new")
    page.get_by_label("Description").fill("Okta")
    page.get_by_role("button", name="Generate key").click()
    secret = page.locator("#secret").inner_text()
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert secret not in page.content()
    assert "It can’t be shown again." in page.content()
