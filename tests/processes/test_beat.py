"""A worker that keeps the time by itself, as `make run` starts it: what falls due is mailed without anybody's doing."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pytest
import time_machine
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apikeys.models import Notice
from members.models import Organization
from tests.conftest import new_key
from tests.reminders.mailbox import Mailbox, mail_server
from tests.server import database_url

DEADLINE = 60.0


@contextmanager
def worker(mailbox: Mailbox, folder: Path, log: IO[bytes], interval: int = 1) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a Celery worker with its own clock, which looks for due reminders every `interval` seconds."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.processes.worker_settings",
        "DATABASE_URL": database_url(),
        "EMAIL_URL": f"smtp://{mailbox.host}:{mailbox.port}",
        "REMINDER_INTERVAL": str(interval),
        "QUEUE_DIR": str(folder),
    }
    command = [sys.executable, "-m", "celery", "-A", "torii_settings", "worker", "-B", "-P", "solo"]
    command += ["-s", str(folder / "schedule")]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        # The clock is a process of its own in the worker's session.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def key_about_to_expire(organization: Organization, description: str) -> None:
    """Generate a key, two months ago, that expires in three weeks; that it was made is told to nobody."""
    now = timezone.now()
    with transaction.atomic(), time_machine.travel(now - dt.timedelta(days=60)):
        made = new_key(organization, description=description, expires_on=now.date() + dt.timedelta(days=21))
        made.api_key.notices.all().delete()


def wait_until(process: "subprocess.Popen[bytes]", log: Path, arrived: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not arrived():
        assert process.poll() is None, f"The worker ended by itself:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"No mail after {DEADLINE} seconds:\n{log.read_text()}"
        time.sleep(0.1)


@pytest.mark.django_db(transaction=True)
def test_the_clock_of_a_running_worker_sends_each_reminder_once(acme: Any, ana: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with mail_server() as mailbox, log.open("wb") as output, worker(mailbox, tmp_path, output) as process:
        key_about_to_expire(acme, "first")
        wait_until(process, log, lambda: Notice.objects.exclude(sent_at=None).count() == 1)
        key_about_to_expire(acme, "second")
        wait_until(process, log, lambda: Notice.objects.exclude(sent_at=None).count() == 2)

    # The clock has struck several times by now, and the first was told once.
    first, second = mailbox.mails
    assert first["To"] == second["To"] == "ana@acme.example"
    assert 'key "first" of Acme expires in' in first["Subject"]
    assert 'key "second" of Acme expires in' in second["Subject"]


@pytest.mark.skipif(not settings.REDIS_URL, reason="without Redis this process and the worker have no queue in common")
@pytest.mark.django_db(transaction=True)
def test_what_happens_to_a_key_is_told_without_waiting_for_the_clock(acme: Any, ana: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with mail_server() as mailbox, log.open("wb") as output, worker(mailbox, tmp_path, output, 3600) as process:
        new_key(acme)
        wait_until(process, log, lambda: len(mailbox.mails) == 1)
    assert mailbox.mails[0]["Subject"] == 'Torii SCIM key "Okta" of Acme was generated'
