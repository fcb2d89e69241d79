"""Days, instants and how long ago, as people read them."""

import datetime as dt

import pytest

from members.models import Organization
from members.templatetags.moments import ago_text, instant_text

BERLIN = Organization(time_zone="Europe/Berlin")
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def test_an_instant_is_told_in_the_organizations_time_zone():
    moment = dt.datetime(2026, 11, 22, 23, tzinfo=dt.UTC)
    assert instant_text(moment, BERLIN) == "23 Nov 2026, 00:00 (Europe/Berlin)"


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (dt.timedelta(seconds=0), "just now"),
        (dt.timedelta(seconds=59), "just now"),
        (dt.timedelta(seconds=60), "1 minute ago"),
        (dt.timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (dt.timedelta(hours=1), "1 hour ago"),
        (dt.timedelta(hours=23, minutes=59), "23 hours ago"),
        (dt.timedelta(days=1), "1 day ago"),
        (dt.timedelta(days=29, hours=23), "29 days ago"),
        (dt.timedelta(days=30), "24 Oct 2026"),
        (dt.timedelta(seconds=-5), "just now"),
    ],
)
def test_how_long_ago_something_was(past: dt.timedelta, text: str):
    assert ago_text(NOW - past, NOW, BERLIN) == text
