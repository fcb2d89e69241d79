"""When reminders fall due: by the organization's calendar and clock."""

import datetime as dt

import pytest

from apikeys.models import Notice
from apikeys.reminders import due_at, due_step
from tests.reminders.conftest import local

Step = Notice.Kind


@pytest.mark.parametrize(
    ("expires_on", "due"),
    [
        ("2027-03-31", "2027-02-28"),
        ("2028-03-31", "2028-02-29"),
        ("2027-03-28", "2027-02-28"),
        ("2027-05-31", "2027-04-30"),
        ("2027-01-15", "2026-12-15"),
        ("2028-02-29", "2028-01-29"),
    ],
)
def test_the_first_reminder_falls_due_a_calendar_month_before(key, expires_on, due):
    assert due_at(key(expires_on), Step.MONTH) == dt.datetime.fromisoformat(f"{due}T00:00Z")


@pytest.mark.parametrize(
    ("zone", "expires_on", "step", "due"),
    [
        # Clocks go forward on 28 March 2027 in Berlin, back on 31 October.
        ("Europe/Berlin", "2027-04-01", Step.WEEK, "2027-03-24T23:00Z"),
        ("Europe/Berlin", "2027-04-01", Step.EXPIRY, "2027-03-31T22:00Z"),
        ("Europe/Berlin", "2027-11-01", Step.DAY, "2027-10-30T22:00Z"),
        ("Europe/Berlin", "2027-11-01", Step.EXPIRY, "2027-10-31T23:00Z"),
        ("Pacific/Auckland", "2027-05-01", Step.MONTH, "2027-03-31T11:00Z"),
        ("America/Los_Angeles", "2027-03-15", Step.DAY, "2027-03-14T08:00Z"),
        # Midnight of 5 September 2027 does not exist in Santiago: clocks go from 24:00 to 01:00.
        ("America/Santiago", "2027-09-06", Step.DAY, "2027-09-05T04:00Z"),
    ],
)
def test_days_are_those_of_the_organizations_clock(acme, key, zone, expires_on, step, due):
    acme.time_zone = zone
    acme.save()
    assert due_at(key(expires_on), step) == dt.datetime.fromisoformat(due)


def test_a_step_is_due_from_its_very_first_moment_on(acme, key):
    acme.time_zone = "Asia/Tokyo"
    acme.save()
    api_key = key("2027-06-10")
    week = local("2027-06-03T00:00", "Asia/Tokyo")
    assert due_step(api_key, week - dt.timedelta(microseconds=1)) == Step.MONTH
    assert due_step(api_key, week) == Step.WEEK


def test_of_several_steps_only_the_latest_is_due(key):
    api_key = key("2027-06-10")
    steps = [due_step(api_key, dt.datetime.fromisoformat(f"2027-{day}T12:00Z")) for day in
             ("05-09", "05-10", "06-02", "06-03", "06-08", "06-09", "06-10", "12-31")]  # fmt: skip
    assert steps == [None, Step.MONTH, Step.MONTH, Step.WEEK, Step.WEEK, Step.DAY, Step.EXPIRY, Step.EXPIRY]


@pytest.mark.parametrize(
    ("made_on", "first_step", "due"),
    [
        ("2027-05-09", Step.MONTH, "2027-05-10"),
        ("2027-05-10", Step.WEEK, "2027-06-03"),
        ("2027-06-02", Step.WEEK, "2027-06-03"),
        ("2027-06-03", Step.DAY, "2027-06-09"),
        ("2027-06-09", Step.EXPIRY, "2027-06-10"),
    ],
)
def test_a_key_skips_the_steps_that_were_past_when_it_was_made(key, made_on, first_step, due):
    api_key = key("2027-06-10", made_on=made_on)
    falls_due = dt.datetime.fromisoformat(f"{due}T00:00Z")
    assert due_step(api_key, falls_due - dt.timedelta(seconds=1)) is None
    assert due_step(api_key, falls_due) == first_step
