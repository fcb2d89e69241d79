"""Two processes and one notice: PostgreSQL locks the row, SQLite a file beside the database."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from django.db import connection
from django.utils import timezone

from apikeys.delivery import deliver
from apikeys.models import Notice
from outbox.lock import alone_with
from tests.conftest import new_key
from tests.server import ROOT, database_url

DEADLINE = 60.0


@pytest.fixture
def deliverer(mailbox):
    """Return a function that starts a process which delivers what is due."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "EMAIL_URL": f"smtp://{mailbox.host}:{mailbox.port}",
    }
    started = []

    def start():
        command = [sys.executable, "manage.py", "send_expiry_reminders"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_until(true):
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_of_two_processes_at_once_one_sends(acme, ana, mailbox, deliverer):
    new_key(acme)
    mailbox.open.clear()
    first, second = deliverer(), deliverer()
    assert mailbox.busy.wait(DEADLINE)
    # Either waits for the file's lock or has passed the row by; in no case does it talk to the mail server.
    time.sleep(1)
    assert mailbox.attempts == 1
    mailbox.open.set()
    assert [process.wait(DEADLINE) for process in (first, second)] == [0, 0]
    assert list(mailbox.message_ids().values()) == [1]
    assert Notice.objects.get().attempts == 1


@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_killed_lets_go_of_the_notice_at_once(acme, ana, mailbox, deliverer):
    new_key(acme)
    mailbox.open.clear()
    first = deliverer()
    assert mailbox.busy.wait(DEADLINE)
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = deliverer()
    wait_until(lambda: mailbox.attempts == 2)
    mailbox.open.set()
    assert second.wait(DEADLINE) == 0
    assert Notice.objects.get().sent_at is not None
    # Whether the mail server kept the first one, whose sender was gone before it could answer, is its own affair.
    assert list(mailbox.message_ids().values()) in ([1], [2])


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    not connection.features.has_select_for_update_skip_locked, reason="SQLite waits for the file's lock"
)
def test_a_worker_passes_by_what_another_has_in_hand(acme, ana, mailbox):
    held, free = [new_key(acme, description=text).api_key.notices.get() for text in ("held", "free")]
    in_hand, let_go = threading.Event(), threading.Event()

    def hold():
        with alone_with(Notice.objects.filter(pk=held.pk), "delivery"):
            in_hand.set()
            let_go.wait(DEADLINE)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    assert in_hand.wait(DEADLINE)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")
        deliver(timezone.now())
    finally:
        let_go.set()
        other.join()
        connection.close()
    assert Notice.objects.get(pk=free.pk).sent_at is not None
    assert Notice.objects.get(pk=held.pk).sent_at is None
