"""Once each, whatever crashes: late rather than never, and never twice."""

import datetime as dt

import pytest

from apikeys import delivery
from apikeys.delivery import attempt, longest_overdue
from apikeys.models import Notice
from apikeys.reminders import LONGEST_NOTICE, due_at
from audit.models import Action, Event
from outbox import post
from outbox.post import Post
from tests.conftest import SETUP, person
from tests.reminders.conftest import day
from tests.services import free_port

Step = Notice.Kind


def steps():
    return list(Notice.objects.order_by("id").values_list("kind", flat=True))


def unsent():
    return list(Notice.objects.filter(sent_at=None).order_by("id").values_list("kind", "recipient"))


class PowerCut(BaseException):
    """Nothing catches this."""


def cut(*args, **kwargs):
    raise PowerCut


def test_each_step_is_told_once(ana, key, run_on):
    key("2027-06-10")
    counts = [len(run_on(f"2027-{when}")) for when in
              ("05-09", "05-10", "05-10", "05-20", "06-03", "06-08", "06-09", "06-09", "06-10", "06-11")]  # fmt: skip
    assert counts == [0, 1, 0, 0, 1, 0, 1, 0, 1, 0]
    assert steps() == [Step.MONTH, Step.WEEK, Step.DAY, Step.EXPIRY]
    assert unsent() == []


def test_a_row_says_when_the_mail_went_out(ana, key, run_on):
    key("2027-06-10")
    run_on("2027-05-10T08:00Z")
    reminder = Notice.objects.get()
    assert reminder.created_at == reminder.sent_at == day("2027-05-10T08:00Z")


def test_after_downtime_only_the_latest_step_is_told(ana, key, run_on):
    key("2027-06-10")
    assert len(run_on("2027-06-09")) == 1
    assert steps() == [Step.DAY]


def test_a_key_that_expired_during_downtime_is_told_of_late(ana, key, run_on):
    key("2027-06-10")
    [mail] = run_on("2028-02-01")
    assert "expired on 10 Jun 2027" in mail["Subject"]
    assert steps() == [Step.EXPIRY]


def test_a_deleted_key_is_not_told_of(ana, key, run_on):
    key("2027-06-10").delete_key(by=SETUP)
    run_on("2027-05-10")
    assert steps() == [Notice.Kind.DELETED]


def test_a_key_deleted_between_row_and_mail_is_not_told_of(ana, key, run_on, mailbox):
    api_key = key("2027-06-10")
    mailbox.refused = {"ana@acme.example"}
    run_on("2027-05-10")
    assert unsent() == [("month", "ana@acme.example")]
    api_key.delete_key(by=SETUP)
    mailbox.refused = set()
    assert [mail["Subject"] for mail in run_on("2027-05-11")] == ['Torii SCIM key "Okta" of Acme was deleted']
    assert steps() == [Notice.Kind.DELETED]


def test_a_mail_that_is_refused_is_tried_again_and_holds_up_no_other(acme, ana, key, run_on, mailbox):
    person(acme, "ada@acme.example", "Ada Second", "Admin")
    key("2027-06-10")
    mailbox.refused = {"ana@acme.example"}
    assert [mail["To"] for mail in run_on("2027-05-10")] == ["ada@acme.example"]
    assert unsent() == [("month", "ana@acme.example")]
    mailbox.refused = set()
    assert [mail["To"] for mail in run_on("2027-05-11")] == ["ana@acme.example"]
    assert unsent() == []


def test_with_the_mail_server_down_everything_waits_for_the_next_run(ana, key, run_on, mailbox, settings, caplog):
    key("2027-06-10")
    settings.EMAIL_PORT = free_port()
    assert run_on("2027-05-10") == []
    assert unsent() == [("month", "ana@acme.example")]
    assert "could not be sent" in caplog.text
    assert "Connection refused" in Notice.objects.get().failure
    settings.EMAIL_PORT = mailbox.port
    assert len(run_on("2027-05-11")) == 1
    assert unsent() == []


