"""When members were last modified stands in a table of its own too, whoever writes them; PostgreSQL keeps it."""

import random
from functools import partial

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from members.models import Member, Modification, Organization
from tests.conftest import Migrate, employee_role, person
from tests.identity_provider import IdentityProvider
from tests.racing import at_once

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite sorts members by their own column")


def assert_same() -> None:
    """Compare the table with what the members themselves say."""
    rows = Modification.objects.values_list("member_id", "organization_id", "updated_at")
    assert set(rows) == set(Member.objects.values_list("pk", "organization_id", "updated_at"))


@pytest.mark.django_db
def test_any_statement_on_any_members_is_followed(acme: Organization, globex: Organization) -> None:
    dice = random.Random(7)  # noqa: S311 - it only has to be the same each time
    for number in range(40):
        everybody = list(Member.objects.order_by("pk").values_list("pk", flat=True))
        some = Member.objects.filter(pk__in=dice.sample(everybody, min(number % 5, len(everybody))))
        match dice.randrange(4):
            case 0 | 1:
                Member.objects.bulk_create(
                    Member(organization=each, role=employee_role(each), user_name=f"n{number}")
                    for each in (acme, globex)
                )
            case 2:
                some.update(updated_at=timezone.now())
                some.update(source="scim")
            case 3:
                some.delete()
        assert_same()
    assert Modification.objects.count() > 5


@pytest.mark.django_db
def test_every_verb_is_followed(acme: Organization, okta: IdentityProvider) -> None:
    bob = okta.create().json()["id"]
    call_command("load_members", acme.public_id, "--count", "4", verbosity=0)
    okta.patch(bob, {"op": "replace", "path": "active", "value": False})
    assert_same()
    listed = [user["id"] for user in okta.list(sortBy="meta.lastModified", sortOrder="descending")]
    assert (listed[0], len(listed)) == (bob, 5)
    okta.delete(f"/Users/{bob}")
    assert_same()


@pytest.mark.django_db(transaction=True)
def test_whoever_was_there_before_gets_a_row_while_others_write(
    migrate: Migrate, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("members.migrations.0019_modifications_so_far.CHUNK", 2)
    migrate("members", "0017_long_emails")
    people = [person(acme, f"p{number}@acme.example", "A Person") for number in range(9)]
    migrate("members", "0018_modification")
    Member.objects.filter(pk=people[3].pk).update(updated_at=timezone.now())
    assert Modification.objects.count() == 1

    def write() -> None:
        for _ in range(10):
            for each in people:
                Member.objects.filter(pk=each.pk).update(updated_at=timezone.now())

    at_once(write, partial(migrate, "members", "0019_modifications_so_far"))
    assert_same()


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_restored_twice_is_there_once(acme: Organization) -> None:
    ana = person(acme, "ana@acme.example", "Ana Admin")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO members_modification SELECT * FROM members_modification")
    assert_same()
    assert Modification.objects.get().member_id == ana.pk
