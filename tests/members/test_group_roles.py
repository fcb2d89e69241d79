"""A group gives its role to members who have none assigned, and takes it back when they leave."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Action, Event
from members.directory import DirectoryProfile, GroupProfile
from members.errors import LastAdmin, RoleInUse, UnknownRole
from members.models import Group, Level, Member, Organization, Role, Scope, derivation
from members.models.scope import everywhere
from tests.conftest import SETUP, employee_role, person
from tests.members.conftest import NewGroup, push, role_of, say


def accounts(target: Any, action: Action = Action.MEMBER_ROLE_CHANGED) -> list[dict[str, Any]]:
    """Return what the log says of an action on `target`, in its order."""
    return list(
        Event.objects.filter(action=action, target_id=str(target.pk)).order_by("id").values_list("changes", flat=True)
    )


@pytest.fixture
def contracts(acme: Organization) -> Role:
    """A custom role that gives as much as Procurement."""
    role = Role(
        organization=acme, name="Contracts", access=everywhere(Level.NONE) | {"security": "read", "roles": "read"}
    )
    role.create_role(by=SETUP)
    return role


# Which role it is


def test_a_member_gets_the_highest_role_of_their_groups_and_falls_back_as_they_leave(
    bob: Member, group: NewGroup
) -> None:
    reads, acts, plain = group("Auditors", "Read Only"), group("IT", "IT Admin"), group("Everybody")

    push(plain, add={bob})
    assert role_of(bob) == ("Employee", False)
    push(reads, add={bob})
    assert role_of(bob) == ("Read Only", False)
    push(acts, add={bob})
    assert role_of(bob) == ("IT Admin", False)
    push(acts, remove={bob})
    assert role_of(bob) == ("Read Only", False)
    push(reads, remove={bob})
    assert role_of(bob) == ("Employee", False)


def test_giving_a_group_a_role_reaches_who_is_in_it_already(acme: Organization, bob: Member, group: NewGroup) -> None:
    engineering = group("Engineering", "", bob)

    engineering.give_role(acme.roles.named("IT Admin"), by=SETUP)
    assert role_of(bob) == ("IT Admin", False)
    engineering.give_role(acme.roles.named("Procurement"), by=SETUP)
    assert role_of(bob) == ("Procurement", False)
    engineering.give_role(None, by=SETUP)
    assert role_of(bob) == ("Employee", False)


@pytest.mark.parametrize(
    "assign",
    [
        lambda member: say(member, "read only"),
        lambda member: member.change_role(member.organization.roles.named("Read Only"), by=SETUP),
    ],
    ids=["by the directory", "by hand"],
)
def test_an_assigned_role_is_above_groups_until_it_is_taken_back(
    bob: Member, group: NewGroup, assign: Callable[[Member], None]
) -> None:
    it = group("IT", "IT Admin", bob)

    assign(bob)
    assert role_of(bob) == ("Read Only", True)
    it.give_role(bob.organization.roles.named("Procurement"), by=SETUP)
    push(group("Auditors", "IT Admin"), add={bob})
    it.remove(by=SETUP)
    assert role_of(bob) == ("Read Only", True)
    say(bob, None)
    assert role_of(bob) == ("Read Only", True)
    say(bob, "")
    assert role_of(bob) == ("IT Admin", False)


def test_saying_the_role_somebody_has_assigns_it(bob: Member, group: NewGroup) -> None:
    it = group("IT", "IT Admin", bob)
    before = Member.objects.get(pk=bob.pk).updated_at

    say(bob, "it admin")
    it.remove(by=SETUP)

    assert role_of(bob) == ("IT Admin", True)
    assert accounts(bob, Action.MEMBER_UPDATED) == [{"role_is_assigned": [False, True]}]
    assert len(accounts(bob)) == 1
    assert Member.objects.get(pk=bob.pk).updated_at == before


def test_saying_it_twice_writes_nothing(bob: Member) -> None:
    say(bob, "Procurement")
    before = Event.objects.count()

    say(bob, "Procurement")

    assert Event.objects.count() == before


@pytest.mark.parametrize(("role_name", "assigned"), [(None, False), ("", False), ("Employee", True), ("admin", True)])
def test_somebody_new_has_an_assigned_role_if_one_was_named(
    acme: Organization, role_name: str | None, assigned: bool
) -> None:
    profile = DirectoryProfile("nia@acme.example", role_name=role_name)
    nia = Member.add(acme, profile, source=Member.Source.SCIM, by=SETUP)
    assert role_of(nia) == ((role_name or "Employee").title(), assigned)


def test_the_directory_creating_somebody_again_finds_what_their_groups_gave_meanwhile(
    acme: Organization, bob: Member, group: NewGroup
) -> None:
    bob.deactivate(by=SETUP)
    push(group("IT", "IT Admin"), add={bob})
    assert role_of(bob) == ("IT Admin", False)

    again = Member.add(acme, DirectoryProfile("bob@acme.example"), source=Member.Source.SCIM, by=SETUP)

    assert (again.pk, again.is_active, role_of(bob)) == (bob.pk, True, ("IT Admin", False))


def test_a_removed_group_takes_its_role_along(bob: Member, group: NewGroup) -> None:
    engineering = group("Engineering", "IT Admin", bob)

    engineering.remove(by=SETUP)

    assert role_of(bob) == ("Employee", False)
    assert accounts(bob)[-1] == {"role": ["IT Admin", "Employee"], "group": "Engineering"}


def test_a_removed_member_leaves_the_group_with_its_role(bob: Member, group: NewGroup) -> None:
    engineering = group("Engineering", "IT Admin", bob)

    bob.remove(by=SETUP)

    assert not engineering.memberships.exists()
    assert engineering.role is not None


def test_replacing_the_members_reaches_who_comes_and_who_goes(
    acme: Organization, bob: Member, emil: Member, group: NewGroup
) -> None:
    engineering = group("Engineering", "IT Admin", bob)

    profile = GroupProfile("Engineering", replace_members={emil.pk})
    Group.update_from_directory(acme, engineering.pk, lambda _: profile, by=SETUP)

    assert (role_of(bob), role_of(emil)) == (("Employee", False), ("IT Admin", False))


def test_another_organizations_groups_and_members_are_left_alone(
    acme: Organization, globex: Organization, bob: Member, group: NewGroup
) -> None:
    gus = person(globex, "gus@globex.example", "Gus G")
    theirs = Group.add(globex, GroupProfile("IT", replace_members={gus.pk}), by=SETUP)
    theirs.give_role(globex.roles.named("IT Admin"), by=SETUP)

    group("IT", "Read Only", bob).remove(by=SETUP)

    assert role_of(gus) == ("IT Admin", False)
    assert Member.objects.get(pk=gus.pk).role.organization == globex


def test_another_organizations_role_is_refused(globex: Organization, bob: Member, group: NewGroup) -> None:
    engineering = group("Engineering", "", bob)

    with pytest.raises(UnknownRole, match='"IT Admin" is not a role of this organization'):
        engineering.give_role(globex.roles.named("IT Admin"), by=SETUP)

    engineering.refresh_from_db()
    assert (engineering.role, role_of(bob)) == (None, ("Employee", False))


def test_loaded_members_have_the_role_assigned_that_was_asked_for(acme: Organization) -> None:
    call_command("load_members", acme.public_id, "--count=1")
    call_command("load_members", acme.public_id, "--count=2", "--role=Read Only")
    assert [role_of(member) for member in acme.members.order_by("user_name")] == [
        ("Employee", False),
        ("Read Only", True),
    ]


# How high a role is


def test_admin_is_highest_then_who_may_do_most_then_predefined_then_the_older(
    acme: Organization, contracts: Role
) -> None:
    everything = Role(
        organization=acme, name="Nearly all", access=everywhere(Level.ACT) | {"security": "read", "api_access": "read"}
    )
    everything.create_role(by=SETUP)
    newer = Role(organization=acme, name="Newer", access=contracts.access)
    newer.create_role(by=SETUP)

    names = [role.name for role in sorted(acme.roles.all(), key=lambda role: role.height, reverse=True)]

    assert names == [*("Admin", "Nearly all", "IT Admin", "Read Only", "Procurement", "Contracts", "Newer", "Employee")]


def test_admin_is_highest_even_of_a_custom_role_that_could_do_as_much(acme: Organization) -> None:
    other = Role(organization=acme, pk=1, access=everywhere(Level.ACT), is_predefined=True)
    admin = acme.roles.named("Admin")
    assert admin is not None
    assert admin.height > other.height


def test_editing_what_a_role_may_do_can_make_it_the_highest(
    acme: Organization, bob: Member, group: NewGroup, contracts: Role
) -> None:
    group("Contracts", "Contracts", bob)
    group("Buyers", "Procurement", bob)
    assert role_of(bob) == ("Procurement", False)

    contracts.edit(access=contracts.access | {Scope.MEMBERS.value: "act"}, by=SETUP)
    assert role_of(bob) == ("Contracts", False)
    assert accounts(bob)[-1] == {
        "role": ["Procurement", "Contracts"],
        "given_by_groups": ["Contracts"],
        "edited_role": "Contracts",
    }
    contracts.edit(access=everywhere(Level.NONE), by=SETUP)
    assert role_of(bob) == ("Procurement", False)


def test_editing_a_role_tells_when_and_editing_nothing_writes_nothing(contracts: Role) -> None:
    contracts.edit(name="Contracts", by=SETUP)
    contracts.refresh_from_db()
    assert contracts.updated_at < (before := timezone.now())

    contracts.edit(name="Contract Manager", by=SETUP)

    contracts.refresh_from_db()
    assert contracts.created_at < before < contracts.updated_at
    assert len(accounts(contracts, Action.ROLE_UPDATED)) == 1


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["A"], 'The group "A" has the role "Contracts". Give it another role, or none, before deleting it.'),
        (["A", "B"], 'The group "A" and 1 other group have the role "Contracts". Give them another role'),
        (["A", "B", "C"], 'The group "A" and 2 other groups have the role "Contracts".'),
    ],
)
def test_a_role_that_a_group_has_is_not_deleted(
    bob: Member, group: NewGroup, contracts: Role, names: list[str], sentence: str
) -> None:
    for name in names:
        group(name, "Contracts", bob)

    with pytest.raises(RoleInUse) as refusal:
        contracts.delete_role(by=SETUP)

    assert refusal.value.detail.startswith(sentence)
    assert Role.objects.filter(pk=contracts.pk).exists()


# What the log says


def test_the_log_names_the_group_that_changed_and_those_that_give_the_role(
    acme: Organization, bob: Member, group: NewGroup
) -> None:
    engineering = group("Engineering", "IT Admin", bob)
    operations = group("Operations", "IT Admin")
    auditors = group("Auditors", "Read Only")

    push(operations, add={bob})
    push(auditors, add={bob})
    push(operations, remove={bob})
    push(engineering, remove={bob})
    engineering.give_role(None, by=SETUP)
    say(bob, "Procurement")
    say(bob, "")

    assert accounts(bob) == [
        {"role": ["Employee", "IT Admin"], "given_by_groups": ["Engineering"], "group": "Engineering"},
        {"role": ["IT Admin", "Read Only"], "given_by_groups": ["Auditors"], "group": "Engineering"},
        {"role": ["Read Only", "Procurement"]},
        {"role": ["Procurement", "Read Only"], "given_by_groups": ["Auditors"]},
    ]
    assert accounts(engineering, Action.GROUP_ROLE_CHANGED) == [
        {"role": [None, "IT Admin"]},
        {"role": ["IT Admin", None]},
    ]


def test_the_log_tells_of_the_group_first_and_of_its_members_then(
    acme: Organization, bob: Member, group: NewGroup
) -> None:
    group("Engineering", "IT Admin", bob)

    assert list(acme.events.order_by("-id").values_list("action", "target_label", "actor_label")[:2]) == [
        (Action.MEMBER_ROLE_CHANGED, "bob@acme.example", "tests"),
        (Action.GROUP_ROLE_CHANGED, "Engineering", "tests"),
    ]


def test_what_the_directory_sees_changed_when_it_did(bob: Member, group: NewGroup) -> None:
    engineering = group("Engineering")
    before = (engineering.updated_at, bob.updated_at)

    push(engineering, add={bob})
    engineering.refresh_from_db()
    bob.refresh_from_db()
    assert (engineering.updated_at > before[0], bob.updated_at) == (True, before[1])
    seen = engineering.updated_at
    engineering.give_role(bob.organization.roles.named("IT Admin"), by=SETUP)

    engineering.refresh_from_db()
    bob.refresh_from_db()
    assert engineering.updated_at == seen
    assert bob.updated_at > seen


def test_giving_the_role_a_group_has_writes_nothing(acme: Organization, bob: Member, group: NewGroup) -> None:
    engineering = group("Engineering", "IT Admin", bob)
    before = Event.objects.count()

    engineering.give_role(acme.roles.named("IT Admin"), by=SETUP)

    assert Event.objects.count() == before


# The last active Admin


TAKING: dict[str, Callable[[Group, Member], Any]] = {
    "the group has another role": lambda group, _: group.give_role(
        group.organization.roles.named("IT Admin"), by=SETUP
    ),
    "the group has no role": lambda group, _: group.give_role(None, by=SETUP),
    "they leave the group": lambda group, member: push(group, remove={member}),
    "everybody leaves the group": lambda group, member: Group.update_from_directory(
        group.organization, group.pk, lambda _: GroupProfile("Admins", replace_members=set()), by=SETUP
    ),
    "the group is removed": lambda group, _: group.remove(by=SETUP),
}


@pytest.fixture
def admins(acme: Organization, bob: Member, group: NewGroup) -> Group:
    """A group of Admins: Bob, the only active one, and Dora, who is deactivated."""
    dora = person(acme, "dora@acme.example", "Dora D")
    made = group("Admins", "Admin", bob, dora)
    dora.deactivate(by=SETUP)
    return made


@pytest.mark.parametrize("how", TAKING)
def test_a_group_cannot_take_the_last_active_admins_role_along(
    admins: Group, bob: Member, emil: Member, how: str
) -> None:
    members = set(admins.memberships.values_list("member_id", flat=True))
    before = Event.objects.count()

    with pytest.raises(LastAdmin):
        TAKING[how](Group.objects.get(pk=admins.pk), bob)

    now = Group.objects.get(pk=admins.pk)
    assert now.role is not None
    assert (now.role.name, set(now.memberships.values_list("member_id", flat=True))) == ("Admin", members)
    assert {role_of(member) for member in now.members.all()} == {("Admin", False)}
    assert Event.objects.count() == before


@pytest.mark.parametrize("how", TAKING)
def test_it_can_when_somebody_else_is_an_admin(admins: Group, bob: Member, ana: Member, how: str) -> None:
    TAKING[how](Group.objects.get(pk=admins.pk), bob)
    assert role_of(bob)[0] != "Admin"


def test_the_last_admin_may_go_when_another_comes_at_once(
    acme: Organization, admins: Group, bob: Member, emil: Member
) -> None:
    profile = GroupProfile("Admins", replace_members={emil.pk})
    Group.update_from_directory(acme, admins.pk, lambda _: profile, by=SETUP)
    assert (role_of(bob), role_of(emil)) == (("Employee", False), ("Admin", False))


def test_taking_back_the_last_admins_assigned_role_is_refused(ana: Member) -> None:
    with pytest.raises(LastAdmin):
        say(ana, "")
    assert role_of(ana) == ("Admin", True)


# What it costs


def crowd(organization: Organization, name: str, number: int) -> list[Member]:
    """Add members to whom nobody has assigned a role."""
    role = employee_role(organization)
    return Member.objects.bulk_create(
        Member(organization=organization, role=role, user_name=f"{name}{n}@acme.example") for n in range(number)
    )


def asked(call: Callable[[], None]) -> list[str]:
    """Return the queries that `call` makes."""
    with CaptureQueriesContext(connection) as queries:
        call()
    return [query["sql"] for query in queries]


def test_one_who_comes_or_goes_costs_the_same_in_a_large_group(
    acme: Organization, bob: Member, group: NewGroup
) -> None:
    small, large = (group(str(size), "IT Admin", *crowd(acme, f"of{size}-", size)) for size in (1, 40))

    coming = asked(lambda: push(large, add={bob}))
    going = asked(lambda: push(large, remove={bob}))

    assert len(coming) == len(asked(lambda: push(small, add={bob})))
    assert len(going) == len(asked(lambda: push(small, remove={bob})))
    reads = [sql for sql in coming + going if sql.startswith("SELECT") and "membership" in sql]
    assert reads
    assert all("IN (" in sql for sql in reads)


def test_a_group_without_a_role_locks_nobody(bob: Member, group: NewGroup) -> None:
    plain, gives = group("Plain"), group("Gives", "IT Admin")
    without = asked(lambda: push(plain, add={bob}))
    assert not [sql for sql in without if "members_role" in sql]
    assert len(without) < len(asked(lambda: push(gives, add={bob})))


def test_giving_a_role_asks_as_often_for_a_chunk_of_members_as_for_one(acme: Organization, group: NewGroup) -> None:
    role = acme.roles.get(name="IT Admin")
    groups = [group(f"{size} members", "", *crowd(acme, f"of{size}-", size)) for size in (1, 60)]
    one, many = (len(asked(lambda made=made: made.give_role(role, by=SETUP))) for made in groups)  # type: ignore[misc]
    assert one == many
    assert role.members.count() == 61


def test_many_members_are_settled_by_the_chunk(
    acme: Organization, group: NewGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derivation, "CHUNK", 10)
    role = acme.roles.get(name="IT Admin")
    groups = [group(f"{size} members", "", *crowd(acme, f"of{size}-", size)) for size in (10, 20, 35)]
    costs = [len(asked(lambda made=made: made.give_role(role, by=SETUP))) for made in groups]  # type: ignore[misc]
    per_chunk = costs[1] - costs[0]
    assert per_chunk == 6  # lock, roles, groups, members, the change, events
    assert costs[2] == costs[1] + 2 * per_chunk
    assert role.members.count() == 65
