"""manage.py send_expiry_reminders."""

import datetime as dt

import pytest
import time_machine
from django.core import mail

from apikeys.models import Notice
from audit.models import Event
from tests.conftest import SETUP, describe_as_before, new_key, person
from tests.services import free_port

COMMAND = "send_expiry_reminders"
NOON = "2027-05-10T12:00Z"


@pytest.fixture
def api_key(acme, ana):
    """Return a key of acme whose first reminder falls due on 10 May 2027, in Berlin."""
    acme.time_zone = "Europe/Berlin"
    acme.save()
    with time_machine.travel("2027-01-01T12:00Z", tick=False):
        made = new_key(acme, expires_on=dt.date(2027, 6, 10)).api_key
    describe_as_before(made, "Okta\nproduction")
    made.notices.all().delete()
    return made


@pytest.fixture
def at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


def rows(told):
    return [line.split("  ") for line in told.out.splitlines()[1:]]


def test_it_sends_what_is_due_and_says_what_it_sent(api_key, run, at_noon):
    told = run(COMMAND)
    assert told.error == ""
    [cells] = rows(told)
    assert [cell for cell in cells if cell] == [
        *("2027-05-10 00:00 CEST", "Acme", api_key.hint, "Okta production"),
        *("A month before", "ana@acme.example", "sent"),
    ]
    assert [message.to for message in mail.outbox] == [["ana@acme.example"]]
    assert run(COMMAND).out == ""
    assert run(COMMAND).err == "Nothing was due.\n"
    assert len(mail.outbox) == 1


def test_it_sends_whatever_else_waits(api_key, run, at_noon):
    api_key.delete_key(by=SETUP)
    assert "Key deleted" in run(COMMAND).out
    assert mail.outbox[0].subject.endswith("was deleted")


def test_a_dry_run_lists_the_same_and_changes_nothing(api_key, run, at_noon):
    events = Event.objects.count()
    told = run(COMMAND, "--dry-run")
    assert [cell for cell in rows(told)[0] if cell][-2:] == ["A month before", "ana@acme.example"]
    assert mail.outbox == []
    assert not Notice.objects.exists()
    assert Event.objects.count() == events
    assert told.out.splitlines()[1] in run(COMMAND).out


@pytest.mark.parametrize(
    ("at", "what"),
    [
        ("2027-05-10", "A month before"),
        ("2027-06-02T21:59Z", "A month before"),
        ("2027-06-03T00:00+02:00", "7 days before"),
        ("2027-06-09", "1 day before"),
        ("2030-01-01", "At expiry"),
    ],
)
def test_a_dry_run_tells_of_any_moment(api_key, run, at, what):
    [cells] = rows(run(COMMAND, "--dry-run", "--at", at))
    assert what in cells
    assert not Notice.objects.exists()


def test_a_dry_run_lists_what_waits_already(acme, api_key, run, at_noon, settings):
    person(acme, "ada@acme.example", "Ada Second", "Admin")
    settings.MAIL_SERVER_BACKEND = "lib.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    failed = run(COMMAND)
    assert failed.error == "2 could not be sent yet; the worker, or this command later, tries again."
    assert "waits: " in failed.out
    told = run(COMMAND, "--dry-run", "--at", "2027-05-11")
    assert [cells[-1] for cells in rows(told)] == ["ada@acme.example", "ana@acme.example"]


def test_a_dry_run_with_nothing_due_says_so(api_key, run):
    told = run(COMMAND, "--dry-run", "--at", "2027-05-09")
    assert (told.out, told.err) == ("", "Nothing is due at 2027-05-09 00:00 UTC.\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--at", "2027-05-10"), "--at goes with --dry-run"),
        (("--dry-run", "--at", "10.5.2027"), '"10.5.2027" is no date: write it as in 2027-03-31'),
    ],
)
def test_what_is_wrong_is_said_and_sends_nothing(api_key, run, at_noon, arguments, reason):
    told = run(COMMAND, *arguments)
    assert reason in told.error
    assert told.out == ""
    assert mail.outbox == []


def test_no_part_of_the_table_is_a_key(acme, ana, run, at_noon):
    made = new_key(acme, expires_on=dt.date(2027, 6, 10))
    told = run(COMMAND)
    assert made.text not in told.out + told.err
    assert made.api_key.hint in told.out
