"""Everything can be reached and done by keyboard, and the focus is where a reader expects it."""

from playwright.sync_api import Page, expect

from tests.conftest import ACME, new_key

TABS = 60


def tab_to(page: Page, what: str) -> None:
    """Press Tab until the element that `what` selects has the focus, seen by its ring."""
    for _ in range(TABS):
        page.keyboard.press("Tab")
        if page.evaluate("what => document.activeElement.matches(what)", what):
            ring = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert ring == "solid", f"{what} shows no focus ring"
            return
    raise AssertionError(f"Tab never reaches {what}")


def test_a_key_is_generated_and_stored_without_a_mouse(acme, ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    tab_to(page, "main a[data-dialog]")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Description")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".errorlist")).to_be_visible()
    expect(page.get_by_label("Description")).to_be_focused()
    page.keyboard.type("Okta production")
    tab_to(page, "[name=expiration]")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("180 days")).to_be_checked()
    tab_to(page, "button[type=submit]")
    page.keyboard.press("Enter")
    expect(page.locator("[data-copy=secret]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Got it")).to_be_enabled()
    tab_to(page, "[data-got-it] button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Okta production")).to_be_visible()
    assert acme.api_keys.count() == 1


def test_escape_closes_a_dialog_and_gives_the_focus_back(acme, ana, open_browser):
    new_key(acme, description="Okta")
    page = open_browser(ana)
    page.goto(f"{ACME}/api-access")
    tab_to(page, ".row-actions .danger")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Keep key")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("link", name="Delete Okta")).to_be_focused()


def test_the_switch_turns_by_the_space_bar_and_keeps_the_focus(acme, ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/security")
    switch = page.get_by_role("switch", name="SCIM provisioning")
    tab_to(page, "[role=switch]")
    page.keyboard.press("Space")
    expect(page.get_by_role("dialog", name="Turn SCIM provisioning off?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(switch).to_be_checked()
    expect(switch).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, "#dialog button")
    page.keyboard.press("Enter")
    expect(page.get_by_text("SCIM provisioning is off. Nothing was lost.")).to_be_visible()
    expect(switch).not_to_be_checked()
    tab_to(page, "[role=switch]")
    page.keyboard.press("Space")
    expect(page.get_by_text("SCIM provisioning is on.")).to_be_visible()
    expect(switch).to_be_checked()
    expect(switch).to_be_focused()
    acme.refresh_from_db()
    assert acme.scim_enabled


def test_the_first_stop_is_a_way_past_the_navigation(ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/members")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()


def test_the_account_menu_opens_and_closes(ana, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/members")
    tab_to(page, ".account")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()


def test_on_a_narrow_screen_there_is_one_list_of_pages(ana, open_browser):
    page = open_browser(ana, viewport={"width": 390, "height": 844})
    page.goto(f"{ACME}/security")
    expect(page.get_by_role("link", name="API Access", exact=True)).to_have_count(1)
    page = open_browser(ana)
    page.goto(f"{ACME}/security")
    expect(page.get_by_role("navigation", name="Security and API Access")).to_be_visible()
