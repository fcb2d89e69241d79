"""A mail that is owed stays owed until somebody is told: late rather than never."""

import pytest
import time_machine

from apikeys.models import ApiKey, KnownOrigin, Notice
from apikeys.reminders import schedule
from audit.actor import Origin
from audit.models import Action, Event
from tests.conftest import SETUP, person
from tests.reminders.conftest import day
from tests.services import free_port

ANA, BOB = "ana@acme.example", "bob@acme.example"


@pytest.fixture
def without_server(settings, mailbox, run_on):
    """Return a function that lets the clock strike while the mail server is down."""

    def run(*moments):
        settings.EMAIL_PORT = free_port()
        for moment in moments:
            assert run_on(moment) == []
        settings.EMAIL_PORT = mailbox.port

    return run


def replace(acme, member):
    """Have Bob take a member's place."""
    person(acme, BOB, "Bob Boss", "Admin")
    member.deactivate(by=SETUP)


def stands(api_key, step, when):
    found = {item.kind: item for item in schedule(ApiKey.objects.get(pk=api_key.pk), day(when))}[step]
    return found.state.value, found.reason


@pytest.mark.parametrize("was_on", [True, False])
def test_a_switch_while_the_mail_server_is_down_loses_no_mail(acme, ana, key, run_on, without_server, was_on):
    acme.set_key_policy(reminds_at_expiry=was_on, by=SETUP)
    key("2027-06-10")
    without_server("2027-05-10", "2027-06-03", "2027-06-09", "2027-06-10", "2027-06-11")
    acme.set_key_policy(reminds_at_expiry=not was_on, by=SETUP)
    without_server("2027-06-12")
    [mail] = run_on("2027-06-13")
    assert "expired on 10 Jun 2027" in mail["Subject"]
    assert run_on("2027-06-14") == []
    assert run_on("2027-07-20") == []
    assert not Notice.objects.waiting().exists()
    assert ApiKey.objects.get().reminder_owed_at is None


@pytest.mark.parametrize("when", ["2027-06-09", "2027-06-12"])
def test_whoever_takes_the_place_of_the_recipients_is_told(acme, ana, key, run_on, without_server, when):
    key("2027-06-10")
    without_server("2027-05-10", "2027-06-03", "2027-06-09", "2027-06-10", when)
    replace(acme, ana)
    [mail] = run_on("2027-06-13")
    assert mail["To"] == BOB
    assert run_on("2027-06-14") == []


def test_a_contact_that_takes_anothers_place_is_told(acme, ana, key, run_on, without_server):
    acme.set_key_policy(reminder_contact="old@acme.example", by=SETUP)
    key("2027-06-10")
    acme.members.update(deactivated_at=day("2027-06-01"))
    without_server("2027-06-09", "2027-06-10")
    acme.set_key_policy(reminder_contact="new@acme.example", by=SETUP)
    assert [mail["To"] for mail in run_on("2027-06-13")] == ["new@acme.example"]


def test_an_expiry_that_nobody_could_be_told_of_is_told_to_the_next_admin(acme, ana, key, run_on):
    api_key = key("2027-06-10")
    acme.members.update(deactivated_at=day("2027-05-01"))
    for when in ("2027-05-10", "2027-06-09", "2027-06-10", "2027-06-20"):
        assert run_on(when) == []
    assert stands(api_key, "expiry", "2027-06-20") == (
        "waiting",
        "there is nobody to tell: your organization has no active Admin",
    )
    person(acme, BOB, "Bob Boss", "Admin")
    [mail] = run_on("2027-07-20")
    assert "expired on 10 Jun 2027" in mail["Subject"]
    assert stands(api_key, "expiry", "2027-07-21") == ("sent", "")
    assert run_on("2027-07-21") == []
    assert Event.objects.filter(action=Action.API_KEY_EXPIRED).count() == 1


def test_an_admin_who_comes_back_is_told(acme, ana, key, run_on, mailbox):
    key("2027-06-10")
    mailbox.refused = {ANA}
    run_on("2027-06-10")
    mailbox.refused = set()
    acme.members.update(deactivated_at=day("2027-06-11"))
    assert run_on("2027-06-12") == []
    acme.members.update(deactivated_at=None)
    assert [mail["To"] for mail in run_on("2027-06-14")] == [ANA]


def test_the_address_that_refused_for_good_is_followed_by_another(acme, ana, key, run_on, mailbox):
    key("2027-06-10")
    mailbox.answers[ANA, "RCPT"] = ["550 5.1.1 No such user"]
    run_on("2027-06-10")
    assert run_on("2027-06-11") == []
    replace(acme, ana)
    assert [mail["To"] for mail in run_on("2027-06-20")] == [BOB]


def test_somebody_who_comes_after_another_was_told_is_told_nothing_late(acme, ana, key, run_on):
    key("2027-06-10")
    assert len(run_on("2027-06-10")) == 1
    replace(acme, ana)
    assert run_on("2027-06-12") == []


def test_a_mail_server_that_is_away_for_two_months_gives_no_mail_up(acme, ana, key, run_on, without_server):
    key("2027-06-10")
    without_server("2027-06-10", *(f"2027-0{month}-{d:02}" for month in (7, 8) for d in range(1, 29)))
    assert len(run_on("2027-09-01")) == 1


def test_a_step_that_was_off_when_it_fell_due_gives_that_as_its_reason(acme, ana, key, run_on):
    acme.set_key_policy(reminds_at_expiry=False, by=SETUP)
    api_key = key("2027-06-10")
    run_on("2027-06-09")
    run_on("2027-06-10")
    acme.set_key_policy(reminds_at_expiry=True, by=SETUP)
    assert run_on("2027-06-11") == []
    assert stands(api_key, "expiry", "2027-06-11") == ("skipped", "nobody was to be told when it fell due")


# What happened to a key -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Notice.Kind.DELETED, Notice.Kind.LEAKED])
def test_a_deed_is_told_to_whoever_takes_the_only_recipients_place(acme, ana, key, run_on, without_server, kind):
    with time_machine.travel("2027-03-01T12:00Z", tick=False):
        key("2027-06-10").delete_key(by=SETUP, kind=kind, reason="why")
    without_server("2027-03-01")
    replace(acme, ana)
    assert run_on("2027-03-05T12:00Z") == []
    [mail] = run_on("2027-03-05T12:15Z")
    assert mail["To"] == BOB
    text = mail.get_body(("plain",)).get_content()
    assert "1 Mar 2027, 12:00 (UTC)" in text
    assert "why" in text
    assert run_on("2027-03-06") == []


def test_a_deed_waits_while_there_is_no_admin_and_says_so(acme, ana, key, run_on, without_server):
    api_key = key("2027-06-10")
    KnownOrigin.objects.meet(api_key, Origin("198.51.100.7", "Okta"), day("2027-03-01"))
    KnownOrigin.objects.meet(api_key, Origin("203.0.113.7", "curl"), day("2027-03-02"))
    without_server("2027-03-02")
    acme.members.update(deactivated_at=day("2027-03-03"))
    assert run_on("2027-03-04") == []
    assert Notice.objects.waiting().get().failure == "There is nobody to tell: no Admin is active."
    person(acme, BOB, "Bob Boss", "Admin")
    assert run_on("2027-03-09T12:00Z") == []
    [mail] = run_on("2027-03-09T12:15Z")
    assert (mail["To"], "somewhere new" in mail["Subject"]) == (BOB, True)
    assert not Notice.objects.waiting().exists()
