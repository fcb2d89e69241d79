"""A reader who may not open a mail's link is told who to ask, and a late mail speaks of the key as it is now."""

import datetime as dt
import re

import pytest
import time_machine
from icalendar import Calendar

from apikeys.models import KnownOrigin
from audit.actor import Origin
from audit.models import Action, Event
from tests.conftest import ACME, SETUP, new_key, once_an_admin, person
from tests.reminders.conftest import day
from tests.reminders.mailbox import parts

ANA, IRA, CONTACT = "ana@acme.example", "ira@acme.example", "it@elsewhere.example"
PLACES = f"{ACME}/api-access"


def calendar_of(mail):
    [attachment] = mail.iter_attachments()
    return Calendar.from_ical(attachment.get_content())


def by_recipient(mails):
    return {mail["To"]: parts(mail) for mail in mails}


def test_whoever_may_not_open_the_link_is_told_who_to_ask(acme, ana, ira, key, run_on):
    acme.set_key_policy(reminder_contact=CONTACT, by=SETUP)
    key("2027-06-10", by=once_an_admin(ira))
    mails = by_recipient(run_on("2027-05-10"))
    assert set(mails) == {ANA, IRA, CONTACT}
    asks = "You can’t do this yourself. Ask an Admin of Acme: Ana Admin (ana@acme.example)."
    assert [asks in text for address in (ANA, IRA, CONTACT) for text in mails[address]] == [False] * 2 + [True] * 4


def test_whoever_may_read_keys_can_open_the_page_of_a_rotation(acme, ana, ira, key, run_on):
    acme.set_key_policy(reminder_contact=CONTACT, by=SETUP)
    old = key("2027-06-10", by=once_an_admin(ira))
    with time_machine.travel("2027-05-01T12:00Z", tick=False):
        old.rotate(description="Okta", expires_on=None, by=SETUP).api_key.notices.all().delete()
    mails = by_recipient(run_on("2027-05-10"))
    asks = "You can’t open this page yourself. Ask an Admin of Acme: Ana Admin (ana@acme.example)."
    assert [asks in text for address in (ANA, IRA, CONTACT) for text in mails[address]] == [False] * 4 + [True] * 2


def test_at_most_three_admins_are_named(acme, ana, key, run_on):
    acme.set_key_policy(reminder_contact=CONTACT, by=SETUP)
    for number in range(4):
        person(acme, f"boss{number}@acme.example", f"Boss {number}", "Admin")
    key("2027-06-10")
    plain, _ = by_recipient(run_on("2027-05-10"))[CONTACT]
    assert plain.count("@acme.example)") == 3


def test_where_no_admin_is_active_nobody_is_named(acme, ana, key, run_on):
    acme.set_key_policy(reminder_contact=CONTACT, by=SETUP)
    acme.members.update(deactivated_at=day("2027-05-01"))
    key("2027-06-10")
    for text in by_recipient(run_on("2027-05-10"))[CONTACT]:
        assert "You can’t do this yourself. An Admin of Acme can, but none is active now." in text


@pytest.mark.parametrize("kind", ["generated", "new origin"])
@pytest.mark.parametrize("gone", ["deleted", "expired"])
def test_a_late_mail_speaks_of_the_key_as_it_is(acme, ana, run_on, kind, gone):
    with time_machine.travel("2027-03-01T12:00Z", tick=False):
        api_key = new_key(acme, expires_on=dt.date(2027, 3, 5)).api_key
    if kind == "new origin":
        api_key.notices.all().delete()
        KnownOrigin.objects.meet(api_key, Origin("198.51.100.7", "Okta"), day("2027-03-01"))
        KnownOrigin.objects.meet(api_key, Origin("203.0.113.7", "curl"), day("2027-03-02"))
    if gone == "deleted":
        with time_machine.travel("2027-03-03T12:00Z", tick=False):
            api_key.delete_key(by=SETUP)
    said = "was generated" if kind == "generated" else "somewhere new"
    [mail] = [mail for mail in run_on("2027-03-06") if said in mail["Subject"]]
    for text in parts(mail):
        if gone == "deleted":
            assert "has been deleted since" in text
            assert re.search(rf"http://localhost{PLACES}[\r\n\"]", text)
            assert f"{PLACES}/keys/{api_key.key_id}" not in text
        else:
            assert "has expired since, on 5 Mar 2027, so nothing can use it any more." in text
            assert f"{PLACES}/keys/{api_key.key_id}" in text
        assert "Whoever has the key can" not in text
        assert "rotate" not in text
        assert "or delete it" not in text


@pytest.mark.parametrize(
    ("sent", "alarms"),
    [
        ("2027-05-11", [-7]),
        ("2027-06-02T23:30Z", [-7]),
        ("2027-06-03T00:30Z", [-1]),
        ("2027-06-08T23:30Z", [-1]),
        ("2027-06-09T00:30Z", []),
    ],
)
def test_the_alarm_of_a_mail_that_is_late_is_ahead_of_when_it_is_sent(acme, ana, key, run_on, mailbox, sent, alarms):
    acme.set_key_policy(by=SETUP, reminds_week_before=False, reminds_day_before=False)
    key("2027-06-10")
    mailbox.refused = {ANA}
    run_on("2027-05-10")
    mailbox.refused = set()
    [mail] = run_on(sent)
    assert [alarm["TRIGGER"].dt.days for alarm in calendar_of(mail).walk("VALARM")] == alarms


def test_the_event_of_an_expiry_has_its_instant_however_late_it_is_noticed(acme, ana, key, run_on):
    acme.time_zone = "Europe/Berlin"
    acme.save()
    key("2027-06-10")
    run_on("2027-07-01")
    assert Event.objects.get(action=Action.API_KEY_EXPIRED).changes == {"expired_at": "2027-06-09T22:00:00+00:00"}
