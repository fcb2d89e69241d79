"""The list of keys, and the key that was just shown, as a reader sees them."""

import datetime as dt

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apikeys.models import KnownOrigin
from audit.actor import Actor, Origin
from members.models import Member, Organization
from tests.browser.conftest import Open
from tests.browser.test_faults import status
from tests.browser.test_looks import MODES, look
from tests.conftest import ACME, SETUP, new_key
from tests.rotations import rotated

LIST = f"{ACME}/api-access"
DAY = dt.timedelta(days=1)
WIDTHS = [1024, 1280, 1600]


@pytest.fixture
def many(acme: Organization, ana: Member, today: dt.date) -> Member:
    """Give acme keys of every kind in every state, with all that can stand in a row; return Ana."""
    people = [ana.actor(), Actor.system("create_api_key"), Actor.system("Somebody Whose Name Is Long Indeed")]
    for number in range(12):
        kind = ("scim", "api_read", "api_write")[number % 3]
        expires_on = today + [9, 90, 400][number % 3] * DAY if number % 4 else None
        api_key = new_key(acme, kind, description=f"System {number}", expires_on=expires_on, by=people[number % 3])
        if number == 1:
            meet = KnownOrigin.objects.all().meet
            meet(api_key.api_key, Origin("203.0.113.7", "Okta SCIM Client 1.0.0"), timezone.now() - DAY)
            meet(api_key.api_key, Origin("198.51.100.9", "curl/8.9"), timezone.now(), refused=True)
    new_key(acme, description="w" * 120)
    new_key(acme, description="Warehouse and logistics reporting of the whole group, read by nobody in particular")
    rotated(acme, "both", description="Okta production")
    return ana


@pytest.mark.parametrize("width", WIDTHS)
def test_rows_are_of_one_height_and_ids_are_whole(acme, many, open_browser: Open, width: int):
    page = open_browser(many, viewport={"width": width, "height": 800})
    page.goto(LIST)
    rows = page.locator("tbody tr:not(.handover-row)")
    heights = {round(box["height"]) for row in rows.all() if (box := row.bounding_box())}
    assert len(heights) == 1, heights
    for words in page.locator(".keys code, .keys .created .sub, .keys time").all():
        if words.is_visible():
            lines = words.evaluate("element => element.getClientRects().length")
            assert lines == 1, words.inner_text()


def test_on_a_narrow_screen_the_whole_name_of_who_made_a_key_is_told(acme, many, open_browser: Open):
    page = open_browser(many, viewport={"width": 390, "height": 844})
    page.goto(LIST)
    makers = page.locator(".keys .created .sub")
    expect(makers.get_by_text("by the command line").first).to_be_visible()
    for maker in makers.all():
        assert maker.evaluate("element => element.scrollWidth <= element.clientWidth"), maker.inner_text()


@pytest.mark.parametrize("width", [760, 1024, 1280])
def test_what_can_be_done_with_a_key_is_in_sight_at_every_width(acme, many, open_browser: Open, width: int):
    page = open_browser(many, viewport={"width": width, "height": 800})
    page.goto(LIST)
    delete = page.get_by_role("link", name="Delete System 11")
    delete.scroll_into_view_if_needed()
    expect(delete).to_be_in_viewport(ratio=1)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("mode", MODES)
