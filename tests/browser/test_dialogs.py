"""What dialogs and the live search do when things go well, and when they don't."""

import re

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.conftest import ACME, SETUP, new_key, person


def test_a_key_is_deleted_in_a_dialog(acme, ana, open_browser):
    new_key(acme, description="Okta")
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Delete Okta").click()
    dialog = page.get_by_role("dialog", name="Delete this key?")
    dialog.get_by_role("button", name="Delete key").click()
    expect(page.get_by_text("The key “Okta” was deleted.")).to_be_visible()
    expect(page.get_by_text("No keys yet.")).to_be_visible()
    assert acme.api_keys.existing().count() == 0


def test_a_click_beside_a_dialog_and_its_cancel_link_close_it(ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/members")
    for close in (lambda: page.mouse.click(4, 4), lambda: page.get_by_role("link", name="Cancel").click()):
        page.get_by_role("link", name="Add member").click()
        expect(page.get_by_role("dialog", name="Add member")).to_be_visible()
        close()
        expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.url.endswith(f"{ACME}/members")


def test_what_is_wrong_is_said_in_the_dialog(acme, ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/members/{ana.pk}")
    page.get_by_role("link", name="Deactivate member").click()
    dialog = page.get_by_role("dialog", name="Deactivate Ana Admin?")
    dialog.get_by_role("button", name="Deactivate member").click()
    expect(dialog.get_by_role("alert")).to_contain_text("last active Admin")
    expect(dialog).to_be_visible()
    ana.refresh_from_db()
    assert ana.is_active


def test_a_date_of_ones_own_is_printed_as_the_instant_that_it_means(acme, ana, open_browser):
    acme.time_zone = "Europe/Berlin"
    acme.save()
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Generate API key").click()
    expect(page.get_by_label("Expiration date of your own")).to_be_hidden()
    page.get_by_label("A date of your own", exact=True).check()
    page.get_by_label("Expiration date of your own").fill("2031-09-05")
    expect(page.get_by_text("Valid until 5 Sep 2031, 00:00 (Europe/Berlin)")).to_be_visible()


@pytest.mark.parametrize(
    ("zone", "day", "said"),
    [
        ("Africa/Cairo", "2030-04-26", "Valid until 26 Apr 2030, 01:00 (Africa/Cairo)"),
        ("America/Havana", "2030-11-03", "Valid until 3 Nov 2030, 00:00 (America/Havana)"),
        ("Mars/Olympus_Mons", "2030-04-26", "Valid until 26 Apr 2030, 00:00 (Mars/Olympus_Mons)"),
    ],
)
def test_a_date_of_ones_own_begins_when_the_clock_says(acme, ana, open_browser, zone, day, said):
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Generate API key").click()
    page.get_by_label("A date of your own", exact=True).check()
    # The browser asks its own tz database, which may lack the zone.
    page.locator("[data-until]").evaluate("(hint, zone) => { hint.dataset.until = zone; }", zone)
    page.get_by_label("Expiration date of your own").fill(day)
    expect(page.get_by_text(said)).to_be_visible()


def test_the_list_follows_the_search_as_it_is_typed(acme, ana, open_browser):
    for number in range(60):
        person(acme, f"p{number}@acme.example", f"Person {number}", "Read Only")
    page = open_browser(ana)
    page.goto(f"{ACME}/members")
    search = page.get_by_label("Search by name")
    search.press_sequentially("person 59", delay=20)
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"\?q=person%2059"))
    expect(search).to_be_focused()
    expect(page.locator("#found")).to_have_text("1 member matches.")
    search.fill("")
    page.get_by_label("Role").select_option("Admin")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_label("Role").select_option("IT Admin")
    expect(page.get_by_text("No member matches.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("No member matches.")).to_be_visible()


def test_a_session_that_has_ended_leads_to_the_sign_in_page(acme, ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    page.context.clear_cookies()
    page.get_by_role("link", name="Generate API key").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_answer_that_never_comes_is_told_and_the_switch_goes_back(acme, ana, open_browser):
    acme.disable_scim(by=SETUP)
    page = open_browser(ana)
    page.goto(f"{ACME}/security")
    page.route("**/activation", lambda route: route.abort())
    page.get_by_role("switch", name="SCIM provisioning").click()
    expect(page.get_by_role("alert")).to_contain_text("It isn’t known whether SCIM was turned on.")
    expect(page.get_by_role("switch", name="SCIM provisioning")).not_to_be_checked()


def test_a_double_click_sends_a_form_once(acme, ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Generate API key").click()
    page.get_by_label("Description").fill("Okta")
    waiting: list[Route] = []
    page.route("**/keys/new", lambda route: waiting.append(route))
    button = page.get_by_role("button", name="Generate key")
    button.dblclick()
    expect(button).to_be_disabled()
    for route in waiting:
        route.continue_()
    expect(page.get_by_role("dialog", name="Your new API key")).to_be_visible()
    assert acme.api_keys.count() == 1


def test_the_focus_goes_to_the_field_that_is_wrong(ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Generate API key").click()
    expect(page.get_by_label("Description")).to_be_focused()
    page.get_by_label("Description").fill("Okta")
    page.get_by_label("A date of your own", exact=True).check()
    page.get_by_role("button", name="Generate key").click()
    expect(page.get_by_text("Choose a date, or one of the other expirations.")).to_be_visible()
    expect(page.get_by_label("Expiration date of your own")).to_be_focused()


def test_toasts_go_away(acme, ana, open_browser):
    acme.disable_scim(by=SETUP)
    page = open_browser(ana)
    page.clock.install()
    page.goto(f"{ACME}/security")
    page.get_by_role("switch", name="SCIM provisioning").click()
    toast = page.get_by_text("SCIM provisioning is on.")
    expect(toast).to_be_visible()
    page.clock.run_for(5500)
    expect(toast).to_be_hidden()


def test_the_switch_does_not_move_before_the_dialog_is_answered(acme, ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/security")
    page.evaluate(
        "() => { window.moves = 0; document.addEventListener('change', () => { window.moves += 1; }, true); }"
    )
    switch = page.get_by_role("switch", name="SCIM provisioning")
    switch.click()
    dialog = page.get_by_role("dialog", name="Turn SCIM provisioning off?")
    expect(dialog).to_be_visible()
    expect(page.locator("#scim-switch")).to_be_checked()
    dialog.get_by_role("link", name="Keep it on").click()
    expect(switch).to_be_checked()
    assert page.evaluate("() => window.moves") == 0


def test_the_switch_does_not_move_before_scim_is_on(acme, ana, open_browser):
    acme.disable_scim(by=SETUP)
    page = open_browser(ana)
    page.goto(f"{ACME}/security")
    held: list[Route] = []
    page.route("**/activation", lambda route: held.append(route))
    switch = page.get_by_role("switch", name="SCIM provisioning")
    switch.click()
    expect(switch).to_have_attribute("aria-busy", "true")
    expect(switch).not_to_be_checked()
    for route in held:
        route.continue_()
    expect(switch).to_be_checked()
    expect(switch).not_to_have_attribute("aria-busy", "true")


def test_a_dialog_never_gives_the_page_its_title(ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    expect(page).to_have_title("API Access · Torii")
    page.get_by_role("link", name="Generate API key").click()
    dialog = page.get_by_role("dialog", name="Generate API key")
    expect(dialog).to_be_visible()
    dialog.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_title("API Access · Torii")
    expect(page.get_by_role("heading", name="Generate API key", include_hidden=True)).to_have_count(0)


def test_links_on_a_panel_s_own_page_lead_to_pages(acme, ana, open_browser):
    """Else there would be two panels of one name, and the dialog would be called what the page is called."""
    old = new_key(acme, description="Okta").api_key
    old.rotate(description="Okta", expires_on=None, by=SETUP)
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access/keys/{old.key_id}/rotation")
    page.get_by_role("link", name="Show the new key").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_waiting_shows_on_the_button_after_300_ms(acme, ana, open_browser):
    page = open_browser(ana)
    page.clock.install()
    page.goto(f"{ACME}/api-access")
    held: list[Route] = []
    page.route("**/keys/new", lambda route: held.append(route))

    def stop_the_clock() -> None:
        # It can't be stopped in the past, and goes on until it is stopped.
        page.clock.pause_at(page.evaluate("() => Date.now()") / 1000 + 60)

    def let_go() -> None:
        held.pop().continue_()
        page.clock.resume()

    def assert_waits_after_300_ms(control: Locator) -> None:
        stop_the_clock()
        with page.expect_request("**/keys/new"):
            control.click()
        page.clock.run_for(250)
        expect(control).not_to_have_attribute("aria-busy", "true")
        page.clock.run_for(100)
        expect(control).to_have_attribute("aria-busy", "true")

    link = page.get_by_role("link", name="Generate API key")
    assert_waits_after_300_ms(link)
    let_go()
    dialog = page.get_by_role("dialog", name="Generate API key")
    expect(dialog).to_be_visible()
    expect(link).not_to_have_attribute("aria-busy", "true")

    dialog.get_by_label("Description").fill("Okta")
    assert_waits_after_300_ms(dialog.get_by_role("button", name="Generate key"))
    expect(dialog.get_by_role("status")).to_have_text("Waiting for the server")
    let_go()
    expect(page.get_by_role("dialog", name="Your new API key")).to_be_visible()


def test_waiting_shows_on_the_button_of_a_page_too(ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access/keys/new")
    page.get_by_label("Description").fill("Okta")
    # As long as the answer is to come, the browser stays where it is.
    page.evaluate("() => addEventListener('submit', (event) => event.preventDefault())")
    button = page.get_by_role("button", name="Generate key")
    button.click()
    expect(button).to_have_attribute("aria-busy", "true")


ZOOMED = [{"width": 640, "height": 400}, {"width": 320, "height": 256}]


@pytest.mark.parametrize("viewport", ZOOMED, ids=["200 %", "400 %"])
def test_a_dialog_begins_at_its_top_however_little_room_there_is(acme, ana, open_browser, viewport):
    new_key(acme, description="Okta")
    page = open_browser(ana, viewport=viewport)
    for path, link in (
        (f"{ACME}/api-access", "Generate API key"),
        (f"{ACME}/api-access", "Rotate Okta"),
        (f"{ACME}/api-access", "Delete Okta"),
        (f"{ACME}/security", "Edit the policy"),
        (f"{ACME}/members", "Add member"),
    ):
        page.goto(path)
        page.get_by_role("link", name=link).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("heading", level=1)).to_be_in_viewport(ratio=1)
        assert dialog.evaluate("dialog => dialog.scrollTop") == 0, link
        # The focus is in the dialog and in sight: on the first field, or on the title.
        expect(dialog.locator(":focus")).to_be_in_viewport()
    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Generate API key").click()
    page.get_by_label("Description").fill("Okta")
    page.get_by_role("button", name="Generate key").click()
    expect(page.get_by_role("heading", name="Your new API key")).to_be_in_viewport(ratio=1)


def test_a_dialog_opens_although_its_own_files_are_missing(ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    page.route("**/static/new_key*", lambda route: route.abort())
    page.get_by_role("link", name="Generate API key").click()
    expect(page.get_by_role("dialog", name="Generate API key")).to_be_visible()


def test_a_page_of_another_kind_never_empties_the_dialog(ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Generate API key").click()
    dialog = page.get_by_role("dialog", name="Generate API key")
    dialog.get_by_label("Description").fill("Okta")
    page.route("**/keys/new", lambda route: route.fulfill(status=200, body="<h1>Maintenance</h1>"))
    dialog.get_by_role("button", name="Generate key").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    expect(dialog.get_by_label("Description")).to_have_value("Okta")
