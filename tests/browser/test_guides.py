"""The set-up guides in light, in dark, at 390 pixels and zoomed; what a reader does with them; and on paper."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.test_looks import MODES, look, photograph
from tests.conftest import ACME

GUIDES = ("okta", "entra")
NARROW = MODES["narrow"]


def read(page: Page, guide: str) -> None:
    page.goto(f"{ACME}/security/guides/{guide}")


@pytest.mark.parametrize("mode", MODES)
def test_the_guides_have_no_fault_that_a_program_finds(ana, open_browser: Open, mode: str):
    page = open_browser(ana, **MODES[mode])
    wrong = []
    for guide in GUIDES:
        read(page, guide)
        wrong += look(page, f"guide-{guide}", mode)
    assert not wrong, "\n".join(wrong)


def test_from_security_to_a_section_of_the_other_guide(acme, ana, open_browser: Open):
    page = open_browser(ana)
    page.goto(f"{ACME}/security")
    page.get_by_role("link", name="Okta").click()
    expect(page.get_by_role("heading", name="Set up Okta")).to_be_visible()
    page.get_by_role("link", name="its guide").click()
    expect(page.get_by_role("heading", name="Set up Microsoft Entra ID")).to_be_visible()
    page.get_by_role("link", name="Troubleshooting").click()
    expect(page.get_by_role("heading", name="Troubleshooting")).to_be_in_viewport()
    expect(page.get_by_role("navigation", name="On this page")).to_be_in_viewport()


@pytest.mark.parametrize("guide", GUIDES)
def test_values_and_expressions_are_copied_whole(acme, ana, open_browser: Open, settings, guide: str):
    page = open_browser(ana)
    read(page, guide)
    copied = []
    for button in page.locator("[data-copy]").all():
        width = button.evaluate("button => button.offsetWidth")
        button.click()
        expect(button).to_contain_text("Copied")
        assert button.evaluate("button => button.offsetWidth") == width
        copied.append(page.evaluate("() => navigator.clipboard.readText()"))
        assert copied[-1] == page.locator(f"#{button.get_attribute('data-copy')}").text_content()
    assert copied.count(f"{settings.BASE_URL}/scim/v2") >= 2
    assert copied.count(acme.public_id) >= 2
    if guide == "okta":
        assert {"userName", f"{settings.BASE_URL}/accounts/login/", "Torii"} <= set(copied)
    else:
        [expression] = [text for text in copied if text.startswith("Switch(SingleAppRoleAssignment")]
        assert expression.startswith("Switch(SingleAppRoleAssignment([appRoleAssignments])")
        assert expression.endswith('"Procurement")')
        assert "\n" not in expression


def test_a_row_is_a_card_on_a_narrow_screen_and_says_what_is_what(ana, open_browser: Open):
    page = open_browser(ana, **NARROW)
    read(page, "okta")
    row = page.get_by_role("table", name="Troubleshooting").get_by_role("row").nth(1)
    status, detail, remedy = (cell.bounding_box() for cell in row.get_by_role("cell").all())
    assert status
    assert detail
    assert remedy
    assert status["y"] < detail["y"] < remedy["y"]
    label = row.get_by_role("cell").nth(2).evaluate("cell => getComputedStyle(cell, '::before').content")
    assert label == '"What to do"'


def test_nothing_comes_from_another_host(ana, open_browser: Open, live_server):
    page = open_browser(ana)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for guide in GUIDES:
        read(page, guide)
    assert asked
    assert [url for url in asked if not url.startswith(live_server.url)] == []


def test_on_paper_there_is_the_guide_and_nothing_around_it(ana, open_browser: Open):
    page = open_browser(ana, viewport={"width": 794, "height": 1123})
    read(page, "okta")
    page.emulate_media(media="print")
    photograph(page, "guide-okta-print")
    for gone in (page.get_by_role("banner"), page.get_by_role("navigation"), page.get_by_role("button")):
        expect(gone).to_have_count(0)
    expect(page.get_by_role("heading", name="Troubleshooting")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