def test_the_list_and_the_new_key_have_no_fault_that_a_program_finds(acme, many, open_browser: Open, mode: str):
    page = open_browser(many, **MODES[mode])
    page.goto(LIST)
    wrong = look(page, "keys-many", mode)
    acme.disable_scim(by=SETUP)
    page.reload()
    wrong += look(page, "keys-waiting", mode)
    page.get_by_role("link", name="Generate API key").click()
    page.get_by_label("Description").fill("Okta")
    wrong += look(page, "key-new-waiting", mode)
    page.get_by_role("button", name="Generate key").click()
    dialog = page.get_by_role("dialog", name="Your new API key")
    expect(dialog).to_be_visible()
    wrong += look(page, "key-shown-once-waiting", mode)
    dialog.get_by_role("button", name="Turn SCIM on").click()
    expect(dialog.get_by_text("SCIM is on, so the key works from now on.")).to_be_visible()
    wrong += look(page, "key-shown-once-turned-on", mode)
    dialog.get_by_label("I have stored it").check()
    dialog.get_by_role("button", name="Got it").click()
    expect(page.locator(".fresh")).to_be_visible()
    wrong += look(page, "keys-fresh", mode)
    page.get_by_role("link", name="Rotate Okta").first.click()
    page.route("**/rotation", lambda route: route.fulfill(status=429, body=""))
    page.get_by_role("button", name="Make the new key").click()
    expect(page.get_by_role("alert")).to_be_visible()
    wrong += look(page, "key-rotation-failed", mode)
    for api_key in acme.api_keys.scim().existing():
        api_key.delete_key(by=SETUP)
    page.goto(f"{ACME}/security")
    wrong += look(page, "security-next-step", mode)
    assert not wrong, "\n".join(wrong)


def generate(page: Page) -> str:
    page.goto(LIST)
    page.get_by_role("link", name="Generate API key").click()
    page.get_by_label("Description").fill("Okta")
    page.get_by_role("button", name="Generate key").click()
    expect(page.get_by_role("dialog", name="Your new API key")).to_be_visible()
    return page.locator("#secret").inner_text()


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, {"width": 390, "height": 844}])
def test_the_key_is_shown_in_full(ana, open_browser: Open, viewport):
    page = open_browser(ana, viewport=viewport)
    generate(page)
    for name in ("secret", "shown-base-url", "shown-organization-id", "shown-curl"):
        value = page.locator(f"#{name}")
        assert value.evaluate("element => element.scrollWidth <= element.clientWidth || !element.clientWidth"), name
        box, dialog = value.bounding_box(), page.get_by_role("dialog").bounding_box()
        assert box
        assert dialog
        assert dialog["x"] < box["x"]
        assert box["x"] + box["width"] < dialog["x"] + dialog["width"]
    lines = page.locator("#secret").evaluate("element => element.getClientRects().length")
    assert lines == (1 if viewport["width"] == 1280 else lines)


def test_base_url_key_organization_id_and_call_are_copied_whole(acme, ana, open_browser: Open, settings):
    page = open_browser(ana)
    key = generate(page)
    dialog = page.get_by_role("dialog", name="Your new API key")

    def copied(what: str) -> str:
        dialog.get_by_role("button", name=f"Copy {what}").click()
        expect(dialog.get_by_role("button", name=f"Copied {what}")).to_be_visible()
        text: str = page.evaluate("() => navigator.clipboard.readText()")
        return text

    base_url = f"{settings.BASE_URL}/scim/v2"
    assert copied("the base URL") == base_url
    assert copied("the Organization ID") == acme.public_id
    assert copied("the command") == f'curl -H "Authorization: Bearer {key}" "{base_url}/Users?count=1"'
    # Only what is copied of the key itself says that it is stored.
    expect(dialog.get_by_role("button", name="Got it")).to_be_disabled()
    assert copied("the key") == key
    expect(dialog.get_by_role("button", name="Got it")).to_be_enabled()


@pytest.mark.parametrize("script", [True, False])
def test_after_got_it_the_row_is_marked_has_the_focus_and_waits(acme, ana, open_browser: Open, script: bool):
    page = open_browser(ana, java_script_enabled=script)
    new_key(acme, description="Another")
    page.goto(f"{LIST}/keys/new")
    page.get_by_label("Description").fill("Okta")
    page.get_by_role("button", name="Generate key").click()
    page.get_by_label("I have stored it").check()
    page.get_by_role("button", name="Got it").click()
    row = page.get_by_role("row", name="Okta")
    expect(row).to_have_class("fresh")
    expect(row).to_be_focused()
    expect(row).to_contain_text("Waiting for the first request")


