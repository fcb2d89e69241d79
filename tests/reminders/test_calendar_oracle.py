"""The calendar against an oracle that reckons in another way: it looks at the local clock, minute by minute."""

import calendar
import datetime as dt
import zoneinfo

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from apikeys.models import ApiKey, Notice, expiry_instant
from apikeys.reminders import LONGEST_NOTICE, due_at, is_on, owed_step, plan_key
from members.models import Organization
from tests.conftest import person

Step = Notice.Kind
HOUR = dt.timedelta(hours=1)

zones = st.sampled_from(sorted(zoneinfo.available_timezones()))
dates = st.dates(dt.date(2024, 3, 1), dt.date(2100, 12, 31))
leap_dates = st.sampled_from([dt.date(year, month, day) for year in (2024, 2028, 2096) for month, day in
                              ((2, 29), (3, 1), (3, 28), (3, 29), (3, 30), (3, 31))])  # fmt: skip


def oracle(zone: zoneinfo.ZoneInfo, expires_on: dt.date, step: Step) -> dt.datetime:
    """Return the first instant at which the local clock shows the step's date and the expiry's time of day, or later.

    The expiry's time of day is midnight, or the first that there is where the clock leaps over it.
    """
    expiry = first_shown(zone, dt.datetime.combine(expires_on, dt.time()))
    shown = expiry.astimezone(zone).replace(tzinfo=None)
    if step == Step.MONTH:
        year, month = divmod(expires_on.year * 12 + expires_on.month - 2, 12)
        last = calendar.monthrange(year, month + 1)[1]
        shown = shown.replace(year=year, month=month + 1, day=min(expires_on.day, last))
    else:
        shown -= dt.timedelta(days={Step.WEEK: 7, Step.DAY: 1, Step.EXPIRY: 0}[step])
    return first_shown(zone, shown)


def first_shown(zone: zoneinfo.ZoneInfo, shown: dt.datetime) -> dt.datetime:
    moment = shown.replace(tzinfo=dt.UTC) - dt.timedelta(hours=27)
    while moment.astimezone(zone).replace(tzinfo=None) < shown:
        moment += dt.timedelta(minutes=15)
    return moment


def key_of(zone: str, expires_on: dt.date) -> ApiKey:
    organization = Organization(time_zone=zone)
    return ApiKey(
        organization=organization,
        expires_on=expires_on,
        expires_at=expiry_instant(expires_on, organization).astimezone(dt.UTC),
        created_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    )


@settings(max_examples=300, deadline=None)
@given(zone=zones, expires_on=dates | leap_dates)
@example(zone="Pacific/Apia", expires_on=dt.date(2024, 3, 31))
@example(zone="Africa/Monrovia", expires_on=dt.date(2028, 2, 29))
@example(zone="Asia/Kathmandu", expires_on=dt.date(2025, 3, 31))
@example(zone="America/Santiago", expires_on=dt.date(2027, 9, 5))
@example(zone="America/Havana", expires_on=dt.date(2025, 11, 9))
@example(zone="Atlantic/Azores", expires_on=dt.date(2030, 4, 7))
@example(zone="America/Scoresbysund", expires_on=dt.date(2027, 3, 29))
@example(zone="America/Nuuk", expires_on=dt.date(2027, 11, 1))
@example(zone="Australia/Lord_Howe", expires_on=dt.date(2026, 10, 5))
@example(zone="Africa/Cairo", expires_on=dt.date(2027, 5, 1))
@example(zone="Asia/Beirut", expires_on=dt.date(2027, 4, 4))
def test_steps_fall_due_in_order_on_their_day_and_when_the_oracle_says(zone, expires_on):
    api_key = key_of(zone, expires_on)
    due = [due_at(api_key, step) for step in Notice.REMINDERS]
    assert due == [oracle(zoneinfo.ZoneInfo(zone), expires_on, step) for step in Notice.REMINDERS]
    assert due == sorted(due)
    assert due[-1] == api_key.expires_at
    assert due[-1] - due[0] < LONGEST_NOTICE
    days = [moment.astimezone(zoneinfo.ZoneInfo(zone)).date() for moment in due]
    assert [(expires_on - day).days for day in days[1:]] == [7, 1, 0]
    assert 28 <= (expires_on - days[0]).days <= 31


def test_a_day_that_samoa_never_had_does_not_come_after_its_morrow():
    api_key = key_of("Pacific/Apia", dt.date(2011, 12, 31))
    due = [due_at(api_key, step) for step in Notice.REMINDERS]
    assert due == sorted(due)
    assert due[2] == due[3]


def test_an_organization_that_moves_is_never_told_of_an_expiry_too_early():
    # 00:30 on 1 November 2026 comes twice in Havana, and the key expires at the second.
    api_key = key_of("UTC", dt.date(2026, 11, 1))
    api_key.expires_at = dt.datetime(2026, 11, 1, 5, 30, tzinfo=dt.UTC)
    api_key.organization.time_zone = "America/Havana"
    assert api_key.local_expiry().fold == 1
    assert due_at(api_key, Step.EXPIRY) == api_key.expires_at


@pytest.fixture
def company(acme):
    """Return acme with two who are told."""
    person(acme, "ana@acme.example", "Ana Admin", "Admin")
    acme.reminder_contact = "it@elsewhere.example"
    acme.save()
    return acme


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=zones,
    expires_on=dates | leap_dates,
    made_before=st.integers(1, 33 * 24 * 4).map(lambda quarters: dt.timedelta(minutes=15) * quarters),
    switches=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_a_clock_that_strikes_hourly_tells_each_step_once_and_not_too_early(
    company, zone, expires_on, made_before, switches
):
    company.time_zone = zone
    company.reminds_week_before, company.reminds_day_before, company.reminds_at_expiry = switches
    company.save()
    expires_at = expiry_instant(expires_on, company).astimezone(dt.UTC)
    made = ApiKey.objects.create(
        organization=company, kind="scim", key_id="00000000", last_four="0000", description="Okta",
        expires_on=expires_on, expires_at=expires_at, created_at=expires_at - made_before,
    )  # fmt: skip

    now, api_key, strikes = made.created_at, fresh(made), []
    while now < expires_at + 2 * HOUR:
        strikes.append(now)
        if owed_step(api_key, now) or api_key.is_expired(now):
            plan_key(api_key, now)
            api_key = fresh(made)
        now += HOUR

    expected = {}
    for step in Notice.REMINDERS:
        due = oracle(zoneinfo.ZoneInfo(zone), expires_on, step)
        if made.created_at < due and is_on(company, step):
            expected[step] = next(strike for strike in strikes if strike >= due)
    # Two steps within one hour: the later takes the place of the earlier.
    expected = {
        step: at for step, at in expected.items() if at not in [expected[other] for other in after(step, expected)]
    }
    told = sorted((notice.kind, notice.recipient, notice.created_at) for notice in made.notices.all())
    addresses = ["ana@acme.example", "it@elsewhere.example"]
    assert told == sorted((step.value, address, at) for step, at in expected.items() for address in addresses)
    ApiKey.objects.filter(pk=made.pk).delete()


def after(step, steps):
    return [other for other in steps if list(steps).index(other) > list(steps).index(step)]


def fresh(api_key):
    return ApiKey.objects.select_related("organization").prefetch_related("notices").get(pk=api_key.pk)
