"""What the mail server may answer, and what becomes of the notice."""

import datetime as dt
from smtplib import SMTPAuthenticationError, SMTPConnectError, SMTPHeloError, SMTPServerDisconnected

import pytest

from apikeys import delivery
from apikeys.delivery import TRIED_AT_LEAST, TRIED_FOR, deliver, pause
from apikeys.mail import mail_for
from apikeys.models import Notice
from apikeys.models.notice import LONGEST_PAUSE
from lib.smtp import EmailBackend
from outbox.post import MAILS_IN_A_CONVERSATION
from tests.conftest import SETUP, person
from tests.reminders.conftest import day
from tests.reminders.mailbox import HANG_UP, TAKE_AND_HANG_UP
from tests.services import free_port

ANA, ADA = "ana@acme.example", "ada@acme.example"
NOW = day("2027-05-10")
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


@pytest.fixture
def notice(ana, key):
    """Return a notice for Ana that is due at NOW."""
    return written(key("2027-06-10"), ANA)


def written(api_key, *addresses, now=NOW):
    Notice.objects.add(api_key, Notice.Kind.MONTH, addresses, now=now)
    return api_key.notices.order_by("id").last()


def again(notice):
    notice.refresh_from_db()
    return notice


def test_a_mail_that_is_taken_is_noted(notice, mailbox):
    deliver(NOW)
    assert len(mailbox.mails) == 1
    again(notice)
    assert (notice.sent_at, notice.failed_at, notice.attempts, notice.failure) == (NOW, None, 1, "")


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("RCPT", "550 5.1.1 No such user"),
        ("RCPT", "553 5.1.3 Bad address syntax"),
        ("DATA", "554 5.7.1 Looks like spam"),
        ("DATA", "552 5.3.4 Too big"),
        ("MAIL", "550 5.7.1 Sender refused"),
    ],
)
def test_what_is_refused_for_good_has_failed_and_is_never_tried_again(notice, mailbox, stage, answer):
    mailbox.answers["*", stage] = [answer]
    deliver(NOW)
    again(notice)
    assert (notice.sent_at, notice.failed_at, notice.attempts, notice.failure) == (None, NOW, 1, answer)
    deliver(NOW + TRIED_FOR)
    assert mailbox.mails == []
    assert mailbox.attempts == 1


@pytest.mark.parametrize(
    ("stage", "answer", "failure"),
    [
        ("RCPT", "450 4.2.0 Greylisted", "450 4.2.0 Greylisted"),
        ("RCPT", "421 4.3.2 Shutting down", "421 4.3.2 Shutting down"),
        ("DATA", "451 4.3.0 Try later", "451 4.3.0 Try later"),
        ("MAIL", "452 4.3.1 Disk full", "452 4.3.1 Disk full"),
        ("MAIL", "530 5.7.0 Authentication required", "530 5.7.0 Authentication required"),
        ("MAIL", "535 5.7.8 Credentials invalid", "535 5.7.8 Credentials invalid"),
        ("MAIL", "503 5.5.1 Say who you are first", "503 5.5.1 Say who you are first"),
        ("MAIL", HANG_UP, "Connection unexpectedly closed"),
        ("DATA", HANG_UP, "Connection unexpectedly closed"),
    ],
)
def test_whatever_else_goes_wrong_is_tried_again(notice, mailbox, stage, answer, failure):
    mailbox.answers["*", stage] = [answer]
    deliver(NOW)
    again(notice)
    assert (notice.sent_at, notice.failed_at, notice.attempts) == (None, None, 1)
    assert failure in notice.failure
    assert notice.next_attempt_at == NOW + pause(1)
    deliver(NOW + pause(1) - dt.timedelta(seconds=1))
    assert mailbox.mails == []
    deliver(NOW + pause(1))
    assert len(mailbox.mails) == 1
    assert again(notice).attempts == 2


@pytest.mark.parametrize(
    "error",
    [
        SMTPAuthenticationError(535, b"Bad password"),
        SMTPAuthenticationError(530, b"Authentication required"),
        SMTPConnectError(554, b"No service for your address"),
        SMTPHeloError(550, b"You are banned"),
        SMTPServerDisconnected("closed"),
        ConnectionRefusedError("refused"),
        TimeoutError("timed out"),
    ],
)
def test_a_server_that_does_not_let_us_in_says_nothing_about_the_mail(notice, mailbox, monkeypatch, error):
    def refuse(self):
        raise error

    with monkeypatch.context() as server:
        server.setattr(EmailBackend, "open", refuse)
        deliver(NOW)
    again(notice)
    assert (notice.failed_at, notice.attempts) == (None, 1)
    assert notice.failure != ""
    deliver(NOW + pause(1))
    assert len(mailbox.mails) == 1


def test_a_server_that_takes_a_mail_and_hangs_up_gets_it_again_under_the_same_id(notice, mailbox):
    mailbox.answers[ANA, "DATA"] = [TAKE_AND_HANG_UP]
    deliver(NOW)
    deliver(NOW + pause(1))
    assert list(mailbox.message_ids().values()) == [2]
    assert again(notice).sent_at is not None


