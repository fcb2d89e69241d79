"""How many members there are is known without counting them, whatever changes their number."""

import random
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from members.models import Member, Organization, Role
from members.models.headcount import headcount, headcounts
from tests.conftest import SETUP, Migrate, employee_role, organization, person
from tests.identity_provider import IdentityProvider
from tests.racing import at_once
from tests.scim.test_bulk import REQUEST, new_user

ROLES = ("Admin", "Employee", "Procurement")


def counts(organization: Organization) -> dict[tuple[str, bool], int]:
    """Return the numbers by role and status, which must be those that counting gives."""
    numbers, found = headcounts(organization), {}
    for role in organization.roles.all():
        for active in (True, False):
            known = numbers[role.pk, active]
            assert known == organization.members.filter(role=role, deactivated_at__isnull=active).count()
            if known:
                found[role.name, active] = known
    assert headcount(organization) == organization.members.count() == sum(found.values())
    assert headcount(organization, active=True) == organization.members.active().count()
    return found


def test_an_organization_without_members_has_none(acme: Organization) -> None:
    assert counts(acme) == {}


def test_every_verb_changes_the_numbers(acme: Organization, globex: Organization, okta: IdentityProvider) -> None:
    person(globex, "eve@globex.example", "Eve Else")
    ana = person(acme, "ana@acme.example", "Ana Admin", "Admin")
    bob = UUID(okta.create().json()["id"])
    assert counts(acme) == {("Admin", True): 1, ("Employee", True): 1}

    okta.patch(bob, {"op": "replace", "path": "active", "value": False})
    assert counts(acme) == {("Admin", True): 1, ("Employee", False): 1}
    okta.patch(bob, {"op": "replace", "path": "userType", "value": "procurement"})
    assert counts(acme) == {("Admin", True): 1, ("Procurement", False): 1}
    okta.put(bob, active=True, title="Sir")
    okta.put(bob, active=True, title="Lord")
    assert counts(acme) == {("Admin", True): 1, ("Procurement", True): 1}

    group = okta.call("POST", "/Groups", {"displayName": "G", "members": [{"value": str(bob)}]}).json()["id"]
    okta.patch(bob, {"op": "remove", "path": "userType"})
    acme.groups.get(pk=group).give_role(acme.roles.get(name="IT Admin"), by=SETUP)
    assert counts(acme) == {("Admin", True): 1, ("IT Admin", True): 1}

    operations = [new_user(number, active=number != 1) for number in range(3)]
    okta.call("POST", "/Bulk", {"schemas": [REQUEST], "Operations": operations})
    call_command("load_members", acme.public_id, "--count", "4", verbosity=0)
    assert counts(acme) == {
        ("Admin", True): 1,
        ("IT Admin", True): 1,
        ("Employee", True): 6,
        ("Employee", False): 1,
    }
    okta.delete(f"/Users/{bob}")
    person(acme, "ada@acme.example", "Ada Admin", "Admin")
    ana.remove(by=SETUP)
    acme.members.filter(user_name__startswith="user0").delete()
    assert counts(acme) == {("Admin", True): 1, ("Employee", True): 1, ("Employee", False): 1}
    assert counts(globex) == {("Employee", True): 1}


def test_a_write_that_is_undone_changes_nothing(acme: Organization) -> None:
    ana = person(acme, "ana@acme.example", "Ana Admin", "Admin")
    with transaction.atomic():
        person(acme, "bob@acme.example", "Bob Builder")
        Member.objects.filter(pk=ana.pk).delete()
        transaction.set_rollback(True)
    assert counts(acme) == {("Admin", True): 1}


def test_a_custom_role_that_nobody_has_any_more_can_be_deleted(acme: Organization) -> None:
    role = Role(organization=acme, name="Buyer", access=employee_role(acme).access)
    role.create_role(by=SETUP)
    bob = person(acme, "bob@acme.example", "Bob Builder", "Buyer")
    bob.change_role(employee_role(acme), by=SETUP)
    role.delete_role(by=SETUP)
    assert counts(acme) == {("Employee", True): 1}
    assert not acme.headcounts.exclude(role__in=acme.roles.all()).exists()


