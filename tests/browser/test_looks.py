"""Every page in light, in dark and at 390 pixels: without a fault that axe-core finds, nothing cut off.

`bin/screenshots` has them photographed, into `var/screenshots/`.
"""

import datetime as dt
import os
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from apikeys.models import ApiKey
from members.models import Member, Organization
from tests.browser.conftest import ROOT, Open
from tests.conftest import ACME, GLOBEX, SETUP, new_key, organization, person

SCREENSHOTS = ROOT / "var" / "screenshots"

MODES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}},
    # What a window of 1280 pixels has left at a zoom of 200 %.
    "zoomed": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
    "forced": {"forced_colors": "active", "color_scheme": "dark"},
}
# In these axe-core finds what it has found in the others: the page is the same, and forced colours are the reader's.
SEEN_BEFORE = ("zoomed", "forced")

# In the dark only the colours differ, and a narrow page has those of the light. To look at colours takes axe-core
# longer than all else.
COLOURS = ["color-contrast", "link-in-text-block"]
RULES: dict[str, dict[str, Any]] = {
    "dark": {"runOnly": {"type": "rule", "values": COLOURS}},
    "narrow": {"rules": {name: {"enabled": False} for name in COLOURS}},
}

Reach = Callable[[Page], None]


def at(path: str) -> Reach:
    def reach(page: Page) -> None:
        page.goto(path)

    return reach


def dialog(path: str, button: str, name: str) -> Reach:
    def reach(page: Page) -> None:
        page.goto(path)
        page.get_by_role("link", name=button).first.click()
        expect(page.get_by_role("dialog", name=name)).to_be_visible()

    return reach


def open_member(page: Page) -> None:
    page.goto(f"{ACME}/members")
    page.get_by_role("link", name="Wolfeschlegel").click()


def turn_off(page: Page) -> None:
    page.goto(f"{ACME}/security")
    page.get_by_role("switch", name="SCIM provisioning").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def refuse_a_key(page: Page) -> None:
    dialog(f"{ACME}/api-access", "Generate API key", "Generate API key")(page)
    page.get_by_label("A date of your own", exact=True).check()
    page.get_by_role("button", name="Generate key").click()
    expect(page.locator(".errorlist").first).to_be_visible()


def restrict_a_key(page: Page) -> None:
    dialog(f"{ACME}/api-access", "Generate API key", "Generate API key")(page)
    page.get_by_label("Torii API (read-write)").check()
    page.get_by_text("Restrict to areas").click()
    page.get_by_label("Security", exact=True).select_option("none")
    page.get_by_label("Audit log", exact=True).scroll_into_view_if_needed()


def generate_a_key(page: Page) -> None:
    dialog(f"{ACME}/api-access", "Generate API key", "Generate API key")(page)
    page.get_by_label("Description").fill("Okta production")
    page.get_by_role("button", name="Generate key").click()
    expect(page.get_by_role("dialog", name="Your new API key")).to_be_visible()


def open_the_key_of_somebody_who_left(page: Page) -> None:
    page.goto(f"{ACME}/api-access")
    page.get_by_role("link", name="Old script").first.click()


def open_the_menu(page: Page) -> None:
    page.goto(f"{ACME}/security")
    page.get_by_role("button", name="Ana Admin").click()


def ask_for_a_code(page: Page) -> None:
    page.goto("/accounts/login/code/")
    page.get_by_label("E-mail address").fill("nobody@acme.example")
    page.get_by_role("button").click()


INSIDE: dict[str, Reach] = {
    "security": at(f"{ACME}/security"),
    "security-off": turn_off,
    "api-access": at(f"{ACME}/api-access"),
    "key-new": dialog(f"{ACME}/api-access", "Generate API key", "Generate API key"),
    "key-new-page": at(f"{ACME}/api-access/keys/new"),
    "key-areas": restrict_a_key,
    "key-refused": refuse_a_key,
    "key-shown-once": generate_a_key,
    "key-deletion": dialog(f"{ACME}/api-access", "Delete Okta production", "Delete this key?"),
    "key-maker-left": open_the_key_of_somebody_who_left,
    "members": at(f"{ACME}/members"),
    "members-none": at(f"{ACME}/members?q=nobody"),
    "employees": at(f"{ACME}/members/employees"),
    "employees-none": at(f"{ACME}/members/employees?q=nobody"),
    "employee-found": at(f"{ACME}/members?q=person2%40acme.example"),
    "employee-role": dialog(f"{ACME}/members/employees", "Give a role", "Give Person Number 59 a role"),
    "member": open_member,
    "member-new": dialog(f"{ACME}/members", "Add member", "Add member"),
    "account-menu": open_the_menu,
    "not-found": at(f"{ACME}/nothing"),
    "not-a-member": at("/settings/222222222222/members"),
    "sign-out": at("/accounts/logout/"),
    "password-change": at("/accounts/password/change/"),
}


def write_a_wrong_code(page: Page) -> None:
    page.goto("/accounts/login/code/confirm/")
    page.get_by_label("Code").fill("XXXX-XXXX")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".errorlist")).to_be_visible()


