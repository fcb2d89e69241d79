"""What a filter or an order costs: the rows that PostgreSQL reads, in an organization of 20,000 beside others."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lib.matching import WALKED
from members.models import Member, MemberEmail, Organization
from tests.conftest import employee_role, organization
from tests.identity_provider import IdentityProvider

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is promised to be right, not fast"),
    pytest.mark.django_db,
]

CROWD = 20_000
LAST = CROWD - 300
PAGE = 100
# A scan may read a few rows more than it needs, as a parallel one does.
MOST = WALKED + 2 * PAGE


def people(of: Organization, count: int) -> None:
    """Add members, of whom only the last 300 are called Zoë Zimmer; every 7th Last Name is the same."""
    role = employee_role(of)
    domain = of.domain_names()[0]
    members = []
    for number in range(count):
        given, family = ("Zoë", "Zimmer") if number >= LAST else (f"Given{number}", f"Family{number % 7}")
        user_name = f"{given}.{family}.{number}@{domain}"
        members.append(
            Member(
                organization=of,
                role=role,
                user_name=user_name,
                external_id=f"{'z' if number >= LAST else '00u'}{number}",
                given_name=given,
                family_name=family,
                display_name=f"{given} {family}",
                attributes={"emails": [{"value": f"Mail.{user_name}", "type": "work"}]},
            )
        )
    Member.objects.bulk_create(members)
    MemberEmail.objects.write_down(members)


@pytest.fixture
def crowd(acme: Organization) -> Organization:
    """A large organization among twenty small ones, and statistics that say so."""
    people(acme, CROWD)
    for number in range(20):
        people(organization(f"Small {number}", f"small{number}.example"), 50)
    with connection.cursor() as cursor:
        for table in ("members_member", "members_memberemail"):
            cursor.execute(f"ANALYZE {table}")
    return acme


@dataclass
class Scan:
    """A node of a plan that reads a table or an index, and how many rows it looked at."""

    name: str
    rows: float


def scans(plan: dict[str, Any]) -> Iterator[Scan]:
    """Yield the scans of members and their addresses in a plan."""
    looked_at = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    looked_at += plan.get("Rows Removed by Index Recheck", 0)
    if plan.get("Relation Name", "").startswith("members_member"):
        yield Scan(f"{plan['Node Type']} {plan.get('Index Name', '')}", looked_at)
    for part in plan.get("Plans", ()):
        yield from scans(part)


def read(okta: IdentityProvider, **query: Any) -> tuple[dict[str, Any], list[Scan]]:
    """Return the answer to a list, and the scans of all its queries about members."""
    with CaptureQueriesContext(connection) as queries:
        answer = okta.get("/Users", attributes="userName", **query)
    assert answer.status_code == 200, answer.content
    statements = [each["sql"] for each in queries.captured_queries if '"members_member' in each["sql"]]
    found: list[Scan] = []
    with connection.cursor() as cursor:
        for statement in statements:
            if statement.startswith("SELECT"):
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.replace('%', '%%')}", [])
                (plan,) = json.loads(json.dumps(cursor.fetchone()[0]))
                found += scans(plan["Plan"])
    assert found
    return answer.json(), found


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
    ('userName sw "zoë" and active eq true', 300),
    ('active eq true and userType eq "Employee" and name.familyName sw "zi"', 300),
    ('userName sw "zoë.zimmer.1999" or externalId eq "00u7"', 11),
]


def test_a_filter_reads_what_it_finds_wherever_that_lies(crowd: Organization, okta: IdentityProvider) -> None:
    for text, number in FEW:
        for more in ({}, {"cursor": ""}, {"sortBy": "displayName"}):
            body, found = read(okta, filter=text, **more)
            assert body["totalResults"] == number, text
            assert len(body["Resources"]) == min(number, PAGE), text
            assert max(scan.rows for scan in found) <= MOST, (text, more, found)


SORTED_BY = ["userName", "displayName", "externalId", "name.givenName", "name.familyName", "meta.created"]


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


def test_a_small_organization_pays_nothing_for_a_large_one(
    crowd: Organization, globex: Organization, eves_okta: IdentityProvider
) -> None:
    people(globex, 40)
    for query in ({"filter": 'userName sw "given"'}, {"filter": 'displayName co "ven1"'}, {"sortBy": "displayName"}):
        _, found = read(eves_okta, **query)
        assert max(scan.rows for scan in found) <= MOST, (query, found)
