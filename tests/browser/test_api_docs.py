"""`/docs/api` in Chromium: in light, in dark, at 390 pixels and zoomed; and what a reader does on it."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.test_looks import MODES, look


@pytest.mark.parametrize("mode", MODES)
def test_the_page_has_no_fault_that_a_program_finds(open_browser: Open, mode: str):
    page = open_browser(**MODES[mode])
    page.goto("/docs/api")
    wrong = look(page, "api-docs", mode)
    for summary in page.locator("summary").all()[:8]:
        summary.click()
    wrong += look(page, "api-docs-open", mode)
    assert not wrong, "\n".join(wrong)


def test_a_reader_goes_to_an_operation_copies_the_call_and_looks_a_problem_up(open_browser: Open):
    page = open_browser()
    page.goto("/docs/api")
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Assign a role").click()
    card = page.get_by_role("article", name="Assign a role")
    expect(card).to_be_in_viewport()

    card.get_by_role("button", name="Copy").click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    call = page.evaluate("() => navigator.clipboard.readText()")
    assert call.splitlines()[0].endswith('/v1.0/members/$MEMBER_ID/role" -X PUT \\')
    assert call.splitlines()[-1].strip() == '-d \'{"role":"IT Admin"}\''

    card.get_by_text("Problems", exact=True).click()
    card.get_by_role("link", name="last_admin").click()
    expect(page.get_by_role("row", name="last_admin")).to_be_in_viewport()


def test_on_a_narrow_screen_the_contents_are_the_sections_and_a_command_keeps_its_lines(open_browser: Open):
    page = open_browser(**MODES["narrow"])
    page.goto("/docs/api")
    contents = page.get_by_role("navigation", name="On this page")
    expect(contents.get_by_role("link", name="Members")).to_be_visible()
    expect(contents.get_by_role("link", name="Assign a role")).to_be_hidden()
    box = contents.bounding_box()
    assert box
    assert box["height"] < 300
    call = page.get_by_role("article", name="Assign a role").locator("pre").first
    lines = (call.text_content() or "").count("\n") + 1
    height = call.evaluate("pre => pre.getClientRects()[0].height / parseFloat(getComputedStyle(pre).lineHeight)")
    assert round(height) <= lines + 1
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
