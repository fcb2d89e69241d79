"""What the form for a new key offers, by the organization's policy, and the networks that it takes."""

import datetime as dt
import re
from typing import Any

import pytest
import time_machine

from apikeys.models import ApiKey
from audit.models import Action, Event
from members.models import Organization
from tests.conftest import ACME, GLOBEX, SETUP, new_key
from tests.web.conftest import SignIn, asked, text_of

NEW = f"{ACME}/api-access/keys/new"
NOW = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def offered(page: str) -> list[str]:
    return re.findall(r'name="expiration" value="([^"]+)"', page)


@pytest.mark.parametrize(
    ("days", "required", "presets", "tag"),
    [
        (365, False, ["30-days", "90-days", "180-days", "365-days", "date", "never"], "365 days Recommended"),
        (60, False, ["30-days", "60-days", "90-days", "180-days", "365-days", "date", "never"], "60 days Recommended"),
        (730, False, ["30-days", "90-days", "180-days", "365-days", "730-days", "date", "never"], "730 days Recomm"),
        (365, True, ["30-days", "90-days", "180-days", "365-days", "date"], "365 days Longest"),
        (60, True, ["30-days", "60-days", "date"], "60 days Longest"),
        (1, True, ["1-days", "date"], "1 day Longest"),
    ],
)
def test_the_form_offers_what_the_policy_allows(acme, ana_browser, days, required, presets, tag):
    acme.set_key_policy(by=SETUP, key_expiration_required=required, key_lifetime_days=days)
    answer = ana_browser.get(NEW)
    page = answer.content.decode()
    assert offered(page) == presets
    assert f'value="{days}-days" required checked' in page
    assert tag in text_of(answer)
    assert ("Your organization requires an expiration date" in text_of(answer)) == required
    longest = f'max="{NOW.date() + dt.timedelta(days=days)}"'
    assert (longest in page) == required


def test_what_is_longer_than_recommended_gets_a_warning_and_is_made(acme, ana_browser):
    acme.set_key_policy(by=SETUP, key_lifetime_days=90)
    page = ana_browser.get(NEW).content.decode()
    assert re.findall(r'class="option beyond">\s*<input type="radio" name="expiration" value="([^"]+)"', page) == [
        "180-days",
        "365-days",
    ]
    assert "Your organization recommends 90 days at most." in page
    assert 'data-recommended="2027-05-30"' in page
    assert ana_browser.post(NEW, asked(expiration="180-days")).status_code == 200
    assert acme.api_keys.get().expires_on == dt.date(2027, 8, 28)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"expiration": "90-days"}, "Your organization requires an expiration date, 60 days from today at the latest."),
        ({"expiration": "never"}, "Your organization requires an expiration date, 60 days from today at the latest."),
        (
            {"expiration": "date", "expires_on": "2027-05-01"},
            "Your organization allows expiration dates until 30 Apr 2027 (60 days from today).",
        ),
    ],
)
def test_what_the_policy_forbids_is_refused_beside_its_field(acme, ana_browser, fields, error):
    acme.set_key_policy(by=SETUP, key_expiration_required=True, key_lifetime_days=60)
    answer = ana_browser.post(NEW, asked(**fields))
    assert answer.status_code == 422
    errors = re.findall(r'<ul class="errorlist"[^>]*><li>([^<]+)</li>', answer.content.decode())
    assert errors == [error]
    assert acme.api_keys.count() == 0


@pytest.mark.parametrize("fields", [{"expiration": "60-days"}, {"expiration": "date", "expires_on": "2027-04-30"}])
def test_the_longest_that_the_policy_allows_is_made(acme, ana_browser, fields):
    acme.set_key_policy(by=SETUP, key_expiration_required=True, key_lifetime_days=60)
    assert ana_browser.post(NEW, asked(**fields)).status_code == 200
    assert acme.api_keys.get().expires_on == dt.date(2027, 4, 30)


