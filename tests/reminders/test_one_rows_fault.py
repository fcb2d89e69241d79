"""One organization, key or mail that can't be dealt with stops no other: by the clock, the command and the dry run."""

import datetime as dt

import pytest
import time_machine
from django.core.management import CommandError, call_command

from apikeys import delivery, reminders
from apikeys.models import ApiKey, Notice
from apikeys.tasks import send_expiry_reminders
from audit.actor import Origin
from members.models import Organization
from tests.conftest import SETUP, new_key
from tests.reminders.conftest import day

NOW = "2027-05-10T12:00Z"
ANA, EVE = "ana@acme.example", "eve@globex.example"


@pytest.fixture
def two(acme, ana, globex, eve, monkeypatch):
    """Return two organizations' keys whose reminder is due; to ask for the first one's time zone is a fault."""
    zone = vars(Organization)["zone"].fget

    def stumble(organization):
        if organization.time_zone == "Mars/Olympus_Mons":
            raise ArithmeticError
        return zone(organization)

    monkeypatch.setattr(Organization, "zone", property(stumble))
    with time_machine.travel("2027-01-01T12:00Z", tick=False):
        keys = [new_key(each, expires_on=dt.date(2027, 6, 10)).api_key for each in (acme, globex)]
    Notice.objects.all().delete()
    Organization.objects.filter(pk=acme.pk).update(time_zone="Mars/Olympus_Mons")
    return keys


def told(mailbox):
    return [mail["To"] for mail in mailbox.mails]


def write_down(*keys):
    for key, address in zip(keys, (ANA, EVE), strict=True):
        Notice.objects.add(key, Notice.Kind.MONTH, [address], now=day("2027-05-10T11:00Z"))


@pytest.mark.parametrize("written", [False, True])
def test_a_fault_of_one_organization_stops_nobody_elses_mail(two, mailbox, caplog, written):
    if written:
        write_down(*two)
    with time_machine.travel(NOW, tick=False):
        send_expiry_reminders()
    assert told(mailbox) == [EVE]
    assert two[0].hint in caplog.text
    Organization.objects.filter(pk=two[0].organization_id).update(time_zone="Europe/Berlin")
    with time_machine.travel("2027-05-11T12:00Z", tick=False):
        send_expiry_reminders()
    assert told(mailbox) == [EVE, ANA]


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
@pytest.mark.parametrize("written", [False, True])
def test_the_command_goes_on_and_ends_with_an_error(two, mailbox, capsys, options, written):
    if written:
        write_down(*two)
    with time_machine.travel(NOW, tick=False), pytest.raises(CommandError):
        call_command("send_expiry_reminders", *options)
    assert EVE in capsys.readouterr().out
    assert told(mailbox) == ([] if options else [EVE])


def test_a_key_that_can_not_be_deleted_by_itself_stops_no_other(acme, ana, monkeypatch, caplog):
    old = []
    with time_machine.travel("2027-01-01T12:00Z", tick=False):
        for text in ("broken", "fine"):
            key = new_key(acme, description=text).api_key
            new = key.rotate(description=text, expires_on=None, by=SETUP, delete_when_silent=True).api_key
            new.record_use(Origin(), day("2027-01-01"))
            old.append(key)
    delete = ApiKey.delete_if_replaced

    def stumble(api_key, **kwargs):
        if api_key.description == "broken":
            raise ArithmeticError
        return delete(api_key, **kwargs)

    monkeypatch.setattr(ApiKey, "delete_if_replaced", stumble)
    assert reminders.delete_replaced_keys(day("2027-02-01")) == 1
    assert [ApiKey.objects.get(pk=key.pk).deleted_at is None for key in old] == [True, False]
    assert old[0].hint in caplog.text


def test_a_notice_that_can_not_be_noted_stops_no_other(two, mailbox, monkeypatch):
    Organization.objects.update(time_zone="UTC")
    write_down(*two)
    note = delivery.note

    def stumble(notice, **kwargs):
        if notice.recipient == ANA:
            raise ArithmeticError
        note(notice, **kwargs)

    monkeypatch.setattr(delivery, "note", stumble)
    assert delivery.deliver(day(NOW)) == 1
    assert told(mailbox)[-1] == EVE


def test_a_fault_of_ours_gives_no_mail_up(two, mailbox):
    write_down(*two)
    for number in range(60):
        delivery.deliver(day("2027-05-10") + dt.timedelta(hours=24 * number))
    assert not Notice.objects.filter(recipient=ANA).exclude(failed_at=None).exists()
