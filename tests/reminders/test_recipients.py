"""Who is told: every active Admin, and who made the key."""

import pytest

from apikeys.models import Notice
from apikeys.recipients import recipients
from tests.conftest import SETUP, new_key, once_an_admin, person


def told(mails):
    return sorted(mail["To"] for mail in mails)


def test_every_active_admin_is_told(acme, ana, ira, emil, key, run_on):
    person(acme, "ada@acme.example", "Ada Second", "Admin")
    person(acme, "old@acme.example", "Old Hand", "Admin").deactivate(by=SETUP)
    key("2027-06-10")
    assert told(run_on("2027-05-10")) == ["ada@acme.example", "ana@acme.example"]


def test_whoever_made_the_key_is_told_too_while_they_are_active(ana, ira, key, run_on):
    key("2027-06-10", by=once_an_admin(ira))
    assert told(run_on("2027-05-10")) == ["ana@acme.example", "ira@acme.example"]
    ira.deactivate(by=SETUP)
    assert told(run_on("2027-06-03")) == ["ana@acme.example"]


def test_an_admin_who_made_the_key_is_told_once(ana, key, run_on):
    key("2027-06-10", by=ana.actor())
    assert told(run_on("2027-05-10")) == ["ana@acme.example"]


def test_another_organization_is_told_nothing(acme, ana, globex, eve, key, run_on):
    key("2027-06-10")
    assert told(run_on("2027-05-10")) == ["ana@acme.example"]


def test_somebody_who_becomes_an_admin_after_a_step_is_told_of_the_next(acme, ana, ira, key, run_on):
    key("2027-06-10")
    run_on("2027-05-10")
    ira.change_role(acme.roles.named("Admin"), by=SETUP)
    assert run_on("2027-05-11") == []
    assert told(run_on("2027-06-03")) == ["ana@acme.example", "ira@acme.example"]


@pytest.mark.parametrize("verb", ["deactivate", "remove"])
def test_somebody_who_leaves_before_the_mail_goes_out_is_not_told(acme, ana, key, run_on, mailbox, verb):
    ada = person(acme, "ada@acme.example", "Ada Second", "Admin")
    key("2027-06-10")
    mailbox.refused = {"ada@acme.example"}
    run_on("2027-05-10")
    getattr(ada, verb)(by=SETUP)
    mailbox.refused = set()
    assert run_on("2027-05-11") == []
    assert not Notice.objects.filter(sent_at=None).exists()


def test_an_organization_without_an_admin_is_told_as_soon_as_it_has_one(acme, key, run_on):
    key("2027-06-10")
    assert run_on("2027-05-10") == []
    person(acme, "ada@acme.example", "Ada First", "Admin")
    assert told(run_on("2027-05-12")) == ["ada@acme.example"]


def test_a_key_that_never_expires_is_nobodys_concern(acme, ana, run_on):
    new_key(acme, expires_on=None).api_key.notices.all().delete()
    assert run_on("2040-01-01") == []


def test_the_contact_address_is_reminded_too(acme, ana, key, run_on):
    acme.set_key_policy(reminder_contact="it-team@elsewhere.example", by=SETUP)
    key("2027-06-10")
    assert told(run_on("2027-05-10")) == ["ana@acme.example", "it-team@elsewhere.example"]


def test_a_contact_who_is_an_admin_in_another_case_is_told_once(acme, ana, key, run_on):
    acme.set_key_policy(reminder_contact="ANA@Acme.Example", by=SETUP)
    api_key = key("2027-06-10", by=ana.actor())
    assert recipients(api_key) == ["ana@acme.example"]
    assert told(run_on("2027-05-10")) == ["ana@acme.example"]


def test_a_contact_who_is_taken_away_is_not_told_what_waits(acme, ana, key, run_on, mailbox):
    acme.set_key_policy(reminder_contact="it@elsewhere.example", by=SETUP)
    key("2027-06-10")
    mailbox.refused = {"it@elsewhere.example"}
    assert told(run_on("2027-05-10")) == ["ana@acme.example"]
    acme.set_key_policy(reminder_contact="", by=SETUP)
    mailbox.refused = set()
    assert run_on("2027-05-11") == []


def test_a_member_who_is_renamed_in_another_case_is_told_once(acme, key, run_on, mailbox):
    person(acme, "Ana@Acme.Example", "Ana Admin", "Admin")
    key("2027-06-10")
    mailbox.refused = {"Ana@acme.example", "Ana@Acme.Example"}
    run_on("2027-05-10")
    acme.members.update(user_name="ana@acme.example")
    mailbox.refused = set()
    assert len(run_on("2027-05-11")) == 1
    assert run_on("2027-05-12") == []


def test_the_contact_is_told_of_expiries_and_of_nothing_else(acme, ana, run_on):
    acme.set_key_policy(reminder_contact="it@elsewhere.example", by=SETUP)
    new_key(acme).api_key.delete_key(by=SETUP)
    assert told(run_on("2030-01-01")) == ["ana@acme.example", "ana@acme.example"]


@pytest.mark.parametrize("kind", [Notice.Kind.DELETED, Notice.Kind.LEAKED])
def test_admins_are_told_of_a_key_that_is_gone(acme, ana, ira, key, run_on, kind):
    key("2027-06-10").delete_key(by=SETUP, kind=kind)
    assert told(run_on("2030-01-01")) == ["ana@acme.example"]


def test_an_admin_who_leaves_is_not_told_what_waits(acme, ana, key, run_on):
    ada = person(acme, "ada@acme.example", "Ada Second", "Admin")
    key("2027-06-10").delete_key(by=SETUP)
    ada.change_role(acme.roles.named("Employee"), by=SETUP)
    assert told(run_on("2030-01-01")) == ["ana@acme.example"]
    assert not Notice.objects.waiting().exists()


def test_a_key_made_and_deleted_before_anything_was_sent_is_told_of_twice(acme, ana, run_on):
    new_key(acme).api_key.delete_key(by=SETUP)
    assert [mail["Subject"].rpartition(" was ")[2] for mail in run_on("2030-01-01")] == ["generated", "deleted"]
