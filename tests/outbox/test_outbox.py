"""Mails that wait: written with what they tell of, sent once, dropped when they are of no use."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives, mail_admins, send_mail
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apikeys.delivery import deliver as deliver_notices
from lib import smtp, stopping
from outbox.delivery import longest_wait, pause
from outbox.models import LIFETIME, LONGEST_PAUSE, OutgoingMail
from outbox.tasks import deliver_mails
from tests.conftest import new_key
from tests.processes.mail_servers import dripping
from tests.reminders.mailbox import parts
from tests.services import free_port

pytestmark = pytest.mark.django_db

SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)
ANA = "ana@acme.example"


def write(*recipients: str, **fields: Any) -> None:
    message = EmailMultiAlternatives("Hello", "in plain text", "us@acme.example", list(recipients) or [ANA], **fields)
    message.attach_alternative("<p>in HTML</p>", "text/html")
    OutgoingMail.objects.write_down([message])


def test_a_mail_is_sent_as_it_was_written_and_its_row_goes(mailbox):
    write(headers={"X-Own": "one\r\nline"})
    deliver_mails()

    (sent,) = mailbox.mails
    assert (sent["Subject"], sent["From"], sent["To"]) == ("Hello", "us@acme.example", ANA)
    assert sent["X-Own"] == "one line"
    assert sent["Auto-Submitted"] == "auto-generated"
    assert [text.strip() for text in parts(sent)] == ["in plain text", "<p>in HTML</p>"]
    assert not OutgoingMail.objects.exists()
    deliver_mails()
    assert len(mailbox.mails) == 1


def test_each_recipient_gets_a_mail_that_names_no_other(mailbox):
    write(ANA, "ada@acme.example", bcc=["secret@acme.example"])
    deliver_mails()
    assert [sent["To"] for sent in mailbox.mails] == [ANA, "ada@acme.example", "secret@acme.example"]


def test_a_mail_of_a_transaction_that_is_rolled_back_is_not_sent(mailbox):
    with transaction.atomic():
        write()
        transaction.set_rollback(True)
    deliver_mails()
    assert mailbox.mails == []


def test_whatever_sends_a_mail_writes_it_down(settings):
    settings.EMAIL_BACKEND = "outbox.backend.EmailBackend"
    settings.ADMINS = [("Ada", "ada@acme.example")]
    assert send_mail("Hello", "text", None, [ANA]) == 1
    mail_admins("Look", "at this")
    assert mail.outbox == []
    assert sorted(OutgoingMail.objects.values_list("recipient", flat=True)) == ["ada@acme.example", ANA]


def test_a_mail_with_an_attachment_is_refused_where_it_is_written():
    message = EmailMessage("Hello", "text", None, [ANA])
    message.attach("file.txt", "text")
    with pytest.raises(ValueError, match="no attachments"):
        OutgoingMail.objects.write_down([message])


def test_a_mail_that_is_of_no_use_any_more_is_dropped(mailbox):
    write()
    with time_machine.travel(timezone.now() + LIFETIME + SECOND):
        deliver_mails()
    assert mailbox.mails == []
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_what_is_refused_for_good_is_dropped(mailbox, stage):
    mailbox.answers["*", stage] = ["550 5.1.1 No"]
    write()
    deliver_mails()
    assert not OutgoingMail.objects.exists()
    assert mailbox.mails == []


@pytest.mark.parametrize("answer", ["450 Greylisted", "421 Closing", "530 Authentication required", "hang up"])
def test_what_fails_for_now_is_tried_again_under_the_same_id_after_a_pause(mailbox, answer):
    mailbox.answers["*", "RCPT"] = [answer, answer]
    write()
    waiting = OutgoingMail.objects.get()
    now = timezone.now()
    for seconds in (0, 4, 6, 10, 17):
        with time_machine.travel(now + seconds * SECOND):
            deliver_mails()
    assert mailbox.attempts == 3
    (sent,) = mailbox.mails
    assert sent["Message-ID"].startswith(f"<{waiting.pk}@")


def test_pauses_double_up_to_a_bound():
    assert [pause(attempts).total_seconds() for attempts in (1, 2, 3, 4)] == [5, 10, 20, 40]
    assert pause(30_000) == LONGEST_PAUSE


def test_what_a_clock_that_was_ahead_put_off_is_tried_now(mailbox):
    write()
    OutgoingMail.objects.update(next_attempt_at=timezone.now() + LONGEST_PAUSE + MINUTE)
    deliver_mails()
    assert len(mailbox.mails) == 1


def test_a_mail_that_nobody_can_make_stops_no_other(mailbox, caplog):
    write()
    OutgoingMail.objects.update(sender="no\nsender")
    write("ada@acme.example")
    deliver_mails()
    assert [sent["To"] for sent in mailbox.mails] == ["ada@acme.example"]
    assert "can't be made" in caplog.text
    assert OutgoingMail.objects.get().attempts == 1


def test_mails_go_before_the_notices_that_wait(acme, ana, mailbox):
    for text in "abc":
        new_key(acme, description=text)
    write("waits@acme.example")
    deliver_notices(timezone.now())
    assert [sent["To"] for sent in mailbox.mails] == ["waits@acme.example", *[ANA] * 3]


def test_a_worker_that_is_about_to_stop_begins_no_mail(mailbox, monkeypatch):
    monkeypatch.setattr(stopping, "_flag", b"\x01")
    write()
    deliver_mails()
    assert mailbox.attempts == 0
    assert OutgoingMail.objects.count() == 1


def test_a_conversation_that_drips_ends_in_time(monkeypatch, settings):
    monkeypatch.setattr(smtp, "MAIL_SECONDS", 2)
    settings.MAIL_SERVER_BACKEND = "lib.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    write()
    start = timezone.now()
    with dripping(settings.EMAIL_PORT):
        deliver_mails()
    assert timezone.now() - start < 15 * SECOND
    assert OutgoingMail.objects.get().attempts == 1


def test_how_long_the_oldest_mail_waits_is_told():
    now = timezone.now()
    assert longest_wait(now) == dt.timedelta()
    write()
    assert longest_wait(timezone.now() + MINUTE) >= MINUTE


def test_a_mail_carries_the_id_of_its_request(ana, client, mailbox):
    client.post("/accounts/login/code/", {"email": ANA}, headers={"X-Request-Id": "from-the-client"})
    deliver_mails()
    (sent,) = mailbox.mails
    assert sent["X-Request-Id"] == "from-the-client"


def test_a_code_that_no_longer_works_is_not_sent(ana, client, mailbox):
    client.post("/accounts/login/code/", {"email": ANA})
    with time_machine.travel(timezone.now() + 15 * MINUTE + SECOND):
        deliver_mails()
    assert mailbox.mails == []


def test_a_code_still_works_when_it_arrives_from_a_server_that_refuses_what_it_sees_for_the_first_time(
    ana, client, mailbox
):
    client.post("/accounts/login/code/", {"email": ANA})
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        for waited in range(0, 15 * 60, int(settings.OUTBOX_INTERVAL)):
            clock.move_to(start + waited * SECOND)
            mailbox.refused = {ANA} if waited < 5 * 60 else set()
            deliver_mails()
    assert len(mailbox.mails) == 1


def test_a_link_is_built_from_base_url_whatever_host_was_asked(ana, client, mailbox, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client.post("/accounts/password/reset/", {"email": ANA}, headers={"Host": "evil.example"})
    deliver_mails()
    (sent,) = mailbox.mails
    for text in parts(sent):
        assert f"{settings.BASE_URL}/accounts/password/reset/key/" in text
        assert "evil.example" not in text
    assert "evil.example" not in sent.as_string()


@pytest.mark.parametrize("path", ["/accounts/login/code/", "/accounts/password/reset/"])
def test_a_known_address_costs_about_as_many_queries_as_an_unknown_one(ana, path, django_assert_max_num_queries):
    Client().post(path, {"email": ANA})
    counts = {}
    for email in (ANA, "nobody@acme.example"):
        OutgoingMail.objects.all().delete()
        with django_assert_max_num_queries(50) as queries:
            answer = Client().post(path, {"email": email})
        assert answer.status_code == 302
        counts[email] = [query["sql"][:100] for query in queries]
    assert abs(len(counts[ANA]) - len(counts["nobody@acme.example"])) <= 2, counts