def test_any_statement_on_any_members_is_followed(acme: Organization, globex: Organization) -> None:
    dice = random.Random(7)  # noqa: S311 - it only has to be the same each time
    both = (acme, globex)
    for number in range(60):
        everybody = list(Member.objects.order_by("pk").values_list("pk", flat=True))
        some = Member.objects.filter(pk__in=dice.sample(everybody, min(number % 5, len(everybody))))
        roles = {each: each.roles.get(name=dice.choice(ROLES)) for each in both}
        match dice.randrange(5):
            case 0 | 1:
                Member.objects.bulk_create(
                    Member(organization=each, role=role, user_name=f"n{number}") for each, role in roles.items()
                )
            case 2:
                for each, role in roles.items():
                    some.filter(organization=each).update(role=role, source="scim")
            case 3:
                some.update(deactivated_at=dice.choice([None, "2026-01-01T00:00Z"]))
            case 4:
                some.delete()
        for each in both:
            counts(each)
    assert len(everybody) > 5


postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite sums up at once")


@postgresql
def test_sums_are_put_in_the_place_of_many_rows(acme: Organization, globex: Organization) -> None:
    person(globex, "eve@globex.example", "Eve Else")
    for number in range(400):
        bob = person(acme, f"bob{number % 7}x{number}@acme.example", "Bob Builder")
        if number % 2:
            bob.deactivate(by=SETUP)
    assert counts(acme) == {("Employee", True): 200, ("Employee", False): 200}
    # 1,000 rows were written; that none of 600 statements summed them up is as likely as 1 in 180,000.
    assert acme.headcounts.count() < 900
    with connection.cursor() as cursor:
        cursor.execute("SELECT members_headcount_sum_up(%s)", [acme.pk])
    assert acme.headcounts.count() == 2
    assert globex.headcounts.count() == 1
    assert counts(acme) == {("Employee", True): 200, ("Employee", False): 200}


@postgresql
@pytest.mark.django_db(transaction=True)
def test_writers_neither_wait_for_each_other_nor_count_twice(acme: Organization) -> None:
    def come_and_go(name: str) -> None:
        for number in range(40):
            made = person(acme, f"{name}{number}@acme.example", "A Person")
            if number % 3 == 0:
                made.remove(by=SETUP)
            sum_up()

    def sum_up() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT members_headcount_sum_up(%s)", [acme.pk])

    assert at_once(*[partial(come_and_go, name) for name in "abcd"]) == [None] * 4
    assert counts(acme) == {("Employee", True): 4 * 26}

    with transaction.atomic():
        person(acme, "slow@acme.example", "Slow Person")
        sum_up()
        # While this transaction holds what it has replaced, another one gets on.
        assert at_once(lambda: person(acme, "quick@acme.example", "Quick Person").user_name, sum_up) == [
            "quick@acme.example",
            None,
        ]
    assert counts(acme) == {("Employee", True): 4 * 26 + 2}


@pytest.mark.django_db(transaction=True)
def test_whoever_was_there_before_is_counted(migrate: Migrate, acme: Organization) -> None:
    person(acme, "ana@acme.example", "Ana Admin", "Admin")
    person(acme, "bob@acme.example", "Bob Builder").deactivate(by=SETUP)

    migrate("members", "0008_member_email")
    with pytest.raises(Exception, match="headcount"), transaction.atomic():
        headcount(acme)
    migrate("members", "0010_headcount")

    assert counts(acme) == {("Admin", True): 1, ("Employee", False): 1}
    person(acme, "cid@acme.example", "Cid Person")
    assert counts(acme) == {("Admin", True): 1, ("Employee", False): 1, ("Employee", True): 1}


def test_another_organization_is_none_of_its_business(acme: Organization, django_assert_num_queries: Any) -> None:
    other = organization("Initech", "initech.example")
    person(other, "ira@initech.example", "Ira Item")
    with django_assert_num_queries(1):
        assert headcount(acme) == 0
    assert headcounts(acme)[employee_role(other).pk, True] == 0
