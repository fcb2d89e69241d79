"""A task that the database has disturbed is carried out, and sends its mails once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage

from apikeys.models import Notice
from apikeys.tasks import deliver_notices
from members.models import Member, Organization
from outbox.models import OutgoingMail
from outbox.tasks import deliver_mails
from tests.conftest import new_key
from tests.disturbances.meeting import before_statement, lose_answer
from tests.disturbing import Other, end_connections

Write = Callable[[Organization], None]
Deliver = Callable[[], None]


def write_notice(acme: Organization) -> None:
    """Have an Admin told of a key."""
    new_key(acme)


def write_mail(acme: Organization) -> None:
    """Write a mail down."""
    OutgoingMail.objects.write_down([EmailMessage("Hello", "in plain text", to=["ana@acme.example"])])


MAILS = pytest.mark.parametrize(
    ("write", "deliver"), [(write_notice, deliver_notices), (write_mail, deliver_mails)], ids=["notice", "mail"]
)


@pytest.fixture(autouse=True)
def nobody_else_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave it to the tests to start the tasks."""
    monkeypatch.setattr("outbox.models.start_soon", lambda task: None)


def sent_once() -> bool:
    """Whether what was written down has been sent, and nothing of it twice; forgets what was sent."""
    sent = [message.extra_headers["Message-ID"] for message in mail.outbox]
    mail.outbox.clear()
    waits = Notice.objects.waiting().exists() or OutgoingMail.objects.exists()
    return not waits and len(sent) == 1


@MAILS
def test_a_mail_is_sent_once_although_the_connection_is_lost_before_any_statement_of_its_task(
    acme: Organization, ana: Member, other: Other, write: Write, deliver: Deliver
) -> None:
    write(acme)
    with before_statement(-1, lambda: None) as statements:
        deliver()
    assert sent_once()
    for number in range(len(statements)):
        write(acme)
        with before_statement(number, lambda: end_connections(other)) as seen:
            deliver()
        assert len(seen) > number
        assert sent_once()


@MAILS
def test_nor_is_it_sent_twice_when_the_connection_is_lost_in_commit(
    acme: Organization, ana: Member, other: Other, in_commit: Any, write: Write, deliver: Deliver
) -> None:
    def end_first(send: Callable[[], None]) -> None:
        end_connections(other)
        send()

    for step, disturb in (("_send_commit", end_first), ("_finish_commit", lose_answer)):
        write(acme)
        in_commit(step, disturb)
        deliver()
        assert sent_once()
