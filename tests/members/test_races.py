"""Rules that hold however many do it at once; each thread has a connection of its own."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from members.directory import DirectoryProfile, GroupProfile
from members.models import Group, Level, Member, Organization, Role, derivation
from members.models.scope import everywhere
from scim.representation import member_document, member_row
from tests.conftest import SETUP, employee_role, new_key, person
from tests.identity_provider import IdentityProvider
from tests.members.conftest import push, role_of, say
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)


LEAVING: dict[str, Callable[[Member], Any]] = {
    "demote": lambda member: member.change_role(employee_role(member.organization), by=SETUP),
    "deactivate": lambda member: member.deactivate(by=SETUP),
    "remove": lambda member: member.remove(by=SETUP),
}


@pytest.mark.parametrize("how", LEAVING)
def test_two_admins_cannot_leave_at_once(acme: Organization, ana: Member, how: str) -> None:
    for round_ in range(5):
        other = person(acme, f"zoe{round_}@acme.example", "Zoe Zander", "Admin")
        admins = [Member.objects.get(pk=pk) for pk in (ana.pk, other.pk)]

        outcomes = at_once(*(partial(LEAVING[how], member) for member in admins))

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastAdmin", "NoneType"], outcomes
        ana = acme.members.active().admins().get()


def test_two_creations_of_one_person_make_one_member(acme: Organization) -> None:
    names = ["bob@acme.example", "BOB@acme.example"]

    outcomes = at_once(*(partial(person, acme, name, "Bob B") for name in names))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Member", "UserNameTaken"], outcomes
    assert acme.members.count() == 1


def test_two_patches_at_once_lose_nothing(acme: Organization, ana: Member) -> None:
    key = new_key(acme).text
    values = [f"value {number}" for number in range(4)]
    attributes = ["nickName", "title", "locale", "timezone"]

    def change(name: str, value: str) -> int:
        response = IdentityProvider(key).patch(ana.pk, {"op": "replace", "path": name, "value": value})
        return int(response.status_code)

    outcomes = at_once(*(partial(change, name, value) for name, value in zip(attributes, values, strict=True)))

    assert outcomes == [200] * 4
    ana.refresh_from_db()
    document = member_document(member_row(ana), "")
    assert [document[name] for name in attributes] == values


def test_two_who_give_one_member_a_role_both_do(acme: Organization, ana: Member, emil: Member) -> None:
    for _ in range(10):
        calls = [
            partial(Member.objects.get(pk=emil.pk).change_role, acme.roles.get(name=name), by=SETUP)
            for name in ("Procurement", "Read Only", "IT Admin")
        ]

        assert at_once(*calls) == [None] * 3


# Roles from groups


def group_of(organization: Organization, name: str, role: str, *members: Member) -> Group:
    """Make a group that gives a role."""
    made = Group.add(organization, GroupProfile(name, replace_members={member.pk for member in members}), by=SETUP)
    made.give_role(organization.roles.named(role), by=SETUP)
    return made


def test_whatever_a_role_depends_on_may_change_at_once(acme: Organization, ana: Member) -> None:
    bob = person(acme, "bob@acme.example", "Bob B", "Procurement")
    first, second = group_of(acme, "First", "Read Only", bob), Group.add(acme, GroupProfile("Second"), by=SETUP)
    acts = acme.roles.get(name="IT Admin")

    for _ in range(10):
        outcomes = at_once(
            partial(say, bob, ""),
            partial(push, first, remove={bob}),
            partial(push, second, add={bob}),
            partial(Group.objects.get(pk=second.pk).give_role, acts, by=SETUP),
        )
        assert outcomes == [None] * 4
        assert role_of(bob) == ("IT Admin", False)

        outcomes = at_once(
            partial(push, first, add={bob}),
            partial(push, second, remove={bob}),
            partial(Group.objects.get(pk=second.pk).give_role, None, by=SETUP),
        )
        assert outcomes == [None] * 3
        assert role_of(bob) == ("Read Only", False)
        say(bob, "Procurement")


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading what roles depend on and writing them there is time for others."""
    read = derivation.derived_choices

    def slow(*args: Any) -> Any:
        found = read(*args)
        time.sleep(0.05)
        return found

    monkeypatch.setattr(derivation, "derived_choices", slow)


LOW = everywhere(Level.NONE)
HIGH = LOW | {"members": "act", "roles": "act"}


@pytest.fixture
def contracts(acme: Organization) -> Role:
    """A role that gives nothing."""
    role = Role(organization=acme, name="Contracts", access=LOW)
    role.create_role(by=SETUP)
    return role


