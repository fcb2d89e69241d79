"""A mail server that the reminders are really sent to, and keys that expire."""

import datetime as dt
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from apikeys.delivery import deliver
from apikeys.models import ApiKey, Notice
from apikeys.reminders import plan
from members.models import Organization
from tests.conftest import new_key
from tests.reminders.mailbox import Mailbox, mail_server

NOON = dt.time(12, tzinfo=dt.UTC)


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    """Return what has arrived at a mail server to which all mail goes."""
    with mail_server() as mailbox:
        settings.MAIL_SERVER_BACKEND = "lib.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = mailbox.host, mailbox.port
        yield mailbox


@pytest.fixture
def key(acme: Organization) -> Callable[..., ApiKey]:
    """Return a function that generates a key of acme, expiring and made on the days given, and reads it back."""

    def generate(expires_on: str | None, made_on: str = "2026-01-01", **fields: Any) -> ApiKey:
        with time_machine.travel(day(made_on), tick=False):
            expires = expires_on and dt.date.fromisoformat(expires_on)
            made = new_key(acme, expires_on=expires, **fields).api_key
        # That it was made is told at once.
        made.notices.filter(kind=Notice.Kind.GENERATED).delete()
        return ApiKey.objects.get(pk=made.pk)

    return generate


@pytest.fixture
def run_on(mailbox: Mailbox) -> Callable[[str], list[EmailMessage]]:
    """Return a function that lets the clock strike at a moment and gives the mails that this has sent."""

    def run(moment: str | dt.datetime) -> list[EmailMessage]:
        before = len(mailbox.mails)
        strike(day(moment) if isinstance(moment, str) else moment)
        return mailbox.mails[before:]

    return run


def strike(now: dt.datetime) -> None:
    """Do what the clock does at `now`."""
    plan(now)
    deliver(now)


def day(text: str) -> dt.datetime:
    """Return noon (UTC) of the day, or the moment if `text` has a time."""
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else dt.datetime.combine(moment, NOON)


def local(text: str, zone: str) -> dt.datetime:
    """Return the moment at which clocks in `zone` show `text`."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
