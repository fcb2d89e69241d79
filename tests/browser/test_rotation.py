"""A key is rotated in a browser: from the button in the list until the old key is gone."""

import datetime as dt
import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apikeys.models import ApiKey, KnownOrigin
from audit.actor import Origin
from audit.models import Action, Event
from members.models import Organization
from tests.browser.test_keyboard import tab_to
from tests.browser.test_main_walk import KEY, everything_kept_by, provision
from tests.conftest import ACME, SETUP, new_key
from tests.rotations import HOUR, rotated, use

LIST = f"{ACME}/api-access"


@pytest.fixture
def old(acme: Organization, today: dt.date) -> ApiKey:
    api_key = new_key(acme, description="Okta production", expires_on=today + dt.timedelta(days=20)).api_key
    use(api_key, 3 * HOUR, first=True)
    return api_key


def rotate(page: Page) -> str:
    """Rotate the key in the dialog that is open; return the text that is shown."""
    page.get_by_role("button", name="Make the new key").click()
    dialog = page.get_by_role("dialog", name="Your new API key")
    shown = dialog.locator("#secret").inner_text()
    assert KEY.fullmatch(shown)
    return shown


def test_a_key_is_rotated_from_the_list_to_the_end_of_the_old_one(acme, ana, old, open_browser):
    page = open_browser(ana)
    page.goto(LIST)
    page.get_by_role("link", name="Rotate Okta production").click()
    dialog = page.get_by_role("dialog", name="Rotate key")
    expect(dialog.get_by_label("Description")).to_have_value("Okta production")
    expect(dialog.get_by_label("Description")).to_be_focused()
    expect(dialog.get_by_label("20 days")).to_be_checked()
    dialog.get_by_label("365 days").check()
    shown = rotate(page)
    dialog = page.get_by_role("dialog", name="Your new API key")
    expect(dialog).to_contain_text("in place of the old one")
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Copy the key").click()
    assert page.evaluate("() => navigator.clipboard.readText()") == shown
    dialog.get_by_role("button", name="Got it").click()

    pair = page.locator("tbody.pair")
    expect(pair.get_by_role("row")).to_have_count(3)
    expect(pair).to_contain_text("Paste the new key into Okta; don’t delete the old one yet.")
    expect(page.get_by_role("link", name="Rotate Okta production")).to_have_count(1)
    assert shown.rpartition("_")[2] not in everything_kept_by(page)

    assert provision(page, shown).status == 201
    page.reload()
    expect(pair).to_contain_text("New key first used just now; old key last used 3 hours ago.")
    expect(pair).to_contain_text("Safe to delete from")
    new = acme.api_keys.get(replaces=old)
    ApiKey.objects.filter(pk=new.pk).update(first_used_at=timezone.now() - 25 * HOUR)
    use(old, 26 * HOUR)
    page.reload()
    expect(pair).to_contain_text("The old key is safe to delete.")
    page.get_by_role("link", name="Delete old key").click()
    dialog = page.get_by_role("dialog", name="Delete this key?")
    expect(dialog).to_contain_text("It is safe to delete")
    dialog.get_by_role("button", name="Delete key").click()
    expect(page.get_by_text("was deleted.")).to_be_visible()
    expect(page.locator("tbody.pair")).to_have_count(0)
    old.refresh_from_db()
    assert old.deleted_at
    assert acme.api_keys.existing().get() == new
    assert Event.objects.filter(action=Action.API_KEY_DELETED, actor_label="Ana Admin").count() == 1


