"""Changing what isn't a name leaves PostgreSQL's indexes alone: there is room for the new row beside the old one."""

import pytest
from django.core.management import call_command
from django.db import connection

from members.models import Organization
from tests.identity_provider import IdentityProvider

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite changes rows where they are")

# What this transaction has changed, and how much of it without an index.
CHANGED = """
    SELECT pg_stat_get_xact_tuples_updated(oid), pg_stat_get_xact_tuples_hot_updated(oid)
    FROM pg_class WHERE oid = 'members_member'::regclass
"""

NAMES = ("userName", "externalId", "name", "displayName", "emails")


def changed() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(CHANGED)
        total, without_index = cursor.fetchone()
        return total, without_index


def test_what_directories_change_most_is_in_no_index_and_finds_room(acme: Organization, okta: IdentityProvider) -> None:
    # Several pages, filled as far as they are to be.
    call_command("load_members", acme.public_id, "--count=200", verbosity=0)
    everybody = list(acme.members.order_by("pk"))
    # Of two who stand on different pages: one page has no room for four versions of a row.
    for member, other in zip(everybody[::80], everybody[40::80], strict=False):
        before = changed()
        user = okta.get(f"/Users/{member.pk}").json()
        okta.put(member.pk, **{name: user[name] for name in NAMES}, title="Sir")
        okta.patch(other.pk, {"op": "replace", "path": "active", "value": False})
        assert changed() == (before[0] + 2, before[1] + 2)
