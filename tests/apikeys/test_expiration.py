"""When a key may expire: at most ten years ahead at every door, and no date is too early or too late for an answer."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import CommandError, call_command

from apikeys.errors import KeyInvalid
from apikeys.models import ApiKey, expiry_instant
from tests.api.client import Script
from tests.conftest import ACME, SETUP, new_key

NOW = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)
FORM = f"{ACME}/api-access/keys/new"
TOO_LATE = (dt.date(2037, 3, 2), dt.date(9999, 12, 31))
TOO_EARLY = (dt.date(1, 1, 1), dt.date(2027, 3, 1))
ZONES = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC")
# The dates next to a limit are on its other side where it is another day.
REFUSED = [(zone, date) for zone in ZONES for date in TOO_LATE + TOO_EARLY if zone == "UTC" or date.year in (1, 9999)]


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOW, tick=False):
        yield


def move(organization, zone):
    organization.time_zone = zone
    organization.save()


def test_a_key_expires_within_ten_years(acme):
    assert new_key(acme, expires_on=dt.date(2037, 3, 1)).api_key.expires_on == dt.date(2037, 3, 1)
    with pytest.raises(KeyInvalid, match="by 1 Mar 2037 at the latest, or never"):
        new_key(acme, expires_on=dt.date(2037, 3, 2))


@pytest.mark.parametrize(("zone", "expires_on"), REFUSED)
def test_every_door_refuses_what_is_too_late_or_past(acme, ana, sign_in, capsys, zone, expires_on):
    move(acme, zone)
    browser = sign_in(ana)
    asked = {
        "kind": "scim",
        "description": "Okta",
        "expiration": "date",
        "expires_on": expires_on.isoformat(),
        "form_token": "00000000-0000-4000-8000-000000000001",
    }
    answer = browser.post(FORM, asked)
    assert answer.status_code == 422
    said = "1 Mar 2037 at the latest" if expires_on.year > 2030 else "must be in the future"
    if zone == "UTC":
        assert said in answer.content.decode()
    old = new_key(acme).api_key
    assert browser.post(f"{ACME}/api-access/keys/{old.key_id}/rotation", asked).status_code == 422
    with pytest.raises(CommandError):
        call_command("create_api_key", acme.public_id, type="scim", description="Okta", expires=expires_on)
    assert acme.api_keys.count() == 1


def test_the_form_offers_no_date_beyond(acme, ana, sign_in):
    assert 'max="2037-03-01"' in sign_in(ana).get(FORM).content.decode()


@pytest.mark.parametrize("expires_on", [dt.date(2050, 1, 1), dt.date(9999, 12, 31)])
def test_a_key_made_for_longer_is_rotated_with_a_usual_lifetime(acme, ana, sign_in, expires_on):
    old = expiring(acme, expires_on)
    page = sign_in(ana).get(f"{ACME}/api-access/keys/{old.key_id}/rotation").content.decode()
    assert 'value="365-days" required checked' in page
    assert "As before" not in page


def expiring(organization, expires_on):
    """Return a key as the release before made it, which took any date."""
    made = new_key(organization).api_key
    row = ApiKey.objects.values().get(pk=made.pk)
    ApiKey.objects.filter(pk=made.pk).delete()
    return ApiKey.objects.create(
        **row | {"expires_on": expires_on, "expires_at": expiry_instant(expires_on, organization)}
    )


@pytest.mark.parametrize("zone", ZONES)
def test_a_key_of_the_year_9999_is_shown_after_any_change_of_zone(acme, ana, sign_in, zone):
    move(acme, "Pacific/Pago_Pago")
    api_key = expiring(acme, dt.date(9999, 12, 31))
    script = Script(new_key(acme, "api_write").text)
    move(acme, zone)
    acme.set_key_policy(by=SETUP, key_expiration_required=True)
    browser = sign_in(ana)
    page = f"{ACME}/api-access/keys/{api_key.key_id}"
    for path in (f"{ACME}/api-access", page, f"{page}/rotation", f"{page}/deletion", f"{FORM}?like={api_key.key_id}"):
        assert browser.get(path).status_code == 200, path
    assert browser.get(f"{ACME}/security").status_code == 200
    assert script.read(f"api-keys/{api_key.key_id}")["expires_on"] == "9999-12-31"
    assert [key["expires_on"] for key in script.results("api-keys")] == [None, "9999-12-31"]
    call_command("send_expiry_reminders", dry_run=True)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Africa/Cairo", "2027-04-30"),
        ("America/Havana", "2027-03-14"),
        ("America/Santiago", "2027-09-05"),
        ("Atlantic/Azores", "2027-03-28"),
    ],
)
def test_where_the_clock_skips_midnight_the_form_says_what_everything_else_says(acme, ana, sign_in, zone, day):
    move(acme, zone)
    expires_on = dt.date.fromisoformat(day)
    local = expiry_instant(expires_on, acme)
    assert (local.hour, local.date()) == (1, expires_on)
    with time_machine.travel(local - dt.timedelta(days=30), tick=False):
        said = f"{expires_on:%-d %b %Y}, 01:00 ({zone})"
        assert said in sign_in(ana).get(FORM).content.decode()
        api_key = new_key(acme, expires_on=expires_on).api_key
        assert said in sign_in(ana).get(f"{ACME}/api-access/keys/{api_key.key_id}").content.decode()
    stored = ApiKey.objects.get(pk=api_key.pk)
    assert stored.expires_at == local
    assert stored.expires_at.astimezone(ZoneInfo(zone)).hour == 1