@pytest.mark.usefixtures("slowly")
@pytest.mark.parametrize("how", ["join", "give"])
def test_a_role_is_edited_while_somebody_gets_it(acme: Organization, emil: Member, contracts: Role, how: str) -> None:
    group_of(acme, "Buyers", "Procurement", emil)
    other = person(acme, "other@acme.example", "Other O")

    for round_ in range(5):
        lawyers = group_of(acme, f"Lawyers {round_}", "Contracts", other)
        notaries = Group.add(acme, GroupProfile(f"Notaries {round_}", replace_members={emil.pk}), by=SETUP)
        get = partial(push, lawyers, add={emil}) if how == "join" else partial(notaries.give_role, contracts, by=SETUP)

        outcomes = at_once(partial(Role.objects.get(pk=contracts.pk).edit, access=HIGH, by=SETUP), get)

        assert outcomes == [None] * 2
        assert role_of(emil) == ("Contracts", False)
        lawyers.remove(by=SETUP)
        notaries.remove(by=SETUP)
        Role.objects.get(pk=contracts.pk).edit(access=LOW, by=SETUP)
        assert role_of(emil) == ("Procurement", False)


def test_a_role_is_edited_while_people_come_and_go(acme: Organization, emil: Member, contracts: Role) -> None:
    lawyers = group_of(acme, "Lawyers", "Contracts")
    buyers = group_of(acme, "Buyers", "Procurement")

    for _ in range(10):
        outcomes = at_once(
            partial(Role.objects.get(pk=contracts.pk).edit, access=HIGH, by=SETUP),
            partial(push, lawyers, add={emil}),
            partial(push, buyers, add={emil}),
        )
        assert outcomes == [None] * 3
        assert role_of(emil) == ("Contracts", False)

        outcomes = at_once(
            partial(Role.objects.get(pk=contracts.pk).edit, access=LOW, by=SETUP),
            partial(say, emil, ""),
            partial(Group.objects.get(pk=buyers.pk).give_role, acme.roles.named("Procurement"), by=SETUP),
        )
        assert outcomes == [None] * 3
        assert role_of(emil) == ("Procurement", False)
        push(lawyers, remove={emil})
        push(buyers, remove={emil})


def test_groups_of_the_same_people_never_wait_for_each_other_in_a_circle(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derivation, "CHUNK", 2)
    people = [person(acme, f"p{number}@acme.example", "P P") for number in range(20)]
    groups = [group_of(acme, name, "Employee", *people) for name in "ABC"]
    names = ["IT Admin", "Procurement", "Read Only"]

    for _ in range(3):
        names.append(names.pop(0))
        calls = [
            partial(Group.objects.get(pk=group.pk).give_role, acme.roles.named(name), by=SETUP)
            for group, name in zip(groups, names, strict=True)
        ]
        assert at_once(*calls) == [None] * 3
        assert {role_of(member) for member in people} == {("IT Admin", False)}


def test_somebody_is_removed_while_their_group_changes(acme: Organization, ana: Member) -> None:
    for round_ in range(10):
        bob = person(acme, f"bob{round_}@acme.example", "Bob B")
        group = group_of(acme, "Group", "Read Only", bob)

        outcomes = at_once(
            partial(Member.objects.get(pk=bob.pk).remove, by=SETUP),
            partial(push, group, remove={bob}),
            partial(Group.objects.get(pk=group.pk).give_role, acme.roles.named("IT Admin"), by=SETUP),
        )

        assert outcomes == [None] * 3
        assert not acme.members.filter(pk=bob.pk).exists()


GOING: dict[str, Callable[[Group, Member], Any]] = {
    "the group has no role": lambda group, _: group.give_role(None, by=SETUP),
    "they leave": lambda group, member: push(group, remove={member}),
    "the group is removed": lambda group, _: group.remove(by=SETUP),
}


@pytest.mark.parametrize("how", GOING)
def test_two_groups_cannot_take_the_last_two_admins_roles_at_once(acme: Organization, how: str) -> None:
    for round_ in range(5):
        names = [f"{name}{round_}@acme.example" for name in ("zoe", "yan")]
        people = [Member.add(acme, DirectoryProfile(name), source=Member.Source.SCIM, by=SETUP) for name in names]
        groups = [group_of(acme, member.user_name, "Admin", member) for member in people]
        acme.members.admins().exclude(pk__in=[member.pk for member in people]).update(role=employee_role(acme))

        outcomes = at_once(*(partial(GOING[how], group, member) for group, member in zip(groups, people, strict=True)))

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastAdmin", "NoneType"], outcomes
        assert acme.members.active().admins().count() == 1


def test_a_group_and_a_person_cannot_take_the_last_two_admins_at_once(acme: Organization, emil: Member) -> None:
    for round_ in range(5):
        zoe = person(acme, f"zoe{round_}@acme.example", "Zoe Zander", "Admin")
        group = group_of(acme, f"Admins {round_}", "Admin", emil)

        outcomes = at_once(partial(push, group, remove={emil}), partial(zoe.deactivate, by=SETUP))

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastAdmin", "NoneType"], outcomes
        assert acme.members.active().admins().count() == 1
        Group.objects.all().delete()
        acme.members.exclude(pk=emil.pk).delete()
        acme.members.update(role=employee_role(acme))
