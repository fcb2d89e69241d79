"""What a reminder of an expiry says, and what every mail has."""

import datetime as dt

import pytest
import time_machine
from icalendar import Calendar

from apikeys.mail import message_id
from apikeys.models import ApiKey, Notice
from audit.actor import Origin
from tests.conftest import ACME, SETUP, describe_as_before, person
from tests.reminders.conftest import day
from tests.reminders.mailbox import parts

HOME = Origin("203.0.113.7", "Okta SCIM Client 1.0")


@pytest.fixture
def berlin(acme):
    acme.time_zone = "Europe/Berlin"
    acme.save()
    return acme


def test_the_subject_says_which_key_expires_when(ana, key, run_on):
    describe_as_before(key("2027-06-10"), "Okta\n production")
    subjects = [run_on(when)[0]["Subject"] for when in ("2027-05-10", "2027-06-05", "2027-06-09", "2027-06-10")]
    key_name = 'Torii SCIM key "Okta production" of Acme'
    assert subjects == [
        f"{key_name} expires in 31 days, on 10 Jun 2027",
        f"{key_name} expires in 5 days, on 10 Jun 2027",
        f"{key_name} expires tomorrow, on 10 Jun 2027",
        f"{key_name} expired on 10 Jun 2027",
    ]


def test_days_are_counted_by_the_organizations_calendar(acme, ana, key, run_on):
    acme.time_zone = "Pacific/Auckland"
    acme.save()
    key("2027-06-10")
    [mail] = run_on("2027-06-02T12:00Z")  # midnight of 3 June in Auckland
    assert mail["Subject"].endswith("expires in 7 days, on 10 Jun 2027")


def test_the_mail_says_all_there_is_to_know(berlin, ana, key, run_on):
    api_key = key("2027-06-10")
    api_key.record_use(HOME, dt.datetime(2027, 5, 9, 22, 3, tzinfo=dt.UTC))
    [mail] = run_on("2027-05-10")
    for text in parts(mail):
        assert "Okta" in text
        assert api_key.hint in text
        assert "10 Jun 2027, 00:00 (Europe/Berlin, UTC+02:00)" in text
        assert "10 May 2027, 00:03 (Europe/Berlin, UTC+02:00), from 203.0.113.7, by Okta SCIM Client 1.0" in text
        assert "From then on Okta" in text
        assert "401" in text
        assert f"http://localhost{ACME}/api-access/keys/{api_key.key_id}/rotation" in text
    plain, html = parts(mail)
    assert [line[:3] for line in plain.splitlines() if line[:3] in ("1. ", "2. ", "3. ", "4. ")] == [
        "1. ",
        "2. ",
        "3. ",
    ]
    assert html.count("<li") == 3


def test_a_key_never_used_says_so(ana, key, run_on):
    key("2027-06-10")
    plain, html = parts(run_on("2027-05-10")[0])
    assert "Last used: never" in plain
    assert ">never<" in html
    for text in (plain, html):
        assert "This key was never used, so nothing stops working." in text
        assert "That is safe at once: nothing ever used it." in text


def test_an_expired_key_is_spoken_of_in_the_past_and_has_steps_of_its_own(ana, key, run_on):
    api_key = key("2027-06-10")
    api_key.record_use(HOME, day("2027-05-09"))
    for text in parts(run_on("2027-06-10")[0]):
        assert "Expired" in text
        assert "Since then Okta" in text
        assert f"http://localhost{ACME}/api-access/keys/new?like={api_key.key_id}" in text
        assert "Generate a replacement" in text
        assert "The expired key stays refused" in text
        assert "same time" not in text
        assert "/rotation" not in text


def test_an_expired_key_that_was_never_used_stops_nothing(ana, key, run_on):
    key("2027-06-10")
    for text in parts(run_on("2027-06-10")[0]):
        assert "This key was never used, so nothing has stopped working." in text
        assert "If the key is still needed, generate a new one." in text
        assert "401" not in text


@pytest.mark.parametrize("kind", [ApiKey.Kind.API_READ, ApiKey.Kind.API_WRITE])
def test_a_key_of_the_rest_api_speaks_of_scripts(ana, key, run_on, kind):
    key("2027-06-10", kind=kind)
    for text in parts(run_on("2027-05-10")[0]):
        assert "script" in text
        assert "Okta, or" not in text


def test_what_people_wrote_is_escaped_in_html_and_left_alone_in_text(acme, ana, key, run_on):
    acme.edit(domains=acme.domain_names(), name="A & B", by=SETUP)
    key("2027-06-10", description="<b>Okta</b>")
    plain, html = parts(run_on("2027-05-10")[0])
    assert "“<b>Okta</b>” of A & B expires" in plain
    assert "&lt;b&gt;Okta&lt;/b&gt;” of A &amp; B expires" in html
    assert "<b>" not in html


def test_nobodys_out_of_office_answers(ana, key, run_on):
    key("2027-06-10")
    [mail] = run_on("2027-05-10")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["From"] == "settings@torii.example"


