"""A search on the Members page reads little more than the page, however many members there are."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from members.models import Organization
from tests.conftest import ACME
from tests.crowd import CROWD, among_small_ones, analyze, scans_of

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is promised to be right, not fast")


def test_the_members_page_reads_what_it_shows(acme: Organization, ana_browser: Client) -> None:
    among_small_ones(acme)
    acme.members.exclude(role__name="Admin").update(role=acme.roles.get(name="Read Only"))
    analyze()
    for text, number in (("ZOË zimm", 50), ("given1999", 1), ("19999@acme", 1), ("acme", 50), ("nobody", 0)):
        with CaptureQueriesContext(connection) as queries:
            page = ana_browser.get(f"{ACME}/members", {"q": text}).content
        assert page.count(b"<tr") == number + (number > 0), text
        found = scans_of(queries)
        assert max(scan.rows for scan in found) <= CROWD // 4, (text, found)
