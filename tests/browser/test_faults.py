"""What a reader is told when a request of a dialog fails: in the dialog, what became of the key, and what to do."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from members.models import Member
from tests.browser.conftest import Open
from tests.conftest import ACME, SETUP, new_key, person

Answer = Callable[[Route], None]
LIST = f"{ACME}/api-access"


def status(code: int, **headers: str) -> Answer:
    return lambda route: route.fulfill(status=code, body="", headers=headers)


ANSWERS: dict[str, tuple[Answer, str]] = {
    "forbidden": (status(403), "Your role doesn’t permit this any more. No key was generated."),
    "gone": (status(404), "What this is about no longer exists: somebody has deleted it. No key was generated."),
    "too-large": (status(413), "The form is too large. No key was generated."),
    "too-many": (
        status(429),
        "too many requests in a short time. No key was generated. Wait a minute, then try again.",
    ),
    "too-many-for-now": (status(429, **{"Retry-After": "7"}), "No key was generated. Wait 7 seconds, then try again."),
    "our-fault": (status(500), "Something went wrong on our side. It isn’t known whether the key was generated."),
    "no-gateway": (status(502), "Send the form again: it never generates two."),
    "conflict": (status(409), "at the same moment. No key was generated."),
    "cut": (lambda route: route.abort(), "The server can’t be reached. It isn’t known whether the key was generated."),
}


def ask_for_a_key(page: Page) -> Locator:
    page.goto(LIST)
    page.get_by_role("link", name="Generate API key").click()
    dialog = page.get_by_role("dialog", name="Generate API key")
    dialog.get_by_label("Description").fill("Okta")
    return dialog


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_failed_is_said_in_the_dialog_and_goes_when_the_retry_works(acme, ana, open_browser: Open, answer: str):
    page = open_browser(ana)
    dialog = ask_for_a_key(page)
    fails, words = ANSWERS[answer]
    page.route("**/keys/new", fails)
    button = dialog.get_by_role("button", name="Generate key")
    button.click()
    alert = dialog.get_by_role("alert")
    expect(alert).to_contain_text(words)
    expect(page.locator(".toasts .toast")).to_have_count(0)
    expect(button).to_be_enabled()
    expect(button).to_be_focused()
    expect(dialog.get_by_label("Description")).to_have_value("Okta")

    page.unroute("**/keys/new")
    button.click()
    expect(page.get_by_role("dialog", name="Your new API key")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert acme.api_keys.count() == 1


def test_no_two_kinds_of_failure_have_the_same_words():
    said = [words for _, words in ANSWERS.values()]
    assert len(set(said)) == len(said)


def test_a_dialog_says_that_the_reader_is_offline(ana, open_browser: Open):
    page = open_browser(ana)
    dialog = ask_for_a_key(page)
    page.context.set_offline(True)
    dialog.get_by_role("button", name="Generate key").click()
    expect(dialog.get_by_role("alert")).to_contain_text("You are offline.")
    page.context.set_offline(False)
    dialog.get_by_role("button", name="Generate key").click()
    expect(page.get_by_role("dialog", name="Your new API key")).to_be_visible()


def test_a_dialog_says_that_no_answer_came_in_time(ana, open_browser: Open):
    page = open_browser(ana)
    dialog = ask_for_a_key(page)
    page.evaluate("() => { htmx.config.timeout = 50; }")
    page.route("**/keys/new", lambda route: None)
    dialog.get_by_role("button", name="Generate key").click()
    expect(dialog.get_by_role("alert")).to_contain_text("No answer came within 20 seconds.")


def test_the_words_of_our_own_pages_come_first(acme, ana, open_browser: Open):
    page = open_browser(ana)
    dialog = ask_for_a_key(page)
    person(acme, "ada@acme.example", "Ada Admin", "Admin")
    ana.change_role(acme.roles.get(name="Read Only"), by=SETUP)
    dialog.get_by_role("button", name="Generate key").click()
    expect(dialog.get_by_role("alert")).to_contain_text(
        "Your role, Read Only, may not act in API Access. No key was generated."
    )
    assert acme.api_keys.count() == 0


def test_an_alert_is_closed_and_the_focus_goes_back(ana, open_browser: Open):
    page = open_browser(ana)
    dialog = ask_for_a_key(page)
    page.route("**/keys/new", status(500))
    dialog.get_by_role("button", name="Generate key").click()
    dialog.get_by_role("button", name="Close this message").click()
    expect(dialog.get_by_role("alert")).to_have_count(0)
    expect(dialog.get_by_role("button", name="Generate key")).to_be_focused()


def test_a_dialog_that_cannot_be_opened_says_so_in_a_toast_that_can_be_closed(ana, open_browser: Open):
    page = open_browser(ana)
    page.goto(LIST)
    page.route("**/keys/new", status(502))
    link = page.get_by_role("link", name="Generate API key")
    link.click()
    toast = page.get_by_role("alert")
    expect(toast.get_by_role("paragraph")).to_have_text("Something went wrong on our side. Try again in a minute.")
    toast.get_by_role("button", name="Close this message").click()
    expect(toast).to_have_count(0)
    expect(link).to_be_focused()

    link.click()
    expect(toast).to_be_visible()
    page.unroute("**/keys/new")
    link.click()
    expect(page.get_by_role("dialog", name="Generate API key")).to_be_visible()
    expect(page.locator(".toast")).to_have_count(0)


# Each dialog's form: how it is reached, its button, and what it says of a 404 and of a 500.
def reach_rotation(page: Page, key_id: str, rita: Member) -> None:
    page.goto(LIST)
    page.get_by_role("link", name="Rotate Okta").click()


def reach_deletion(page: Page, key_id: str, rita: Member) -> None:
    page.goto(LIST)
    page.get_by_role("link", name="Delete Okta").click()


def reach_turning_off(page: Page, key_id: str, rita: Member) -> None:
    page.goto(f"{ACME}/security")
    page.get_by_role("switch", name="SCIM provisioning").click()


def reach_policy(page: Page, key_id: str, rita: Member) -> None:
    page.goto(f"{ACME}/security")
    page.get_by_role("link", name="Edit the policy").click()


def reach_new_member(page: Page, key_id: str, rita: Member) -> None:
    page.goto(f"{ACME}/members")
    page.get_by_role("link", name="Add member").click()


def reach_deactivation(page: Page, key_id: str, rita: Member) -> None:
    page.goto(f"{ACME}/members/{rita.pk}")
    page.get_by_role("link", name="Deactivate member").click()


def reach_reactivation(page: Page, key_id: str, rita: Member) -> None:
    rita.deactivate(by=SETUP)
    page.goto(f"{ACME}/members/{rita.pk}")
    page.get_by_role("link", name="Reactivate member").click()


DIALOGS = {
    "Make the new key": (reach_rotation, "Somebody has deleted the old key", "The old key works as before."),
    "Delete key": (reach_deletion, "The key is deleted already", "It isn’t known whether the key was deleted."),
    "Turn SCIM off": (reach_turning_off, "SCIM stays on.", "It isn’t known whether SCIM was turned off."),
    "Save policy": (reach_policy, "The policy is as before.", "It isn’t known whether the policy was saved."),
    "Add member": (reach_new_member, "Nobody was added.", "It isn’t known whether the member was added."),
    "Deactivate member": (reach_deactivation, "The member stays active.", "whether the member was deactivated."),
    "Reactivate member": (reach_reactivation, "The member stays deactivated.", "whether the member was reactivated."),
}


@pytest.mark.parametrize("button", DIALOGS)
def test_every_dialog_says_what_became_of_its_own_matter(acme, ana, open_browser: Open, button: str):
    key_id = new_key(acme).api_key.key_id
    rita = person(acme, "rita@acme.example", "Rita Reader", "Read Only")
    reach, gone, unknown = DIALOGS[button]
    page = open_browser(ana)
    reach(page, key_id, rita)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for code, words in ((404, gone), (500, unknown)):
        page.route("**/settings/**", status(code))
        dialog.get_by_role("button", name=button).click()
        expect(dialog.get_by_role("alert")).to_contain_text(words)
        page.unroute("**/settings/**")


def test_what_is_copied_is_said_in_the_dialog(ana, open_browser: Open):
    page = open_browser(ana)
    ask_for_a_key(page).get_by_role("button", name="Generate key").click()
    dialog = page.get_by_role("dialog", name="Your new API key")
    dialog.get_by_role("button", name="Copy the key").click()
    expect(dialog.get_by_role("status")).to_have_text("Copied")


def test_a_copy_that_fails_is_said_in_the_dialog_until_one_works(ana, open_browser: Open):
    page = open_browser(ana)
    ask_for_a_key(page).get_by_role("button", name="Generate key").click()
    dialog = page.get_by_role("dialog", name="Your new API key")
    page.evaluate(
        "() => { window.kept = Clipboard.prototype.writeText; Clipboard.prototype.writeText = () => Promise.reject();"
        " Document.prototype.execCommand = () => false; }"
    )
    dialog.get_by_role("button", name="Copy the key").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Select the text and copy it yourself.")
    expect(dialog.get_by_role("button", name="Got it")).to_be_disabled()
    page.evaluate("() => { Clipboard.prototype.writeText = window.kept; }")
    dialog.get_by_role("button", name="Copy the key").click()
    expect(dialog.get_by_role("alert")).to_have_count(0)
    expect(dialog.get_by_role("button", name="Got it")).to_be_enabled()
