"""docs/reminders.md: its numbers are those of the code."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from apikeys import delivery
from apikeys.models import Notice
from apikeys.models.notice import LONGEST_PAUSE
from apikeys.reminders import BEFORE_EXPIRY
from lib import smtp
from outbox import post
from torii_settings.celery import BROKER_SECONDS

ROOT = Path(__file__).resolve().parents[2]
TEXT = " ".join((ROOT / "docs" / "reminders.md").read_text().split())


@pytest.mark.parametrize(
    ("sentence", "numbers"),
    [
        (r"or (\d+) days and (\d+) attempts have passed", (delivery.TRIED_FOR.days, delivery.TRIED_AT_LEAST)),
        (r"(\d+) hours at most\.", (LONGEST_PAUSE.total_seconds() / 3600,)),
        (r"put off for longer than (\d+) hours", (LONGEST_PAUSE.total_seconds() / 3600,)),
        (r"so do (\d+) conversations in a row", (post.BREAKS_IN_A_ROW,)),
        (r"A conversation carries (\d+) mails at most", (post.MAILS_IN_A_CONVERSATION,)),
        (r"waits (\d+) seconds for an answer", (smtp.ANSWER_SECONDS,)),
        (r"requests wait ([\d.]+) seconds at most", (BROKER_SECONDS,)),
        (r"\| (\d+) \| \| `EMAIL_URL`", (settings.REMINDER_INTERVAL,)),
        (r"`REMINDER_INTERVAL` \((\d+) minutes\)", (settings.REMINDER_INTERVAL / 60,)),
    ],
)
def test_a_number_is_the_codes(sentence, numbers):
    [found] = re.findall(sentence, TEXT)
    assert tuple(map(float, [found] if isinstance(found, str) else found)) == numbers


def test_a_message_of_the_clock_is_dropped_after_as_many_intervals_as_it_says():
    [intervals] = re.findall(r"dropped unread after (\d+) intervals", TEXT)
    entry = settings.CELERY_BEAT_SCHEDULE["send-expiry-reminders"]
    assert entry["schedule"] == settings.REMINDER_INTERVAL
    assert entry["options"] == {"expires": int(intervals) * settings.REMINDER_INTERVAL}


def test_the_codes_that_are_about_us_are_those_it_lists():
    [codes] = re.findall(r"\(greeting, HELO, ([\d, ]+)\)", TEXT)
    assert {int(code) for code in codes.split(", ")} == post.ABOUT_US


def test_its_steps_are_the_codes():
    rows = re.findall(r"\| (a month before|7 days before|1 day before|at expiry) \| .*?\| (yes|no) \|", TEXT)
    assert [label.lower() for label, _ in rows] == [step.label.lower() for step in BEFORE_EXPIRY]
    assert [off for _, off in rows] == ["no", "yes", "yes", "yes"]
    assert tuple(BEFORE_EXPIRY) == Notice.REMINDERS