def test_a_key_with_a_successor_says_how_far_the_rotation_is(acme, ana, key, run_on):
    old = key("2027-06-10")
    with time_machine.travel("2027-05-01T12:00Z", tick=False):
        new = old.rotate(description="Okta", expires_on=dt.date(2028, 6, 10), by=SETUP).api_key
    new.notices.all().delete()
    old.record_use(HOME, day("2027-05-09"))
    for text in parts(run_on("2027-05-10")[0]):
        assert new.hint in text
        assert "The new key has not been used yet." in text
        assert f"{ACME}/api-access/keys/{old.key_id}" in text
        assert "/rotation" not in text
        assert "Generate a new key" not in text
        assert "Put the new key in place" in text
        assert "If the new key isn’t in place by then, Okta" in text
    new.record_use(HOME, day("2027-05-20"))
    for text in parts(run_on("2027-06-03")[0]):
        assert "The old key can be deleted." in text
        assert "Put the new key in place" not in text
        assert "Delete the old key" in text
        assert "401" not in text


def test_a_key_that_goes_by_itself_says_so(acme, ana, key, run_on):
    old = key("2027-06-10")
    with time_machine.travel("2027-05-01T12:00Z", tick=False):
        old.rotate(
            description="Okta", expires_on=None, by=SETUP, delete_when_silent=True
        ).api_key.notices.all().delete()
    for text in parts(run_on("2027-05-10")[0]):
        assert "the old key is deleted by itself" in text


def test_a_successor_that_was_deleted_is_none(acme, ana, key, run_on):
    old = key("2027-06-10")
    with time_machine.travel("2027-05-01T12:00Z", tick=False):
        new = old.rotate(description="Okta", expires_on=None, by=SETUP).api_key
        new.delete_key(by=SETUP)
    new.notices.all().delete()
    assert f"/keys/{old.key_id}/rotation" in parts(run_on("2027-05-10")[0])[0]


def calendar_of(mail):
    [attachment] = mail.iter_attachments()
    assert attachment.get_content_type() == "text/calendar"
    assert attachment.get_param("method") == "PUBLISH"
    assert attachment.get_filename() == "key-expiry.ics"
    return Calendar.from_ical(attachment.get_content())


def test_the_expiry_comes_as_an_event_for_the_calendar(berlin, ana, key, run_on):
    api_key = key("2027-06-10", description="Okta, production; München")
    calendar = calendar_of(run_on("2027-05-10")[0])
    assert (calendar["METHOD"], calendar["VERSION"]) == ("PUBLISH", "2.0")
    [event] = calendar.walk("VEVENT")
    assert event["DTSTART"].dt == dt.datetime(2027, 6, 9, 22, tzinfo=dt.UTC)
    assert event["DTSTAMP"].dt == day("2027-05-10")
    assert event["UID"] == f"{api_key.key_id}-expiry@localhost"
    assert event["SUMMARY"] == "Torii SCIM key “Okta, production; München” expires"
    [alarm] = event.walk("VALARM")
    assert alarm["TRIGGER"].dt == dt.timedelta(days=-7)


def test_the_calendars_alarm_is_always_ahead(ana, key, run_on):
    key("2027-06-10")
    alarms = [
        [alarm["TRIGGER"].dt.days for alarm in calendar_of(run_on(when)[0]).walk("VALARM")]
        for when in ("2027-05-10", "2027-06-03", "2027-06-09")
    ]
    assert alarms == [[-7], [-1], []]


def test_all_reminders_of_a_key_are_one_event(ana, key, run_on):
    key("2027-06-10")
    uids = {calendar_of(run_on(when)[0]).walk("VEVENT")[0]["UID"] for when in ("2027-05-10", "2027-06-03")}
    assert len(uids) == 1


def test_an_expired_key_is_no_event_any_more(ana, key, run_on):
    key("2027-06-10")
    assert list(run_on("2027-06-10")[0].iter_attachments()) == []


def test_the_message_id_differs_by_step_recipient_and_key_and_by_nothing_else(acme, ana, key, run_on):
    person(acme, "ada@acme.example", "Ada Second", "Admin")
    key("2027-06-10")
    key("2027-06-10", description="Entra")
    ids = [mail["Message-ID"] for when in ("2027-05-10", "2027-06-03") for mail in run_on(when)]
    assert len(set(ids)) == len(ids) == 8
    assert ids == [message_id(notice) for notice in Notice.objects.order_by("id")]
    assert all(text.endswith("@localhost>") for text in ids)


def test_the_message_id_does_not_depend_on_case(key):
    notice = Notice(api_key=key("2027-06-10"), kind="month", recipient="Ana@Acme.example")
    other = Notice(api_key=notice.api_key, kind="month", recipient="ana@acme.example")
    assert message_id(notice) == message_id(other)


def test_each_day_of_a_new_origin_is_a_mail_of_its_own(key):
    api_key = key("2027-06-10")
    days = [Notice(api_key=api_key, kind="new_origin", occasion=text, recipient="ana@acme.example")
            for text in ("2027-01-01", "2027-01-02")]  # fmt: skip
    assert len({message_id(notice) for notice in days}) == 2