def test_scim_is_turned_on_beside_the_key_which_stays_where_it_is(acme, ana, open_browser: Open):
    acme.disable_scim(by=SETUP)
    page = open_browser(ana)
    key = generate(page)
    dialog = page.get_by_role("dialog", name="Your new API key")
    dialog.get_by_role("button", name="Turn SCIM on").click()
    said = dialog.get_by_text("SCIM is on, so the key works from now on.")
    expect(said).to_be_visible()
    expect(dialog.locator("p.note.good")).to_be_focused()
    assert page.locator("#secret").inner_text() == key
    acme.refresh_from_db()
    assert acme.scim_enabled


def test_a_failure_to_turn_scim_on_loses_no_key(acme, ana, open_browser: Open):
    acme.disable_scim(by=SETUP)
    page = open_browser(ana)
    key = generate(page)
    dialog = page.get_by_role("dialog", name="Your new API key")
    turn_on = dialog.get_by_role("button", name="Turn SCIM on")
    for code, words in ((403, "SCIM stays off, and the key gets 403."), (500, "whether SCIM was turned on")):
        page.route("**/activation", status(code))
        turn_on.click()
        expect(dialog.get_by_role("alert")).to_contain_text(words)
        page.unroute("**/activation")
    # Not even the end of the session takes it away.
    session = page.context.cookies()
    page.context.clear_cookies(name="sessionid")
    turn_on.click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    assert page.locator("#secret").inner_text() == key
    page.context.add_cookies(session)  # type: ignore[arg-type]
    turn_on.click()
    expect(dialog.get_by_text("SCIM is on, so the key works from now on.")).to_be_visible()
    expect(dialog.get_by_role("alert")).to_have_count(0)


def test_without_a_script_scim_is_turned_on_in_a_tab_of_its_own(acme, ana, open_browser: Open):
    acme.disable_scim(by=SETUP)
    page = open_browser(ana, java_script_enabled=False)
    page.goto(f"{LIST}/keys/new")
    page.get_by_label("Description").fill("Okta")
    page.get_by_role("button", name="Generate key").click()
    key = page.locator("#secret").inner_text()
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Turn SCIM on").click()
    expect(opened.value.get_by_text("SCIM provisioning is on.")).to_be_visible()
    assert page.locator("#secret").inner_text() == key


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, {"width": 390, "height": 844}])
def test_the_footer_of_the_rotation_hides_nothing_of_the_old_key_s_end(acme, ana, open_browser: Open, viewport):
    new_key(acme, description="Okta")
    page = open_browser(ana, viewport=viewport)
    page.goto(LIST)
    page.get_by_role("link", name="Rotate Okta").click()
    box = page.get_by_label("Delete the old key by itself")
    expect(box).to_be_in_viewport(ratio=1)
    place = box.bounding_box()
    assert place
    middle = [place["x"] + place["width"] / 2, place["y"] + place["height"] / 2]
    assert box.evaluate("(box, [x, y]) => document.elementFromPoint(x, y) === box", middle)


def test_the_list_follows_its_filters_and_the_address_follows_the_list(acme, many, open_browser: Open):
    page = open_browser(many)
    page.goto(LIST)
    page.get_by_label("Type").select_option("Torii API (read-only)")
    expect(page.get_by_role("row", name="System 1", exact=False).first).to_be_visible()
    expect(page.get_by_role("row", name="Okta production")).to_have_count(0)
    expect(page.locator("#found")).to_have_text("4 keys match.")
    page.get_by_label("Status").select_option("Expired")
    expect(page.get_by_text("No key is of this type and status.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("No key is of this type and status.")).to_be_visible()
    page.get_by_role("link", name="Show all keys").click()
    expect(page.get_by_role("row", name="Okta production").first).to_be_visible()


def test_the_list_is_narrowed_without_a_script(acme, many, open_browser: Open):
    page = open_browser(many, java_script_enabled=False)
    page.goto(LIST)
    page.get_by_label("Type").select_option("Torii API (read-write)")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row", name="Okta production")).to_have_count(0)
    expect(page.get_by_label("Type")).to_have_value("api_write")
