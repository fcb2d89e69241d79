"""The list of keys: what needs attention comes first, and many keys can be narrowed down."""

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apikeys.models import ApiKey
from members.models import Organization
from tests.conftest import ACME, SETUP, new_key
from tests.rotations import rotated, use
from tests.web.conftest import asked, text_of

LIST = f"{ACME}/api-access"
DAY = dt.timedelta(days=1)


@pytest.fixture
def expired(acme: Organization, today: dt.date) -> ApiKey:
    with time_machine.travel(timezone.now() - 40 * DAY, tick=False):
        return new_key(acme, description="Old report", kind="api_read", expires_on=today - DAY).api_key


def shown(page: Any) -> list[str]:
    """Return the descriptions of the keys in the list, in their order."""
    return re.findall(r'<a class="row-link"[^>]*><bdi>([^<]+)</bdi></a>', page.content.decode())


def attention(page: Any) -> str:
    found = re.search(r'class="warning attention">(.*?)</p>', page.content.decode(), re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", found[1]).split()) if found else ""


def test_a_line_on_top_names_the_keys_that_expire_within_a_month_the_first_one_first(acme, ana_browser, today):
    new_key(acme, description="Later", expires_on=today + 20 * DAY)
    new_key(acme, description="Sooner", expires_on=today + 3 * DAY)
    new_key(acme, description="Next year", expires_on=today + 365 * DAY)
    page = ana_browser.get(LIST)
    sooner, later = (f"{today + days * DAY:%-d %b %Y}" for days in (3, 20))
    assert attention(page) == f"2 keys expire within a month: Sooner on {sooner}, Later on {later}."


def test_no_line_is_there_without_such_a_key(acme, ana_browser, expired):
    new_key(acme)
    assert attention(ana_browser.get(LIST)) == ""


def test_the_line_names_five_keys_and_leads_to_the_others(acme, ana_browser, today):
    for number in range(1, 9):
        new_key(acme, description=f"Key {number}", expires_on=today + number * DAY)
    page = ana_browser.get(LIST)
    assert attention(page).startswith("8 keys expire within a month: Key 1 on ")
    assert attention(page).endswith(" and 3 more.")
    assert "Key 6" not in attention(page)
    assert '<a href="?status=expires_soon">3 more</a>' in page.content.decode()


def test_the_line_says_that_a_key_is_replaced(acme, ana_browser):
    rotated(acme, "safe")
    assert "(replaced)" in attention(ana_browser.get(LIST))


def test_keys_that_expire_within_a_month_come_first_then_the_newest(acme, ana_browser, today):
    new_key(acme, description="Sooner", expires_on=today + 3 * DAY)
    new_key(acme, description="Later", expires_on=today + 20 * DAY)
    new_key(acme, description="Older")
    new_key(acme, description="Newer")
    assert shown(ana_browser.get(LIST)) == ["Sooner", "Later", "Newer", "Older"]


def test_filters_are_offered_from_ten_keys_on(acme, ana_browser):
    for number in range(9):
        new_key(acme, description=f"Key {number}")
    assert 'name="type"' not in ana_browser.get(LIST).content.decode()
    new_key(acme, description="The tenth")
    page = ana_browser.get(LIST).content.decode()
    assert 'name="type"' in page
    assert 'name="status"' in page


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("type=scim", ["Soon", "Okta"]),
        ("type=api_read", ["Script", "Old report"]),
        ("status=live", ["Script", "Okta"]),
        ("status=expires_soon", ["Soon"]),
        ("status=expired", ["Old report"]),
        ("status=waits", []),
        ("type=scim&status=live", ["Okta"]),
        ("type=nonsense&status=%00", ["Soon", "Script", "Okta", "Old report"]),
    ],
)
def test_the_list_is_narrowed_to_a_type_and_a_status(acme, ana_browser, today, expired, query, kept):
    new_key(acme, description="Okta")
    new_key(acme, description="Script", kind="api_read")
    new_key(acme, description="Soon", expires_on=today + 3 * DAY)
    page = ana_browser.get(f"{LIST}?{query}")
    assert shown(page) == kept
    if not kept:
        assert "No key is of this type and status." in text_of(page)
        assert "Show all keys" in text_of(page)


def test_keys_that_wait_for_scim_are_a_status(acme, ana_browser):
    acme.disable_scim(by=SETUP)
    new_key(acme, description="Okta")
    new_key(acme, description="Script", kind="api_read")
    assert shown(ana_browser.get(f"{LIST}?status=waits")) == ["Okta"]


def test_a_pair_stays_together_if_one_of_it_is_asked_for(acme, ana_browser):
    rotated(acme, "both")
    assert len(shown(ana_browser.get(f"{LIST}?status=expires_soon"))) == 2


