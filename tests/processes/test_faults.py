"""Whatever breaks: each reminder arrives, once. With real processes, killed without warning.

One rig serves all cases: two workers and two clocks, where one of each would do. `FAULTS_TABLE` names a file that gets
what was injected, how often, and what came of it.
"""

import datetime as dt
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from apikeys.models import ApiKey, Notice
from members.models import Organization
from tests.processes.rig import ADMINS, CONTACT, Rig, company, keys_due, rig_in

pytestmark = pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis")

EVERYBODY = 3
ALL = ("worker 1", "worker 2", "beat 1", "beat 2")


@dataclass
class Report:
    """What was injected, how often, and what came of it."""

    lines: list[str] = field(default_factory=lambda: ["fault | times | mails expected | received | duplicates"])

    def note(self, fault: str, times: int, counts: dict[str, int], *, expected: int) -> None:
        received = sum(1 for count in counts.values() if count)
        duplicates = sum(count - 1 for count in counts.values() if count > 1)
        self.lines.append(f"{fault} | {times} | {expected} | {received} | {duplicates}")


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    report = Report()
    yield report
    if "FAULTS_TABLE" in os.environ:
        Path(os.environ["FAULTS_TABLE"]).write_text("\n".join(report.lines) + "\n")


@pytest.fixture(scope="module")
def running_rig(tmp_path_factory: Any, django_db_setup: Any, django_db_blocker: Any) -> Iterator[Rig]:
    with django_db_blocker.unblock(), rig_in(tmp_path_factory.mktemp("rig")) as rig:
        company()
        yield rig


@pytest.fixture
def rig(running_rig: Rig) -> Rig:
    """Return the rig, all of it running and nothing of it broken."""
    running_rig.mailbox.open.set()
    running_rig.mailbox.answers_mail.set()
    running_rig.mailbox.refused.clear()
    running_rig.mailbox.answers.clear()
    if running_rig.clock_is_ahead():
        # Nobody who has just looked at the wrong clock may go on by it.
        running_rig.kill(*running_rig.processes)
        running_rig.set_clock_ahead(dt.timedelta())
    running_rig.run(*ALL)
    return running_rig


@pytest.fixture
def acme(rig: Rig) -> Organization:
    return Organization.objects.get()


def told_once(rig: Rig, keys: list[ApiKey]) -> dict[str, int]:
    """Wait until all are told, and for a strike of each clock more; return how often each mail arrived."""
    rig.wait_until(lambda: rig.is_told(*keys))
    time.sleep(1.2)
    counts = rig.counts(*keys)
    assert set(counts.values()) == {1}, counts
    return counts


def test_two_clocks_and_two_workers_tell_everybody_once(rig, acme, report):
    keys = keys_due(acme, 20)
    counts = told_once(rig, keys)
    assert len(counts) == 20 * EVERYBODY
    report.note("two beats, two workers", 1, counts, expected=20 * EVERYBODY)


@pytest.mark.parametrize("times", [3])
def test_a_worker_killed_before_the_mail_is_taken_sends_it_once_and_late(rig, acme, report, times):
    keys = []
    for _ in range(times):
        rig.mailbox.busy.clear()
        rig.mailbox.open.clear()
        keys.extend(keys_due(acme))
        rig.wait_until(rig.mailbox.busy.is_set)
        rig.kill_what_sends()
        time.sleep(0.2)  # for the mail server to see that nobody is there any more
        rig.mailbox.open.set()
        rig.wait_until(lambda: rig.is_told(*keys))
    counts = told_once(rig, keys)
    report.note("kill -9 of the pool process before acceptance", times, counts, expected=times * EVERYBODY)


@pytest.mark.parametrize("times", [3])
def test_a_worker_killed_between_acceptance_and_commit_sends_at_most_one_duplicate(rig, acme, report, times):
    keys = []
    for _ in range(times):
        taken = len(rig.mailbox.mails)
        rig.mailbox.answers_mail.clear()
        keys.extend(keys_due(acme))
        rig.wait_until(lambda taken=taken: len(rig.mailbox.mails) > taken)
        held = len(rig.mailbox.mails) - taken
        rig.kill_what_sends()
        rig.mailbox.answers_mail.set()
        rig.wait_until(lambda: rig.is_told(*keys))
        assert held <= 2  # one in the hands of each worker
    time.sleep(1.2)
    counts = rig.counts(*keys)
    assert set(counts.values()) <= {1, 2}
    # The same Message-ID, or `counts` would not have found it.
    assert times <= list(counts.values()).count(2) <= 2 * times
    report.note("kill -9 between acceptance and commit", times, counts, expected=times * EVERYBODY)


def test_whole_workers_and_clocks_killed_while_they_send_are_replaced(rig, acme, report):
    rig.mailbox.busy.clear()
    rig.mailbox.open.clear()
    keys = keys_due(acme, 5)
    rig.wait_until(rig.mailbox.busy.is_set)
    rig.kill(*ALL)
    rig.mailbox.open.set()
    # The clocks are back first, and strike while nobody works.
    rig.run("beat 1", "beat 2")
    rig.wait_until(lambda: rig.waiting_messages() >= 4)
    rig.run(*ALL)
    counts = told_once(rig, keys)
    report.note("kill -9 of all workers and beats, strikes piling up, new workers", 1, counts, expected=5 * EVERYBODY)


