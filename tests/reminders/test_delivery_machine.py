"""Delivery under whatever may happen, in whatever order: nothing is sent twice, and nothing is left behind.

A machine draws what the mail server answers, when a worker is killed, and who delivers beside whom. The one exception
is known: a worker killed after the mail server took a mail, or told so by nobody, sends it again.
"""

import datetime as dt
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from apikeys import delivery
from apikeys.delivery import deliver
from apikeys.models import ApiKey, Notice
from apikeys.models.notice import LONGEST_PAUSE
from outbox import post
from tests.conftest import new_key, person
from tests.reminders.conftest import day, strike

START = day("2027-05-10")
STEPS = ("2027-05-10", "2027-06-03", "2027-06-09", "2027-06-10")

OUTCOMES = (
    "accept",
    "4xx",
    "5xx",
    "hang up before",
    "hang up after",
    "unreachable",
    "killed before",
    "killed after",
)
# After these nobody knows that the mail was taken.
CRASH_WINDOW = ("hang up after", "killed after")


class Killed(BaseException):
    """kill -9: nothing catches it, and nothing is written down after it."""


class MailServer:
    """What would be on the other end of the line; `get_connection` returns one conversation."""

    def __init__(self):
        self.outcomes = []
        self.accepted: Counter[str] = Counter()
        self.windows: Counter[str] = Counter()
        self.refused = set()
        self.inside: Counter[str] = Counter()
        self.overlaps = 0
        self.lock = threading.Lock()

    def get_connection(self, backend):
        return self

    def next_outcome(self):
        with self.lock:
            return self.outcomes.pop(0) if self.outcomes else "accept"

    def open(self):
        if self.outcomes and self.outcomes[0] == "unreachable":
            self.next_outcome()
            raise ConnectionRefusedError("refused")

    def close(self):
        pass

    def send_messages(self, mails):
        [mail] = mails
        name = mail.extra_headers["Message-ID"]
        with self.lock:
            self.inside[name] += 1
            self.overlaps += self.inside[name] > 1
        try:
            time.sleep(0.001)  # for another to come in between
            self.answer(mail, name, self.next_outcome())
        finally:
            with self.lock:
                self.inside[name] -= 1

    def answer(self, mail, name, outcome):
        if outcome in ("accept", *CRASH_WINDOW):
            self.accepted[name] += 1
        if outcome in CRASH_WINDOW:
            self.windows[name] += 1
        if outcome == "5xx":
            self.refused.add(name)
            raise SMTPRecipientsRefused({mail.to[0]: (550, b"No such user")})
        if outcome == "4xx":
            raise SMTPDataError(451, b"Try later")
        if outcome in ("hang up before", "hang up after", "unreachable"):
            raise SMTPServerDisconnected("closed")
        if outcome.startswith("killed"):
            raise Killed


def machine(acme, server):
    """Return a machine whose server is `server`."""

    class Delivery(RuleBasedStateMachine):
        @initialize()
        def begin(self):
            ApiKey.objects.all().delete()
            server.__init__()
            self.now = START
            self.keys = 0

        @rule(count=st.integers(1, 3), kind=st.sampled_from(["generated", "deleted", "leaked", "new_origin"]))
        def something_happens(self, count, kind):
            self.keys += 1
            api_key = new_key(acme, description=str(self.keys)).api_key
            api_key.notices.all().delete()
            addresses = ["ana@acme.example", "ada@acme.example", "ANA@acme.example"][:count]
            Notice.objects.add(api_key, kind, addresses, now=self.now)

        @rule(outcomes=st.lists(st.sampled_from(OUTCOMES), max_size=6))
        def one_delivers(self, outcomes):
            server.outcomes = outcomes
            run(self.now)

        @rule(outcomes=st.lists(st.sampled_from(OUTCOMES), max_size=6))
        def two_deliver_at_once(self, outcomes):
            server.outcomes = outcomes
            deliverers = [threading.Thread(target=run_and_disconnect, args=[self.now]) for _ in range(2)]
            for deliverer in deliverers:
                deliverer.start()
            for deliverer in deliverers:
                deliverer.join(30)

        @rule(minutes=st.sampled_from([1, 15, 60, 240, 24 * 60]))
        def time_passes(self, minutes):
            self.now += dt.timedelta(minutes=minutes)

        @rule(days=st.sampled_from([1, 31, 400]))
        def the_clock_leaps_and_comes_back(self, days):
            server.outcomes = ["4xx"] * 3
            run(self.now + dt.timedelta(days=days))

        @invariant()
        def nobody_works_on_a_notice_beside_another(self):
            assert server.overlaps == 0

        @invariant()
        def nothing_is_taken_twice_but_in_the_crash_window(self):
            for name, times in server.accepted.items():
                assert times <= 1 + server.windows[name], name

        def teardown(self):
            server.outcomes = []
            run(self.now)
            run(self.now + LONGEST_PAUSE)
            assert not Notice.objects.waiting().exists()
            assert Notice.objects.exclude(failed_at=None).count() == len(server.refused)
            sent = Notice.objects.exclude(sent_at=None).count()
            assert sent == len(server.accepted.keys() - server.refused)
            self.nothing_is_taken_twice_but_in_the_crash_window()

    return Delivery


def run(now):
    with suppress(Killed):
        deliver(now)


def run_and_disconnect(now):
    try:
        run(now)
    finally:
        connection.close()


@pytest.fixture
def server(acme, monkeypatch):
    """Return the mail server that everything is sent to."""
    person(acme, "ana@acme.example", "Ana Admin", "Admin")
    person(acme, "ada@acme.example", "Ada Second", "Admin")
    server = MailServer()
    # Leaps of the clock would make a month of refusals.
    monkeypatch.setattr(delivery, "TRIED_AT_LEAST", 1_000)
    monkeypatch.setattr(post, "get_connection", server.get_connection)
    return server


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_twice_and_nothing_is_left_behind(acme, server):
    run_state_machine_as_test(
        machine(acme, server),
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(10))
def test_every_step_reaches_everybody_through_random_faults(acme, server, seed):
    chance = random.Random(seed)  # noqa: S311 - a fault that can be repeated, no secret
    made = new_key(acme, expires_on=dt.date(2027, 6, 10)).api_key
    ApiKey.objects.filter(pk=made.pk).update(created_at=day("2027-01-01"))
    made.notices.all().delete()
    for step in STEPS:
        delivery_time = day(step)
        for _ in range(14):
            server.outcomes = chance.choices([name for name in OUTCOMES if name != "5xx"], k=4)
            with suppress(Killed):
                strike(delivery_time)
            delivery_time += dt.timedelta(minutes=chance.choice([5, 15, 30]))
        server.outcomes = []
        strike(delivery_time + LONGEST_PAUSE)
    steps = made.notices.exclude(sent_at=None).values_list("kind", "recipient")
    people = ("ada@acme.example", "ana@acme.example")
    assert sorted(steps) == sorted((step.value, who) for step in Notice.REMINDERS for who in people)
    assert all(times <= 1 + server.windows[name] for name, times in server.accepted.items())