OUTSIDE: dict[str, Reach] = {
    "sign-in": at("/accounts/login/"),
    "sign-in-code": at("/accounts/login/code/"),
    "sign-in-code-entry": ask_for_a_code,
    "sign-in-code-wrong": write_a_wrong_code,
    "password-reset": at("/accounts/password/reset/"),
    "password-reset-done": at("/accounts/password/reset/done/"),
    "password-link-dead": at("/accounts/password/reset/key/1-x/"),
    "no-sign-up": at("/accounts/signup/"),
}


@pytest.fixture
def lively_acme(acme: Organization, ana: Member) -> Member:
    """Give acme what its pages look like after a while; return Ana."""
    Organization.objects.filter(pk=acme.pk).update(time_zone="America/Argentina/Buenos_Aires")
    acme.refresh_from_db()
    by, today, now = ana.actor(), timezone.now().date(), timezone.now()
    acme.disable_scim(by=SETUP)
    acme.enable_scim(by=by)
    for number in range(60):
        person(
            acme, f"person{number}@acme.example", f"Person Number {number}", ("Read Only", "IT Admin", "")[number % 3]
        )
    long_name = "Wolfeschlegelsteinhausenbergerdorff Konstantinopolitanischer"
    person(acme, f"{'a.very.long.address' * 3}@example.com", long_name, "Procurement").deactivate(by=by)
    new_key(acme, by=by, description="Okta sandbox", expires_on=today + dt.timedelta(days=9))
    used = new_key(acme, by=by, description="Okta production", expires_on=today + dt.timedelta(days=365)).api_key
    new_key(acme, by=by, description="Monthly report", kind="api_read")
    new_key(acme, by=by, description="w" * 120, kind="api_write")
    former = person(acme, "former@acme.example", "Frederick Former", "Admin")
    new_key(acme, by=former.actor(), description="Old script", kind="api_write", access={"members": "act"})
    former.deactivate(by=by)
    for name in ("Globex", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"):
        person(organization(name, "acme.example"), ana.user_name, "Ana Admin", "Read Only")
    at_last = now - dt.timedelta(minutes=2)
    ApiKey.objects.filter(pk=used.pk).update(
        last_used_at=at_last, last_used_ip="2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
    )
    return ana


def photograph(page: Page, name: str) -> None:
    """Keep a picture of a page if the environment variable SCREENSHOTS asks for it: a big one takes a second."""
    if "SCREENSHOTS" in os.environ:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        # The whole page, but behind a dialog only what a reader would see of it.
        whole = not page.get_by_role("dialog").is_visible()
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole, animations="disabled")


def look(page: Page, name: str, mode: str) -> list[str]:
    """Return what is wrong with a page, and photograph it."""
    page.wait_for_load_state()
    photograph(page, f"{name}-{mode}")
    wrong = []
    if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
        wrong.append(f"{name}: scrolls sideways")
    if mode not in SEEN_BEFORE:
        results = Axe().run(page, options={"resultTypes": ["violations"]} | RULES.get(mode, {}))
        if results.violations_count:
            wrong.append(f"{name}: {results.generate_report()}")
    return wrong


@pytest.mark.parametrize("mode", MODES)
def test_the_settings_have_no_fault_that_a_program_finds(lively_acme: Member, open_browser: Open, mode: str):
    page = open_browser(lively_acme, **MODES[mode])
    wrong = []
    for name, reach in INSIDE.items():
        reach(page)
        wrong += look(page, name, mode)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("mode", MODES)
def test_the_door_has_no_fault_that_a_program_finds(lively_acme: Member, open_browser: Open, mode: str):
    page = open_browser(**MODES[mode])
    wrong = []
    for name, reach in OUTSIDE.items():
        reach(page)
        wrong += look(page, name, mode)
    assert not wrong, "\n".join(wrong)


def test_pages_of_those_who_may_less_have_no_fault_that_a_program_finds(lively_acme: Member, open_browser: Open):
    acme, globex, wrong = lively_acme.organization, Organization.objects.get(name="Globex"), []
    rita = person(acme, "rita@acme.example", "Rita Reader", "Read Only")
    emil = person(acme, "emil@acme.example", "Emil Employee")
    gone = person(acme, "gone@acme.example", "Gone Gustav", "Read Only")
    gina = person(globex, "gina@acme.example", "Gina Globex", "Admin")
    visits = [
        (rita, f"{ACME}/security", "security-locked"),
        (rita, f"{ACME}/api-access", "api-access-locked"),
        (rita, f"{ACME}/members/{lively_acme.pk}", "member-locked"),
        (emil, "/settings/", "employee"),
        (emil, f"{ACME}/members", "not-permitted"),
        (gone, "/settings/", "no-membership"),
        (gina, f"{GLOBEX}/api-access", "api-access-empty"),
        (gina, f"{ACME}/members", "not-a-member-and-elsewhere"),
    ]
    for member, path, name in visits:
        page = open_browser(member)
        if member == gone:
            gone.deactivate(by=SETUP)
        page.goto(path)
        wrong += look(page, name, "light")
    assert not wrong, "\n".join(wrong)