def test_the_servers_words_are_kept_in_one_line_without_nul_and_cut(notice, mailbox):
    mailbox.answers[ANA, "RCPT"] = ["550-first\r\n550 sec\0ond " + "x" * 400]
    deliver(NOW)
    again(notice)
    assert notice.failure.startswith("550 first sec ond xxx")
    assert len(notice.failure) == 300


def test_the_pause_doubles_up_to_four_hours(settings):
    settings.REMINDER_INTERVAL = 900
    assert [pause(attempts) / MINUTE for attempts in range(1, 8)] == [15, 30, 60, 120, 240, 240, 240]
    assert pause(30_000) == LONGEST_PAUSE == 4 * HOUR


def tried_for(notice, mailbox, span, every):
    """Have the notice refused all the time; return when it failed, or None."""
    mailbox.refused = {ANA}
    now = NOW
    while now <= NOW + span:
        deliver(now)
        if again(notice).failed_at:
            return now
        now += every
    return None


def test_an_address_that_refuses_for_a_month_is_given_up(ana, key, mailbox):
    # An expiry, which no later reminder takes the place of.
    api_key = key("2027-05-10")
    Notice.objects.add(api_key, Notice.Kind.EXPIRY, [ANA], now=NOW)
    notice = api_key.notices.get()
    failed_at = tried_for(notice, mailbox, dt.timedelta(days=40), 4 * HOUR)
    assert TRIED_FOR < failed_at - NOW <= TRIED_FOR + 4 * HOUR
    assert notice.failure == "Given up after 31 days. 452 4.2.2 Mailbox full"
    mailbox.refused = set()
    deliver(NOW + dt.timedelta(days=50))
    assert mailbox.mails == []


def test_a_month_without_a_worker_is_no_month_of_refusals(ana, key, mailbox):
    api_key = key("2027-05-10")
    Notice.objects.add(api_key, Notice.Kind.EXPIRY, [ANA], now=NOW)
    mailbox.answers[ANA, "RCPT"] = ["450 4.2.0 Greylisted"]
    late = NOW + dt.timedelta(days=60)
    deliver(late)
    deliver(late + HOUR)
    assert len(mailbox.mails) == 1
    assert TRIED_AT_LEAST > 2


def test_one_address_that_is_refused_holds_up_no_other(ana, acme, key, mailbox):
    person(acme, ADA, "Ada Second", "Admin")
    written(key("2027-06-10"), ADA, ANA)
    mailbox.answers[ADA, "RCPT"] = ["550 5.1.1 No such user"]
    deliver(NOW)
    assert [mail["To"] for mail in mailbox.mails] == [ANA]


def test_a_run_is_one_conversation_and_no_endless_one(acme, ana, key, mailbox):
    for number in range(MAILS_IN_A_CONVERSATION + 1):
        written(key("2027-06-10", description=str(number)), ANA)
    deliver(NOW)
    assert len(mailbox.mails) == MAILS_IN_A_CONVERSATION + 1
    assert mailbox.conversations == 2


def test_a_server_that_can_not_be_reached_ends_the_run_and_the_queue_turns(ana, key, mailbox, settings):
    notices = [written(key("2027-06-10", description=text), ANA) for text in "abc"]
    settings.EMAIL_PORT = free_port()
    deliver(NOW)
    assert [again(notice).attempts for notice in notices] == [1, 0, 0]
    deliver(NOW + MINUTE)
    assert [again(notice).attempts for notice in notices] == [1, 1, 0]
    settings.EMAIL_PORT = mailbox.port
    deliver(NOW + HOUR)
    assert len(mailbox.mails) == 3


def test_a_server_that_breaks_off_every_time_ends_the_run(ana, key, mailbox):
    notices = [written(key("2027-06-10", description=text), ANA) for text in "abcde"]
    mailbox.answers[ANA, "DATA"] = [HANG_UP] * 4
    deliver(NOW)
    assert [again(notice).attempts for notice in notices] == [1, 1, 1, 0, 0]


def test_a_mail_that_can_not_be_written_stops_no_other_and_is_tried_again(ana, key, mailbox, monkeypatch, caplog):
    broken, fine = [written(key("2027-06-10", description=text), ANA) for text in ("broken", "fine")]
    write = mail_for

    def stumble(notice, now):
        if notice.api_key.description == "broken":
            Notice.objects.get(pk="no number")
        return write(notice, now)

    with monkeypatch.context() as bug:
        bug.setattr(delivery, "mail_for", stumble)
        deliver(NOW)
    assert (again(broken).sent_at, again(broken).attempts, again(fine).sent_at) == (None, 1, NOW)
    assert "a bug of ours" in broken.failure
    assert "no number" in caplog.text
    deliver(NOW + pause(1))
    assert again(broken).sent_at is not None


