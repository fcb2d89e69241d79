"""Where colours are the reader's own, on paper, and where a button can't be pressed: everything can still be read."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Open
from tests.conftest import ACME, SETUP, new_key

Colour = tuple[float, float, float]

READABLE = 4.5


def style(element: Locator, name: str, pseudo: str | None = None) -> str:
    computed: str = element.evaluate(
        "(element, [name, pseudo]) => getComputedStyle(element, pseudo)[name]", [name, pseudo]
    )
    return computed


def colour(text: str) -> Colour:
    red, green, blue, *alpha = (float(number) for number in re.findall(r"[\d.]+", text))
    assert not alpha or alpha[0] >= 0.8, f"{text} lets through what lies behind it"
    return red, green, blue


def luminance(of: Colour) -> float:
    """Return the relative luminance (WCAG 2.2)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (value / 255 for value in of)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(colour(one)), luminance(colour(other))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def differs(one: str, other: str) -> bool:
    return contrast(one, other) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_show_the_switch_the_tab_and_the_edge_of_a_dialog(acme, ana, open_browser: Open, scheme: str):
    page = open_browser(ana, forced_colors="active", color_scheme=scheme)
    page.goto(f"{ACME}/security")
    switch, canvas = (
        page.get_by_role("switch", name="SCIM provisioning"),
        style(page.locator("body"), "backgroundColor"),
    )

    def drawn() -> tuple[str, str, str]:
        return (
            style(switch, "backgroundColor"),
            style(switch, "backgroundColor", "::before"),
            style(switch, "borderTopColor"),
        )

    on = drawn()
    assert differs(on[0], on[1]), "the knob of the switch that is on can't be seen"
    current, other = page.locator(".tab[aria-current]"), page.locator(".tab:not([aria-current])")
    assert differs(style(current, "borderBottomColor"), canvas)
    assert style(other, "borderBottomColor") == canvas

    switch.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert style(dialog, "borderTopStyle") == "solid"
    assert differs(style(dialog, "borderTopColor"), style(dialog, "backgroundColor"))

    acme.disable_scim(by=SETUP)
    page.reload()
    off = drawn()
    assert differs(off[0], off[1]), "the knob of the switch that is off can't be seen"
    assert differs(off[2], canvas), "the edge of the switch that is off can't be seen"
    assert off[0] != on[0]


def ask_for_a_key(page: Page) -> None:
    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Generate API key").click()
    page.get_by_label("Description").fill("Okta")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_button_that_cannot_be_pressed_is_readable(acme, ana, open_browser: Open, scheme: str):
    """The mouse that has just pressed it is still over it."""
    page = open_browser(ana, color_scheme=scheme)
    held: list[Route] = []

    def check(button: Locator) -> None:
        expect(button).to_be_disabled()
        button.hover(force=True)
        ratio = contrast(style(button, "color"), style(button, "backgroundColor"))
        assert ratio >= READABLE, f"{button} has a contrast of {ratio:.1f}"

    ask_for_a_key(page)
    page.route("**/keys/new", lambda route: held.append(route))
    primary = page.get_by_role("button", name="Generate key")
    primary.click()
    check(primary)
    held.pop().continue_()
    check(page.get_by_role("button", name="Got it"))
    page.get_by_label("I have stored it").check()
    page.get_by_role("button", name="Got it").click()
    expect(page.get_by_role("dialog")).to_be_hidden()

    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Delete Okta").click()
    page.route("**/deletion", lambda route: held.append(route))
    danger = page.get_by_role("button", name="Delete key")
    danger.click()
    check(danger)
    held.pop().continue_()
    expect(page.get_by_text("No keys yet.")).to_be_visible()


@pytest.mark.parametrize(
    "path", [f"{ACME}/security", f"{ACME}/api-access", f"{ACME}/members", f"{ACME}/security/guides/okta"]
)
def test_paper_is_light_whatever_the_screen_is(acme, ana, open_browser: Open, path: str):
    new_key(acme, description="Okta")
    page = open_browser(ana, color_scheme="dark")
    page.goto(path)
    page.emulate_media(media="print", color_scheme="dark")
    assert luminance(colour(style(page.locator("body"), "color"))) < 0.1
    assert style(page.locator("html"), "colorScheme") == "light"
    for card in page.locator(".card, .table-card, .pill").all()[:6]:
        assert luminance(colour(style(card, "backgroundColor"))) > 0.6
