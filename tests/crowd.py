"""A large organization among small ones, and how many rows PostgreSQL reads to answer a request about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from lib.matching import WALKED
from members.indexes import INDEXES
from members.models import Member, MemberEmail, Organization
from tests.conftest import employee_role, organization

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


def among_small_ones(large: Organization) -> Organization:
    """Fill a large organization and twenty small ones, and let PostgreSQL know."""
    people(large, CROWD)
    for number in range(20):
        people(organization(f"Small {number}", f"small{number}.example"), 50)
    analyze()
    return large


def analyze() -> None:
    """Let PostgreSQL look at what the tables hold, and sort new trigrams in, as it does by itself in time."""
    with connection.cursor() as cursor:
        for index in INDEXES:
            cursor.execute("SELECT gin_clean_pending_list(%s::regclass)", [index])
        for table in ("members_member", "members_memberemail", "members_modification"):
            cursor.execute(f"ANALYZE {table}")


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
        node = f"{'Parallel ' if plan['Parallel Aware'] else ''}{plan['Node Type']}"
        yield Scan(f"{node} {plan.get('Index Name', '')}", looked_at)
    for part in plan.get("Plans", ()):
        yield from scans(part)


def scans_of(queries: CaptureQueriesContext) -> list[Scan]:
    """Return the scans of all queries about members."""
    found: list[Scan] = []
    with connection.cursor() as cursor:
        for statement in [query["sql"] for query in queries.captured_queries]:
            if '"members_member' in statement and statement.startswith("SELECT"):
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.replace('%', '%%')}", [])
                (plan,) = cursor.fetchone()[0]
                found += scans(plan["Plan"])
    assert found
    return found