def test_a_policy_that_changes_at_the_same_moment_is_told_where_it_is_seen(acme, ana_browser, monkeypatch):
    """The field of the date is out of sight while a preset is chosen."""
    original = ApiKey.generate.__func__  # type: ignore[attr-defined]

    def generate(organization: Organization, **fields: Any) -> Any:
        organization.set_key_policy(by=SETUP, key_expiration_required=True, key_lifetime_days=60)
        return original(ApiKey, organization, **fields)

    monkeypatch.setattr(ApiKey, "generate", generate)
    answer = ana_browser.post(NEW, asked(expiration="365-days"))
    assert answer.status_code == 422
    out_of_sight, _, in_sight = answer.content.decode().partition('class="on-date"')[2].partition("</div>")
    assert "Your organization allows expiration dates until 30 Apr 2027" in in_sight
    assert "errorlist" not in out_of_sight
    assert acme.api_keys.count() == 0


@pytest.mark.parametrize(
    ("week", "day", "expiry", "words"),
    [
        (True, True, True, "a month, 7 days and 1 day before, and when it has expired."),
        (True, False, True, "a month and 7 days before, and when it has expired."),
        (False, True, False, "a month and 1 day before."),
        (False, False, False, "a month before."),
    ],
)
def test_the_form_says_which_reminders_there_will_be(acme, ana_browser, week, day, expiry, words):
    acme.set_key_policy(by=SETUP, reminds_week_before=week, reminds_day_before=day, reminds_at_expiry=expiry)
    assert f"Every Admin is reminded by e-mail {words}" in text_of(ana_browser.get(NEW))


def test_networks_are_out_of_the_way_until_they_are_wanted(ana_browser):
    page = ana_browser.get(NEW).content.decode()
    assert '<details class="more field">' in page
    assert "Restrict to networks" in page


def test_a_key_is_restricted_to_networks_one_a_line(acme, ana_browser):
    typed = " 203.0.113.0/24 \r\n\r\n2001:DB8::/32, 198.51.100.7\r\n203.0.113.0/24"
    answer = ana_browser.post(NEW, asked(allowed_networks=typed))
    assert answer.status_code == 200
    networks = ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7/32"]
    assert acme.api_keys.get().allowed_networks == networks
    assert "Allowed networks 203.0.113.0/24, 2001:db8::/32, 198.51.100.7/32" in text_of(answer)
    assert Event.objects.get(action=Action.API_KEY_GENERATED).changes["allowed_networks"] == networks


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("home", "“home” is no network: write it as in 203.0.113.0/24"),
        ("203.0.113.7/24", "did you mean 203.0.113.0/24?"),
        ("\n".join(f"10.0.{number}.0/24" for number in range(51)), "Name at most 50 networks."),
    ],
)
def test_what_is_no_network_is_said_beside_the_field_which_stays_open(acme, ana_browser, typed, error):
    answer = ana_browser.post(NEW, asked(allowed_networks=typed))
    assert answer.status_code == 422
    assert error in text_of(answer)
    assert '<details class="more field" open>' in answer.content.decode()
    assert typed in answer.content.decode()
    assert acme.api_keys.count() == 0


def test_a_form_like_a_key_begins_with_what_it_had(acme, ana_browser):
    old = new_key(acme, "api_read", description="Nightly", allowed_networks=["203.0.113.0/24"]).api_key
    page = ana_browser.get(f"{NEW}?like={old.key_id}").content.decode()
    assert 'value="Nightly"' in page
    assert 'value="api_read" required checked' in page
    assert "203.0.113.0/24</textarea>" in page
    assert 'value="365-days" required checked' in page


@pytest.mark.parametrize("like", ["", "nothing", "new", "%00", "x" * 5000])
def test_a_form_like_no_key_is_empty(acme, ana_browser, like: str):
    answer = ana_browser.get(f"{NEW}?like={like}")
    assert answer.status_code == 200
    assert 'value="scim" required checked' in answer.content.decode()


def test_eve_gets_no_form_like_a_key_of_acme(acme, eve, sign_in: SignIn):
    old = new_key(acme, "api_read", description="Secret plan", allowed_networks=["203.0.113.0/24"]).api_key
    page = sign_in(eve).get(f"{GLOBEX}/api-access/keys/new?like={old.key_id}").content.decode()
    assert "Secret plan" not in page
    assert "203.0.113.0/24</textarea>" not in page
    assert 'value="scim" required checked' in page