@pytest.mark.parametrize("times", [5])
def test_a_redis_that_forgets_everything_loses_nothing(rig, acme, report, times):
    keys = []
    for _ in range(times):
        rig.flush_redis()
        keys += keys_due(acme, 2)
        rig.flush_redis()
        time.sleep(0.5)
        rig.flush_redis()
    counts = told_once(rig, keys)
    report.note("Redis FLUSHALL", 3 * times, counts, expected=2 * times * EVERYBODY)


@pytest.mark.parametrize("times", [2])
def test_a_redis_that_goes_down_under_a_worker_that_sends_is_waited_for(rig, acme, report, times):
    keys = []
    for _ in range(times):
        rig.mailbox.busy.clear()
        rig.mailbox.open.clear()
        keys.extend(keys_due(acme, 2))
        rig.wait_until(rig.mailbox.busy.is_set)
        rig.redis.stop()
        rig.mailbox.open.set()
        keys.extend(later := keys_due(acme))
        time.sleep(3)
        assert not rig.is_told(*later)
        rig.redis.start()
        rig.wait_until(lambda: rig.is_told(*keys))
    counts = told_once(rig, keys)
    report.note(
        "Redis stopped for 3 s while a worker sends, started empty", times, counts, expected=len(keys) * EVERYBODY
    )


@pytest.mark.parametrize("times", [3])
def test_a_postgres_that_restarts_loses_nothing(rig, acme, report, times):
    keys = []
    for _ in range(times):
        keys += keys_due(acme, 2)
        rig.restart_postgres()
    rig.wait_until(lambda: rig.is_told(*keys))
    counts = rig.counts(*keys)
    # A mail that was on its way when the database went away may be sent again by the other worker, under the same
    # Message-ID. No worker sends it twice.
    assert set(counts.values()) <= {1, 2}
    assert sum(counts.values()) <= len(counts) + 2 * times
    report.note("PostgreSQL restarted", times, counts, expected=2 * times * EVERYBODY)


def test_a_mail_server_that_refuses_for_a_while_gets_everything_later(rig, acme, report):
    rig.mailbox.refused = {*ADMINS, CONTACT}
    attempts = rig.mailbox.attempts
    keys = keys_due(acme, 2)
    rig.wait_until(lambda: rig.mailbox.attempts >= attempts + 2 * EVERYBODY)
    rig.mailbox.refused = set()
    counts = told_once(rig, keys)
    report.note("SMTP 4xx, then 250", 1, counts, expected=2 * EVERYBODY)


def test_a_mail_server_that_is_down_for_a_while_gets_everything_later(rig, acme, report):
    rig.close_mail_server()
    keys = keys_due(acme, 2)
    rig.wait_until(lambda: Notice.objects.filter(api_key__in=keys, attempts__gte=1).exists())
    rig.open_mail_server()
    counts = told_once(rig, keys)
    report.note("SMTP connection refused, then 250", 1, counts, expected=2 * EVERYBODY)


def test_a_recipient_who_is_refused_for_good_is_given_up_and_holds_up_nobody(rig, acme, report):
    rig.mailbox.answers[ADMINS[1], "RCPT"] = ["550 5.1.1 No such user"]
    keys = keys_due(acme)
    rig.wait_until(lambda: rig.is_told(*keys))
    time.sleep(2)
    failed = Notice.objects.exclude(failed_at=None).get(api_key__in=keys)
    assert (failed.recipient, failed.failure, failed.attempts) == (ADMINS[1], "550 5.1.1 No such user", 1)
    counts = rig.counts(*keys)
    assert sorted(counts.values()) == [0, 1, 1]
    report.note("SMTP 550 for one recipient", 1, counts, expected=2)


def test_a_clock_that_leaps_a_month_and_back_tells_nothing_twice_and_forgets_nobody(rig, acme, report):
    keys = keys_due(acme, 2, in_days=45)
    month = dt.timedelta(days=31)
    notices = Notice.objects.filter(api_key__in=keys)
    rig.mailbox.refused = {CONTACT}
    rig.set_clock_ahead(month)
    rig.wait_until(lambda: notices.filter(attempts__gte=1).count() == 2 * EVERYBODY)
    # Nobody who has just looked at the wrong clock may go on by it.
    rig.kill(*ALL)
    rig.set_clock_ahead(dt.timedelta())
    rig.mailbox.refused = set()
    others = keys_due(acme, 2)
    rig.run(*ALL)
    counts = told_once(rig, others)
    # By the right clock it was too early for the one who is left, before whom nobody else had a turn.
    assert list(notices.waiting().values_list("recipient", flat=True)) == [CONTACT] * 2
    report.note("clock a month ahead and back: others meanwhile", 1, counts, expected=2 * EVERYBODY)
    rig.set_clock_ahead(month)
    counts = told_once(rig, keys)
    report.note("clock a month ahead, back and ahead", 1, counts, expected=2 * EVERYBODY)
