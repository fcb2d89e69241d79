"""Changing a member leaves PostgreSQL's indexes alone: there is room for the new row beside the old one."""

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


def changed() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(CHANGED)
        total, without_index = cursor.fetchone()
        return total, without_index


def test_what_directories_change_is_in_no_index_and_finds_room(acme: Organization, okta: IdentityProvider) -> None:
    # Several pages, filled as far as they are to be.
    call_command("load_members", acme.public_id, "--count=200", verbosity=0)
    for member in acme.members.order_by("pk")[::50]:
        before = changed()
        okta.put(member.pk, userName=member.user_name, externalId=member.external_id, title="Sir")
        okta.patch(member.pk, {"op": "replace", "path": "active", "value": False})
        assert changed() == (before[0] + 2, before[1] + 2)
