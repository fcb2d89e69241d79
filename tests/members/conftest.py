"""What the tests of groups and roles have in common."""

from collections.abc import Callable

import pytest

from members.directory import DirectoryProfile, GroupProfile
from members.models import Group, Member, Organization
from tests.conftest import SETUP

NewGroup = Callable[..., Group]


@pytest.fixture
def bob(acme: Organization) -> Member:
    """Somebody whom the directory has created without a userType."""
    profile = DirectoryProfile("bob@acme.example")
    return Member.add(acme, profile, source=Member.Source.SCIM, by=SETUP)


@pytest.fixture
def group(acme: Organization) -> NewGroup:
    """Return a function that makes a group of acme, with a role and members."""

    def make(name: str, role: str = "", *members: Member) -> Group:
        profile = GroupProfile(name, replace_members={member.pk for member in members})
        made = Group.add(acme, profile, by=SETUP)
        if role:
            made.give_role(acme.roles.named(role), by=SETUP)
        return made

    return make


def push(group: Group, *, add: set[Member] | None = None, remove: set[Member] | None = None) -> None:
    """Let the directory add members to a group and remove some."""

    def described(current: Group) -> GroupProfile:
        return GroupProfile(
            current.display_name,
            add_members={member.pk for member in add or set()},
            remove_members={member.pk for member in remove or set()},
        )

    Group.update_from_directory(group.organization, group.pk, described, by=SETUP)


def say(member: Member, role_name: str | None) -> None:
    """Let the directory say which role a member is to have: "" for none of its own, None for nothing at all."""
    profile = DirectoryProfile(member.user_name, role_name=role_name)
    Member.update_from_directory(member.organization, member.pk, lambda _: profile, by=SETUP)


def role_of(member: Member) -> tuple[str, bool]:
    """Return the name of a member's role, and whether it is assigned."""
    found: tuple[str, bool] = Member.objects.values_list("role__name", "role_is_assigned").get(pk=member.pk)
    return found