def test_a_step_that_could_not_be_sent_gives_way_to_the_next(ana, key, run_on, mailbox):
    key("2027-06-10")
    mailbox.refused = {"ana@acme.example"}
    run_on("2027-05-10")
    mailbox.refused = set()
    [mail] = run_on("2027-06-03")
    assert "in 7 days" in mail["Subject"]
    assert steps() == [Step.WEEK]


def test_an_expiry_that_could_not_be_told_is_still_told_days_later(ana, key, run_on, mailbox):
    key("2027-06-10")
    mailbox.refused = {"ana@acme.example"}
    run_on("2027-06-10")
    mailbox.refused = set()
    assert len(run_on("2027-06-15")) == 1


def test_a_crash_right_after_the_mail_has_the_same_mail_sent_again(ana, key, run_on, mailbox, monkeypatch):
    key("2027-06-10")
    with monkeypatch.context() as power:
        power.setattr(delivery, "note", cut)
        with pytest.raises(PowerCut):
            run_on("2027-05-10")
    assert unsent() == [("month", "ana@acme.example")]
    post.taken_lately.clear()  # which goes with the process
    run_on("2027-05-11")
    first, again = mailbox.mails
    assert first["Message-ID"] == again["Message-ID"]
    assert unsent() == []


def test_a_mail_that_another_worker_has_sent_meanwhile_is_not_sent_again(ana, key, run_on, mailbox):
    key("2027-06-10")
    run_on("2027-05-10")
    attempt(Notice.objects.get().pk, day("2027-05-10"), Post())
    assert len(mailbox.mails) == 1


def test_the_expiry_is_put_in_the_audit_log_once(acme, ana, key, run_on):
    api_key = key("2027-06-10")
    run_on("2027-06-09")
    assert not Event.objects.filter(action=Action.API_KEY_EXPIRED).exists()
    run_on("2027-06-10T00:00Z")
    run_on("2027-06-11")
    event = Event.objects.get(action=Action.API_KEY_EXPIRED)
    assert (event.organization, event.actor_label, event.target_id) == (acme, "expiry clock", str(api_key.pk))
    api_key.refresh_from_db()
    assert api_key.expiry_recorded_at == day("2027-06-10T00:00Z")


@pytest.mark.parametrize("others", [0, 20])
def test_a_run_asks_no_more_for_keys_that_are_far_from_their_expiry(
    ana, key, run_on, others, django_assert_num_queries
):
    for number in range(others):
        key("2029-01-01", description=f"far off {number}")
        key("2026-06-01", description=f"gone {number}").delete_key(by=SETUP)
        key("2026-06-01", description=f"expired {number}")
    run_on("2027-05-01")
    with django_assert_num_queries(2):  # keys about to expire, and reminders to be sent
        assert run_on("2027-05-02") == []


def test_a_run_asks_the_same_for_many_keys_that_are_told_of_as_for_one(ana, key, run_on, django_assert_num_queries):
    for number in range(10):
        key("2027-06-10", description=f"key {number}")
    assert len(run_on("2027-05-10")) == 10
    with django_assert_num_queries(3):  # keys about to expire, what is written down of them, reminders to be sent
        assert run_on("2027-05-11") == []


def test_the_longest_notice_covers_every_calendar_month(acme, key):
    acme.time_zone = "Europe/Berlin"
    acme.save()
    for expires_on in ("2027-03-31", "2027-04-30", "2027-11-30", "2028-03-31", "2027-10-31", "2027-08-31"):
        api_key = key(expires_on, description=expires_on)
        assert api_key.expires_at - due_at(api_key, Step.MONTH) < LONGEST_NOTICE


def test_how_long_a_notice_is_overdue_is_told(ana, key, mailbox):
    now = day("2027-05-10")
    assert longest_overdue(now) == dt.timedelta()
    Notice.objects.add(key("2027-06-10"), Notice.Kind.MONTH, ["ana@acme.example"], now=now)
    assert longest_overdue(now - dt.timedelta(hours=1)) == dt.timedelta()
    assert longest_overdue(now + dt.timedelta(hours=2)) == dt.timedelta(hours=2)