def test_a_key_is_rotated_without_javascript(acme, ana, old, open_browser):
    page = open_browser(ana, java_script_enabled=False)
    page.goto(LIST)
    page.get_by_role("link", name="Rotate Okta production").click()
    page.get_by_text("Restrict to networks").click()
    page.get_by_label("Allowed networks").fill("home")
    page.get_by_label("Delete the old key by itself").check()
    page.get_by_role("button", name="Make the new key").click()
    expect(page.get_by_text("“home” is no network")).to_be_visible()
    expect(page.get_by_label("Delete the old key by itself")).to_be_checked()
    page.get_by_label("Allowed networks").fill("203.0.113.0/24")
    page.get_by_role("button", name="Make the new key").click()
    assert KEY.fullmatch(page.locator("#secret").inner_text())
    page.get_by_label("I have stored it").check()
    page.get_by_role("button", name="Got it").click()
    expect(page.locator("tbody.pair")).to_contain_text("will be deleted by itself once the new key is in use")
    assert acme.api_keys.get(replaces=old).allowed_networks == ["203.0.113.0/24"]


def test_a_key_is_rotated_without_a_mouse(acme, ana, old, open_browser):
    page = open_browser(ana)
    page.goto(LIST)
    tab_to(page, ".row-actions a[href$=rotation]")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Description")).to_be_focused()
    tab_to(page, "summary")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Allowed networks")).to_be_visible()
    tab_to(page, "#dialog [type=checkbox]")
    page.keyboard.press("Space")
    tab_to(page, "#dialog button[type=submit]")
    page.keyboard.press("Enter")
    expect(page.locator("[data-copy=secret]")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "[data-got-it] button")
    page.keyboard.press("Enter")
    expect(page.locator("tbody.pair")).to_be_visible()
    old.refresh_from_db()
    assert old.delete_when_silent


def test_who_follows_the_mail_and_signs_in_rotates_the_key(ana, old, open_browser):
    page = open_browser()
    page.goto(f"{LIST}/keys/{old.key_id}/rotation")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.context.add_cookies(open_browser(ana).context.cookies())
    page.goto(f"{LIST}/keys/{old.key_id}/rotation")
    page.get_by_role("button", name="Make the new key").click()
    expect(page.get_by_role("heading", name="Your new API key")).to_be_visible()


def test_somebody_elses_rotation_is_told_in_the_dialog(acme, ana, old, open_browser):
    page = open_browser(ana)
    page.goto(LIST)
    page.get_by_role("link", name="Rotate Okta production").click()
    expect(page.get_by_role("dialog", name="Rotate key")).to_be_visible()
    old.rotate(description="Somebody else’s", expires_on=None, by=SETUP)
    page.get_by_role("button", name="Make the new key").click()
    dialog = page.get_by_role("dialog", name="This key was rotated before")
    dialog.get_by_role("link", name="Show the new key").click()
    expect(page.get_by_role("heading", name="Somebody else’s")).to_be_visible()
    assert acme.api_keys.count() == 2


def test_an_expired_key_leads_from_the_dialog_to_a_new_one(acme, ana, old, open_browser):
    page = open_browser(ana)
    page.goto(LIST)
    page.get_by_role("link", name="Rotate Okta production").click()
    expect(page.get_by_role("dialog", name="Rotate key")).to_be_visible()
    past = timezone.now() - HOUR
    ApiKey.objects.filter(pk=old.pk).delete()
    expired = ApiKey(**{field.name: getattr(old, field.name) for field in ApiKey._meta.fields})
    expired.expires_on, expired.expires_at = past.date(), past
    expired.save(force_insert=True)
    page.get_by_role("button", name="Make the new key").click()
    page.get_by_role("dialog", name="This key has expired").get_by_role("link", name="Generate a new key").click()
    dialog = page.get_by_role("dialog", name="Generate API key")
    expect(dialog.get_by_label("Description")).to_have_value("Okta production")


def test_a_date_beyond_the_recommended_is_warned_of(ana, old, open_browser, today):
    page = open_browser(ana)
    page.goto(LIST)
    page.get_by_role("link", name="Rotate Okta production").click()
    warning = page.get_by_text("Your organization recommends 365 days at most.")
    page.get_by_label("A date of your own", exact=True).check()
    date = page.get_by_label("Expiration date of your own")
    for days, warned in ((365, False), (366, True), (100, False)):
        date.fill((today + dt.timedelta(days=days)).isoformat())
        expect(warning).to_be_visible(visible=warned)
    page.get_by_label("Never").check()
    expect(page.get_by_text("A key that never expires and is leaked")).to_be_visible()
    expect(warning).to_be_hidden()


