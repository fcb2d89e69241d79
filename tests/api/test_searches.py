"""A search of REST reads little more than the page, however many members there are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from members.models import Organization
from tests.api.client import Script
from tests.conftest import new_key
from tests.crowd import MOST, PAGE, Scan, among_small_ones, scans_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is promised to be right, not fast"),
]

# Texts, and how many members of the crowd they find; they lie at the end, and at the beginning of a list of the newest.
SEARCHES = [
    ("ZOË zimm", 300),
    ("given1999", 1),
    ("given777", 11),
    ("19999@acme", 1),
    ("nobody", 0),
    ("acme.example", 20_000),
]


def assert_little(found: list[Scan], text: str) -> None:
    assert max(scan.rows for scan in found) <= MOST, (text, found)


def test_rest_reads_what_it_shows(acme: Organization) -> None:
    script = Script(new_key(acme, "api_read", description="Report").text)
    among_small_ones(acme)
    for text, number in SEARCHES:
        url, seen = f"/v1.0/members?search={text}", 0
        for _ in range(3):
            with CaptureQueriesContext(connection) as queries:
                page = script.follow(url) if seen else script.read("members", search=text)
            assert_little(scans_of(queries), text)
            seen += len(page["results"])
            url = page["next"]
            if not url:
                break
        assert seen == min(number, 3 * PAGE), text
        if page["previous"]:
            with CaptureQueriesContext(connection) as queries:
                back = script.follow(page["previous"])
            assert_little(scans_of(queries), text)
            assert len(back["results"]) == PAGE
