"""An organization whose time zone this host doesn't know: its pages work, by UTC, and say so."""

import datetime as dt

import pytest
import time_machine
from django.test import Client

from apikeys.models import ApiKey
from members.models import Organization
from tests.api.client import Script
from tests.conftest import ACME, new_key
from tests.web.conftest import asked, text_of

ZONE = "Mars/Olympus_Mons"
SAID = f"This server doesn’t know your time zone, {ZONE}. Until it does, dates and times are in UTC."
LIST = f"{ACME}/api-access"


@pytest.fixture
def lost(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> Organization:
    """Return acme, which has keys of Berlin's time, after it has moved to Mars."""
    Organization.objects.update(time_zone="Europe/Berlin")
    acme.refresh_from_db()
    with time_machine.travel("2027-01-01T12:00Z", tick=False):
        new_key(acme, description="dated", expires_on=dt.date(2027, 6, 10))
    Organization.objects.filter(pk=acme.pk).update(time_zone=ZONE)
    with monkeypatch.context() as elsewhere:
        # At another host, which knows the zone.
        elsewhere.setattr(Organization, "zone_name", ZONE)
        assert new_key(acme, description="dateless").api_key.time_zone == ZONE
    acme.refresh_from_db()
    return acme


def test_every_page_about_keys_works_by_utc_and_says_so(lost: Organization, ana_browser: Client):
    key = ApiKey.objects.get(description="dated")
    for path in ("", f"/keys/{key.key_id}", f"/keys/{key.key_id}/rotation", "/keys/new"):
        page = ana_browser.get(f"{LIST}{path}", follow=True)
        assert page.status_code == 200, path
        assert SAID in text_of(page), path
        assert f"({ZONE})" not in page.content.decode(), path
    assert "9 Jun 2027, 22:00 (UTC)" in text_of(ana_browser.get(f"{LIST}/keys/{key.key_id}"))
    assert ana_browser.get(f"{ACME}/security").status_code == 200


def test_a_key_that_is_made_meanwhile_expires_by_utc_and_remembers_that(lost: Organization, ana_browser: Client):
    ana_browser.post(f"{LIST}/keys/new", asked(expiration="90-days"))
    key = ApiKey.objects.get(description="Okta production")
    assert (key.time_zone, key.expires_at.time()) == ("UTC", dt.time(0))  # type: ignore[union-attr]


def test_the_rest_api_works_too(lost: Organization):
    keys = Script(new_key(lost, "api_read").text).call("GET", "api-keys")
    assert keys.status_code == 200
    assert "2027-06-09" in [key["expires_on"] for key in keys.json()["results"]]


def test_nothing_is_said_where_the_zone_is_known(acme: Organization, ana_browser: Client):
    assert "This server doesn’t know" not in text_of(ana_browser.get(LIST))
