"""What a filter or an order costs: the rows that PostgreSQL reads, in an organization of 20,000 beside others."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lib.matching import WALKED
from members.models import Organization
from tests.crowd import CROWD, LAST, MOST, PAGE, Scan, among_small_ones, analyze, people, scans_of
from tests.identity_provider import IdentityProvider

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is promised to be right, not fast"),
    pytest.mark.django_db,
]


@pytest.fixture
def crowd(acme: Organization) -> Organization:
    """A large organization among small ones."""
    return among_small_ones(acme)


def read(okta: IdentityProvider, **query: Any) -> tuple[dict[str, Any], list[Scan]]:
    """Return the answer to a list, and the scans of its queries about members."""
    with CaptureQueriesContext(connection) as queries:
        answer = okta.get("/Users", attributes="userName", **query)
    assert answer.status_code == 200, answer.content
    return answer.json(), scans_of(queries)


FEW = [
    ('userName eq "zoë.zimmer.19999@acme.example"', 1),
    ('userName sw "ZOË.zimmer"', 300),
    ('externalId eq "z19999"', 1),
    ('externalId sw "z"', 300),
    ('displayName eq "zoë zimmer"', 300),
    ('displayName sw "Zoe\u0308 Z"', 300),
    ('name.givenName eq "ZOË"', 300),
    ('name.givenName sw "zo"', 300),
    ('name.familyName eq "zimmer"', 300),
    ('name.familyName sw "Zim"', 300),
    ('userName co "zimmer.1999"', 10),
    ('userName ew "19999@acme.example"', 1),
    ('externalId co "z1999"', 10),
    ('externalId ew "z19999"', 1),
    ('displayName co "oë zim"', 300),
    ('displayName ew "zimmer"', 300),
    ('name.givenName co "zoë"', 300),
    ('name.givenName ew "oë"', 300),
    ('name.familyName co "imme"', 300),
    ('name.familyName ew "mmer"', 300),
    ('emails.value eq "mail.zoë.zimmer.19999@acme.example"', 1),
    ('emails.value sw "mail.zoë.zimmer.1999"', 10),
    ('emails.value co "zimmer.1999"', 10),
    ('emails.value ew "19999@acme.example"', 1),
    ('emails co "ZIMMER.1999" and active eq true', 10),
    ('displayName co "acme"', 0),
    ('userName sw "zoë" and active eq true', 300),
    ('active eq true and userType eq "Employee" and name.familyName sw "zi"', 300),
    ('userName sw "zoë.zimmer.1999" or externalId eq "00u7"', 11),
    ('emails.value co "zimmer.1999" or externalId eq "00u7"', 11),
]


def test_a_filter_reads_what_it_finds_wherever_that_lies(crowd: Organization, okta: IdentityProvider) -> None:
    for text, number in FEW:
        for more in ({}, {"cursor": ""}, {"sortBy": "displayName"}):
            body, found = read(okta, filter=text, **more)
            assert body["totalResults"] == number, text
            assert len(body["Resources"]) == min(number, PAGE), text
            assert max(scan.rows for scan in found) <= MOST, (text, more, found)


SORTED_BY = ["userName", "displayName", "externalId", "name.givenName", "name.familyName"]
SORTED_BY += ["meta.created", "meta.lastModified"]


def test_a_page_in_order_reads_that_page_and_one_that_nearly_everybody_is_on_is_found_on_the_way(
    crowd: Organization, okta: IdentityProvider
) -> None:
    for by, order in itertools.product(SORTED_BY, ("ascending", "descending")):
        ordered = {"sortBy": by, "sortOrder": order}
        body, found = read(okta, **ordered)
        assert body["totalResults"] == CROWD
        assert max(scan.rows for scan in found) <= MOST, (ordered, found)
        body, found = read(okta, **ordered, cursor="")
        for _ in range(3):
            assert max(scan.rows for scan in found) <= MOST, (ordered, found)
            body, found = read(okta, **ordered, cursor=body["nextCursor"])
    body, found = read(okta, filter='userName sw "given"')
    assert (body["totalResults"], len(body["Resources"])) == (LAST, PAGE)
    assert sum(scan.rows > MOST for scan in found) == 1, "the count alone reads them all"


def test_a_search_that_no_index_answers_walks_a_little_way_and_then_reads_everybody_once_in_one_process(
    crowd: Organization, okta: IdentityProvider
) -> None:
    with connection.cursor() as cursor:
        # PostgreSQL then shares any scan among processes that may be shared.
        for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
            cursor.execute(f"SET LOCAL {setting} = 0")
    for text in ('title co "captain"', 'emails.display co "captain"', 'title co "captain" or userName ew "nobody"'):
        for more in ({}, {"sortBy": "displayName"}):
            body, found = read(okta, filter=text, **more)
            assert body["totalResults"] == 0
            assert not [scan for scan in found if scan.name.startswith("Parallel")], (text, found)
            assert sorted(scan.rows > WALKED for scan in found)[-2:] == [False, True], (text, more, found)


def test_who_was_modified_lately_is_looked_up(crowd: Organization, okta: IdentityProvider) -> None:
    now = timezone.now()
    crowd.members.filter(external_id__startswith="z").update(updated_at=now)
    analyze()
    for text, number in (("gt", 0), ("ge", 300), ("eq", 300), ("lt", LAST)):
        for more in ("", ' and userName sw "z"'):
            body, found = read(okta, filter=f'meta.lastModified {text} "{now.isoformat()}"{more}')
            assert body["totalResults"] == (number if not more or text != "lt" else 0), text
            if number < LAST:
                assert max(scan.rows for scan in found) <= MOST, (text, found)
    assert read(okta, filter=f'not (meta.lastModified ge "{now.isoformat()}")')[0]["totalResults"] == LAST


def test_a_page_in_the_middle_of_the_order_of_modification_reads_that_page(
    crowd: Organization, okta: IdentityProvider
) -> None:
    for order in ("ascending", "descending"):
        ordered = {"sortBy": "meta.lastModified", "sortOrder": order, "count": str(PAGE)}
        whole = [user["id"] for user in read(okta, **ordered, startIndex="150")[0]["Resources"]]
        before = [user["id"] for user in read(okta, **ordered, startIndex="51")[0]["Resources"]]
        assert before[-1] == whole[0]
        body, found = read(okta, **ordered, startIndex=str(CROWD // 2))
        assert len(body["Resources"]) == PAGE
        assert max(scan.rows for scan in found) <= MOST, found
    crowd.scim_lists_active_only = True
    crowd.save()
    crowd.members.filter(external_id__startswith="00u").update(deactivated_at=timezone.now())
    body, _ = read(okta, sortBy="meta.lastModified", startIndex="201")
    assert (body["totalResults"], len(body["Resources"])) == (CROWD - LAST, PAGE)


def test_an_address_is_found_without_the_domain_that_everybody_has(crowd: Organization, okta: IdentityProvider) -> None:
    blocks = {}
    for text in ('{} ew "19999@acme.example"', '{} co "r.19999@acme.example"', '{} co "r.19999@"'):
        for attribute in ("userName", "emails.value"):
            with CaptureQueriesContext(connection) as queries:
                assert okta.get("/Users", filter=text.format(attribute)).json()["totalResults"] == 1
            blocks[text, attribute] = max(blocks_of_indexes(queries))
    assert max(blocks.values()) <= 50, blocks


def blocks_of_indexes(queries: CaptureQueriesContext) -> Iterator[int]:
    """Yield how many blocks each search in an index of trigrams reads."""
    with connection.cursor() as cursor:
        for statement in [query["sql"] for query in queries.captured_queries]:
            if " LIKE " in statement:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.replace('%', '%%')}", [])
                nodes = [cursor.fetchone()[0][0]["Plan"]]
                for node in nodes:
                    nodes += node.get("Plans", ())
                    if "trigrams" in node.get("Index Name", ""):
                        yield node["Shared Hit Blocks"] + node["Shared Read Blocks"]


def test_a_small_organization_pays_nothing_for_a_large_one(
    crowd: Organization, globex: Organization, eves_okta: IdentityProvider
) -> None:
    people(globex, 40)
    for query in ({"filter": 'userName sw "given"'}, {"filter": 'displayName co "ven1"'}, {"sortBy": "displayName"}):
        _, found = read(eves_okta, **query)
        assert max(scan.rows for scan in found) <= MOST, (query, found)