def test_a_mistake_in_the_database_while_writing_a_mail_stops_no_other(ana, key, mailbox, monkeypatch):
    broken, fine = [written(key("2027-06-10", description=text), ANA) for text in ("broken", "fine")]
    write = mail_for

    def stumble(notice, now):
        if notice.api_key.description == "broken":
            Notice.objects.create(api_key=notice.api_key, kind=notice.kind, recipient=notice.recipient)
        return write(notice, now)

    monkeypatch.setattr(delivery, "mail_for", stumble)
    deliver(NOW)
    assert (again(broken).attempts, again(fine).sent_at) == (1, NOW)


# Clocks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [LONGEST_PAUSE + MINUTE, dt.timedelta(days=31), dt.timedelta(days=4000)])
def test_what_a_clock_that_was_ahead_put_off_is_tried_now(notice, mailbox, ahead):
    Notice.objects.update(next_attempt_at=NOW + ahead, attempts=3)
    deliver(NOW)
    assert again(notice).sent_at == NOW


def test_what_was_put_off_by_a_right_clock_waits(notice, mailbox):
    Notice.objects.update(next_attempt_at=NOW + LONGEST_PAUSE)
    deliver(NOW)
    assert again(notice).sent_at is None


def test_a_notice_written_by_a_clock_that_was_ahead_is_sent_and_its_month_starts_now(ana, key, mailbox):
    api_key = key("2027-05-10")
    ahead = NOW + dt.timedelta(days=30)
    Notice.objects.add(api_key, Notice.Kind.EXPIRY, [ANA], now=ahead)
    notice = api_key.notices.get()
    failed_at = tried_for(notice, mailbox, dt.timedelta(days=40), 12 * HOUR)
    assert TRIED_FOR < failed_at - NOW <= TRIED_FOR + 12 * HOUR


def test_a_clock_that_leaps_a_month_gives_nothing_up(ana, key, mailbox):
    api_key = key("2027-05-10")
    Notice.objects.add(api_key, Notice.Kind.EXPIRY, [ANA], now=NOW)
    mailbox.refused = {ANA}
    for moment in (NOW, NOW + dt.timedelta(days=35), NOW + HOUR):
        deliver(moment)
    mailbox.refused = set()
    deliver(NOW + 2 * HOUR)
    assert len(mailbox.mails) == 1


def test_a_clock_that_was_ahead_keeps_nobody_from_being_told_in_time(ana, key, run_on, mailbox):
    api_key = key("2027-06-10")
    mailbox.refused = {ANA}
    assert run_on("2027-06-20") == []  # ten days after the expiry, says a clock that is ahead
    mailbox.refused = set()
    counts = [len(run_on(f"2027-{when}")) for when in ("05-09", "05-10", "06-03", "06-09", "06-10", "06-20", "06-21")]
    assert counts == [0, 1, 1, 1, 1, 0, 0]
    assert {*api_key.notices.values_list("kind", flat=True)} == {*Notice.REMINDERS}


def test_somebody_whom_a_clock_that_was_ahead_could_not_reach_is_told_in_time(acme, ana, key, run_on, mailbox):
    person(acme, ADA, "Ada Second", "Admin")
    key("2027-06-10")
    mailbox.refused = {ADA}
    assert [mail["To"] for mail in run_on("2027-05-20")] == [ANA]
    mailbox.refused = set()
    assert run_on("2027-05-01") == []
    assert [mail["To"] for mail in run_on("2027-05-10")] == [ADA]
    assert [mail["To"] for mail in run_on("2027-05-20")] == []


def test_what_a_clock_that_was_ahead_has_told_is_not_told_again_but_the_steps_before_it_are(ana, key, run_on):
    key("2027-06-10")
    assert len(run_on("2027-06-20")) == 1
    counts = [len(run_on(f"2027-{when}")) for when in ("05-09", "05-10", "06-03", "06-09", "06-10", "06-20", "06-21")]
    assert counts == [0, 1, 1, 1, 0, 0, 0]


# What is wanted -------------------------------------------------------------------------------------------------------


def test_a_reminder_whose_place_a_later_one_takes_is_not_sent_even_before_that_is_written_down(notice, mailbox):
    deliver(day("2027-06-03"))
    assert mailbox.mails == []
    assert not Notice.objects.exists()


def test_a_notice_of_a_deleted_key_is_sent_and_a_reminder_is_not(ana, key, mailbox):
    api_key = key("2027-06-10")
    written(api_key, ANA)
    api_key.delete_key(by=SETUP)
    deliver(day("2030-01-01"))
    assert [mail["Subject"].rpartition(" was ")[2] for mail in mailbox.mails] == ["deleted"]


def test_a_run_with_nothing_to_send_asks_one_thing(ana, key, mailbox, django_assert_num_queries):
    key("2027-06-10")
    with django_assert_num_queries(1):
        deliver(NOW)
    assert mailbox.conversations == 0