def test_a_key_in_use_is_deleted_by_its_description(acme, ana, old, open_browser):
    page = open_browser(ana)
    page.goto(LIST)
    page.get_by_role("link", name="Delete Okta production").click()
    dialog = page.get_by_role("dialog", name="Delete this key?")
    field = dialog.get_by_label("Type its description to delete it")
    expect(field).to_be_focused()
    page.keyboard.type("okta")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("list")).to_contain_text("That isn’t its description. Type “Okta production”.")
    expect(field).to_have_value("okta")
    expect(field).to_be_focused()
    field.fill("Okta production")
    dialog.get_by_role("button", name="Delete key").click()
    expect(page.get_by_text("No keys yet.")).to_be_visible()
    assert acme.api_keys.existing().count() == 0


def test_the_new_origins_of_a_key_are_looked_at_and_accepted(acme, ana, old, open_browser):
    meet = KnownOrigin.objects.all().meet
    meet(old, Origin("203.0.113.7", "Okta SCIM Client 1.0.0"), timezone.now())
    meet(old, Origin("198.51.100.20", "curl/8.9"), timezone.now())
    page = open_browser(ana)
    page.goto(LIST)
    page.get_by_role("link", name="New network").click()
    expect(page).to_have_url(re.compile(rf"/keys/{old.key_id}#origins$"))
    expect(page.get_by_role("row", name="198.51.100.0/24")).to_contain_text("New")
    page.get_by_role("button", name="I know these").click()
    expect(page.get_by_role("row", name="198.51.100.0/24")).to_contain_text("Known")
    expect(page.get_by_role("button", name="I know these")).to_have_count(0)
    old.refresh_from_db()
    assert old.new_origin_at is None


def test_the_policy_is_changed_in_a_dialog_and_by_keyboard(acme, ana, old, open_browser):
    page = open_browser(ana)
    page.goto(f"{ACME}/security")
    tab_to(page, "a[href$=api-keys]")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Policy for API keys")
    expect(dialog.get_by_label("Recommended")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_label("Required")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.type("4000")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("Write a number of days, from 1 to 3650.")).to_be_visible()
    expect(dialog.get_by_label("Longest lifetime in days")).to_be_focused()
    dialog.get_by_label("Longest lifetime in days").fill("10")
    expect(dialog.get_by_label("A month before")).to_be_disabled()
    expect(dialog.get_by_label("A month before")).to_be_checked()
    dialog.get_by_label("7 days before").uncheck()
    dialog.get_by_label("Contact address").fill("it-team@acme.example")
    dialog.get_by_role("button", name="Save policy").click()
    expect(page.get_by_text("The policy for API keys was saved.")).to_be_visible()
    expect(page.get_by_text("New keys live 10 days at most.")).to_be_visible()
    acme.refresh_from_db()
    assert (acme.key_expiration_required, acme.key_lifetime_days, acme.reminds_week_before) == (True, 10, False)
    page.get_by_role("link", name="Show them in API Access").click()
    expect(page.get_by_role("row", name="Okta production")).to_contain_text("Beyond your policy")


def test_on_a_narrow_screen_a_pair_is_one_card(acme, ana, open_browser):
    rotated(acme, "both")
    page = open_browser(ana, viewport={"width": 390, "height": 844})
    page.goto(LIST)
    new, former, said = (row.bounding_box() for row in page.locator("tbody.pair tr").all())
    assert new
    assert former
    assert said
    assert new["y"] + new["height"] == former["y"]
    assert former["y"] + former["height"] == said["y"]