def test_a_new_key_is_marked_and_waits_for_its_first_request(acme, ana_browser):
    new_key(acme, description="Another")
    shown_once = ana_browser.post(f"{LIST}/keys/new", asked(description="Okta")).content.decode()
    api_key = acme.api_keys.get(description="Okta")
    assert f'<input type="hidden" name="new" value="{api_key.key_id}">' in shown_once
    page = ana_browser.get(f"{LIST}?new={api_key.key_id}").content.decode()
    (row,) = re.findall(r'<tr [^>]*class="fresh".*?</tr>', page, re.DOTALL)
    assert "Waiting for the first request" in row
    assert f'id="key-{api_key.key_id}"' in row
    use(api_key, dt.timedelta(minutes=5))
    assert page.count("Waiting for the first request") == 2
    assert text_of(ana_browser.get(LIST)).count("Waiting for the first request") == 1


def test_a_key_that_nobody_used_for_a_month_is_no_longer_awaited(acme, ana_browser):
    with time_machine.travel(timezone.now() - 31 * DAY, tick=False):
        new_key(acme)
    words = text_of(ana_browser.get(LIST))
    assert "Never used" in words
    assert "Waiting" not in words


def test_another_organization_s_key_is_marked_nowhere(acme, globex, ana_browser):
    theirs = new_key(globex).api_key
    assert 'class="fresh"' not in ana_browser.get(f"{LIST}?new={theirs.key_id}").content.decode()


def test_an_expired_key_offers_a_replacement_like_itself(acme, ana_browser, expired):
    for path in (LIST, f"{LIST}/keys/{expired.key_id}"):
        page = ana_browser.get(path).content.decode()
        assert f'href="{ACME}/api-access/keys/new?like={expired.key_id}" data-dialog>' in page
        assert "Replace" in page
    form = ana_browser.get(f"{LIST}/keys/new?like={expired.key_id}").content.decode()
    assert 'value="Old report"' in form
    assert re.search(r'value="api_read" required checked', form)


def test_who_may_only_read_is_offered_no_replacement(acme, rita, sign_in, expired):
    browser = sign_in(rita)
    browser.get("/settings/")
    assert "like=" not in browser.get(LIST).content.decode()


def test_base_url_key_and_organization_id_are_together_with_a_call_that_is_filled_in(acme, ana_browser, settings):
    page = ana_browser.post(f"{LIST}/keys/new", asked()).content.decode()
    key = re.search(r"torii_scim_\w+", page)
    assert key
    for value in (key[0], f"{settings.BASE_URL}/scim/v2", acme.public_id):
        assert f">{value}</code>" in page
    assert page.count("data-copy=") == 4
    assert (
        f"curl -H &quot;Authorization: Bearer {key[0]}&quot; "
        f"&quot;{settings.BASE_URL}/scim/v2/Users?count=1&quot;</code>"
    ) in page


def test_the_call_that_is_shown_works(acme, ana_browser, client):
    page = ana_browser.post(f"{LIST}/keys/new", asked(kind="api_read")).content.decode()
    call = re.search(r"Bearer (\w+)&quot; &quot;http[^/]+//[^/]+(/[^&]+)&quot;", page)
    assert call
    assert client.get(call[2], headers={"Authorization": f"Bearer {call[1]}"}).status_code == 200


# A date of one's own, and an old key that nobody needs ----------------------------------------------------------------


def test_the_latest_date_stands_beside_the_field(acme, ana_browser):
    with time_machine.travel(dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC), tick=False):
        page = ana_browser.get(f"{LIST}/keys/new")
    assert "27 Nov 2036 at the latest, ten years from today" in text_of(page)
    assert 'max="2036-11-27"' in page.content.decode()


def test_the_latest_date_is_the_policy_s_if_that_requires_one(acme, ana_browser):
    acme.set_key_policy(by=SETUP, key_expiration_required=True, key_lifetime_days=30)
    with time_machine.travel(dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC), tick=False):
        words = text_of(ana_browser.get(f"{LIST}/keys/new"))
    assert "27 Dec 2026 at the latest" in words
    assert "ten years" not in words


def test_every_page_says_that_an_old_key_nobody_ever_used_can_go_at_once(acme, ana_browser):
    old, _ = rotated(acme, "unused")
    ApiKey.objects.filter(pk=old.pk).update(first_used_at=None, last_used_at=None)
    page = f"{LIST}/keys/{old.key_id}"
    for path in (LIST, page):
        assert "The old key was never used, so it is safe to delete." in text_of(ana_browser.get(path))
    question = text_of(ana_browser.get(f"{page}/deletion"))
    assert "It is safe to delete: nothing ever used it." in question
    assert "Don’t delete" not in question
    assert "Type its description" not in question
