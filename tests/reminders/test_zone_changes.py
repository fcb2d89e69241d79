"""An organization that moves to another time zone: one day for all, and no reminder lost, twice or out of order."""

import datetime as dt
import zoneinfo

import pytest
import time_machine
from django.db import connection
from hypothesis import HealthCheck, given, settings, strategies as st

from apikeys.models import ApiKey, Notice
from apikeys.policy import keys_against_policy
from apikeys.reminders import BEFORE_EXPIRY, before_expiry, due_at, is_on, plan
from tests.api.client import Script
from tests.conftest import ACME, SETUP, new_key
from tests.identity_provider import IdentityProvider

ZONES = sorted(zoneinfo.available_timezones())
HOUR = dt.timedelta(hours=1)
SWITCHES = ("reminds_week_before", "reminds_day_before", "reminds_at_expiry")


def move(organization, zone):
    organization.time_zone = zone
    organization.save()


@pytest.mark.parametrize(
    ("before", "after"), [("Europe/Berlin", "America/New_York"), ("Pacific/Pago_Pago", "Pacific/Kiritimati")]
)
def test_all_doors_name_the_same_day(acme, ana, sign_in, run_on, before, after):
    move(acme, before)
    with time_machine.travel("2027-05-01T12:00Z", tick=False):
        scim = new_key(acme, expires_on=dt.date(2027, 6, 10))
        api = new_key(acme, "api_write", expires_on=None)
    Notice.objects.all().delete()
    move(acme, after)
    assert scim.api_key.expires_at is not None
    expires_at = scim.api_key.expires_at.astimezone(dt.UTC)
    day = expires_at.astimezone(zoneinfo.ZoneInfo(after)).date()
    assert day != dt.date(2027, 6, 10)
    said = f"{day:%-d %b %Y}"
    [mail] = run_on("2027-06-12")
    assert f"expired on {said}" in mail["Subject"]
    with time_machine.travel("2027-06-12T12:00Z", tick=False):
        assert f"expired on {day.isoformat()};" in IdentityProvider(scim.text).get("/Users").json()["detail"]
        told = Script(api.text).read(f"api-keys/{scim.api_key.key_id}")
        page = sign_in(ana).get(f"{ACME}/api-access/keys/{scim.api_key.key_id}").content.decode()
    assert (told["expires_on"], told["expires_at"][:10]) == (
        day.isoformat(),
        expires_at.date().isoformat(),
    )
    assert f"{said}, " in page


def test_a_key_made_at_the_longest_lifetime_stays_within_the_policy(acme):
    move(acme, "Pacific/Kiritimati")
    acme.set_key_policy(by=SETUP, key_expiration_required=True, key_lifetime_days=30)
    now = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)
    with time_machine.travel(now, tick=False):
        new_key(acme, expires_on=acme.longest_expiration(now))
    for zone in ZONES:
        move(acme, zone)
        assert keys_against_policy(acme, now) == 0, zone


@pytest.mark.parametrize("zone", ["Pacific/Pago_Pago", "Pacific/Kiritimati"])
def test_a_key_made_by_the_release_before_is_reckoned_with_by_the_zone_of_its_midnight(acme, zone):
    move(acme, "Pacific/Kiritimati")
    acme.set_key_policy(by=SETUP, key_expiration_required=True, key_lifetime_days=30)
    now = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)
    with time_machine.travel(now, tick=False):
        new_key(acme, expires_on=acme.longest_expiration(now))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE apikeys_apikey SET time_zone = NULL")
    move(acme, zone)
    stored = ApiKey.objects.get()
    assert stored.time_zone is None
    assert stored.made_on() == dt.date(2027, 3, 2)
    assert stored.meets_policy()


def test_a_key_whose_only_reminder_seems_past_after_a_move_is_reminded(acme, ana, run_on):
    move(acme, "Pacific/Pago_Pago")
    acme.set_key_policy(by=SETUP, **dict.fromkeys(SWITCHES, False))
    with time_machine.travel("2027-02-27T20:00Z", tick=False):
        made = new_key(acme, expires_on=dt.date(2027, 3, 30)).api_key
        made.notices.all().delete()
    # It expires on 31 March in Kiritimati, so a month before was a day earlier there, and before the key was made.
    move(acme, "Pacific/Kiritimati")
    assert due_at(ApiKey.objects.get(), Notice.Kind.MONTH) < made.created_at
    assert len([mail for when in ("2027-02-28", "2027-03-01", "2027-03-31") for mail in run_on(when)]) == 1


def test_a_move_that_puts_a_step_off_after_it_was_told_brings_back_no_earlier_one(acme, ana, key, run_on):
    move(acme, "Africa/Johannesburg")
    key("2027-03-31")
    assert len(run_on("2027-03-23T22:30Z")) == 1
    # Berlin has the same time when the key expires, but not yet a week before.
    move(acme, "Europe/Berlin")
    assert due_at(ApiKey.objects.get(), Notice.Kind.WEEK) == dt.datetime(2027, 3, 23, 23, tzinfo=dt.UTC)
    assert run_on("2027-03-23T22:45Z") == []
    assert run_on("2027-03-23T23:15Z") == []


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    zones=st.lists(st.sampled_from(ZONES), min_size=2, max_size=4),
    moves=st.lists(st.integers(0, 40 * 24), min_size=3, max_size=3),
    off=st.sets(st.sampled_from(SWITCHES)),
    lifetime=st.integers(1, 40),
    expires_on=st.dates(dt.date(2027, 1, 1), dt.date(2032, 12, 31)),
    late=st.booleans(),
)
def test_moves_neither_reorder_reminders_nor_lose_nor_repeat_them(
    acme, ana, zones, moves, off, lifetime, expires_on, late
):
    acme.api_keys.all().delete()
    for name in SWITCHES:
        setattr(acme, name, name not in off)
    move(acme, zones[0])
    born = expires_on - dt.timedelta(days=lifetime)
    made_at = dt.datetime.combine(born, dt.time(12), tzinfo=acme.zone).astimezone(dt.UTC)
    with time_machine.travel(made_at, tick=False):
        made = new_key(acme, expires_on=expires_on).api_key
    made.notices.all().delete()
    assert made.expires_at is not None
    end = made.expires_at + 72 * HOUR
    promised = [step for step in BEFORE_EXPIRY if is_on(acme, step) and due_at(made, step) > made_at]
    told, moved = [], list(zip(sorted(made_at + hours * HOUR for hours in moves), zones[1:], strict=False))
    falls_due = {before_expiry(made, step, zoneinfo.ZoneInfo(zone)) for step in BEFORE_EXPIRY for zone in zones}
    for now in sorted({*falls_due, *(moment for moment, _ in moved), end}):
        if now <= made_at or (late and now != end):
            continue
        for moment, zone in moved:
            if moment <= now:
                move(acme, zone)
        plan(now)
        for notice in Notice.objects.waiting():
            told.append(notice.kind)
            Notice.objects.filter(pk=notice.pk).update(sent_at=now)
    order = [step.value for step in BEFORE_EXPIRY]
    assert [order.index(step) for step in told] == sorted(order.index(step) for step in told)
    assert len(set(told)) == len(told)
    assert bool(told) == bool(promised)
    assert not promised or told[-1] == promised[-1]
