"""Every verb asks what whoever calls it may do now: a door that forgot to ask, or asked too early, changes nothing."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from apikeys.models import ApiKey
from audit.actor import Actor
from audit.models import Event
from members.directory import DirectoryProfile, GroupProfile, RoleProfile
from members.erasure import erase_person
from members.errors import BeyondPower
from members.models import Group, Job, Level, Member, Organization, Role, Scope, User
from members.models.batch import add_members
from members.models.organization import OrganizationQuerySet
from members.models.scope import everywhere
from tests.conftest import SETUP, new_key, person


@dataclass
class World:
    """One of each noun, for the verbs to be tried on."""

    organization: Organization
    member: Member
    former: Member
    group: Group
    role: Role
    api_key: ApiKey
    job: Job


@pytest.fixture
def world(acme: Organization, ana: Member, emil: Member) -> World:
    former = person(acme, "fred@acme.example", "Fred Former")
    former.deactivate(by=SETUP)
    role = Role.add(acme, RoleProfile("Auditor"), by=SETUP)
    group = Group.add(acme, GroupProfile("Works"), by=SETUP)
    group.give_role(acme.roles.get(name="Read Only"), by=SETUP)
    job = Job.objects.write_down(acme, [emil.pk], by=SETUP, because={"group": "Works"})
    Job.objects.filter(pk=job.pk).update(stopped="No reason.")
    return World(acme, emil, former, group, role, new_key(acme).api_key, job)


NEW = DirectoryProfile("new@acme.example", given_name="New")
MANUAL, SCIM = Member.Source.MANUAL, Member.Source.SCIM

VERBS: dict[str, Callable[[World, Actor], Any]] = {
    "Member.add": lambda w, by: Member.add(w.organization, NEW, source=MANUAL, by=by),
    "Member.invite": lambda w, by: Member.invite(w.organization, NEW, by=by),
    "Member.update_from_directory": lambda w, by: Member.update_from_directory(
        w.organization, w.member.pk, lambda m: DirectoryProfile(m.user_name, given_name="Other"), by=by
    ),
    "Member.take_over": lambda w, by: w.member.take_over(
        DirectoryProfile(w.member.user_name, role_name="Admin"), by=by
    ),
    "Member.change_role": lambda w, by: w.member.change_role(w.organization.roles.get(name="Admin"), by=by),
    "Member.deactivate": lambda w, by: w.member.deactivate(by=by),
    "Member.reactivate": lambda w, by: w.former.reactivate(by=by),
    "Member.remove": lambda w, by: w.member.remove(by=by),
    "Group.add": lambda w, by: Group.add(w.organization, GroupProfile("New"), by=by),
    "Group.update_from_directory": lambda w, by: Group.update_from_directory(
        w.organization, w.group.pk, lambda g: GroupProfile(g.display_name, add_members={w.member.pk}), by=by
    ),
    "Group.take_over": lambda w, by: w.group.take_over(GroupProfile("Works", add_members={w.member.pk}), by=by),
    "Group.give_role": lambda w, by: w.group.give_role(w.organization.roles.get(name="Admin"), by=by),
    "Group.remove": lambda w, by: w.group.remove(by=by),
    "Role.add": lambda w, by: Role.add(w.organization, RoleProfile("New"), by=by),
    "Role.create_role": lambda w, by: Role(
        organization=w.organization, name="New", access=everywhere(Level.NONE)
    ).create_role(by=by),
    "Role.update_from_directory": lambda w, by: Role.update_from_directory(
        w.organization, w.role.public_id, lambda _: RoleProfile("New"), by=by
    ),
    "Role.edit": lambda w, by: w.role.edit(name="New", by=by),
    "Role.delete_role": lambda w, by: w.role.delete_role(by=by),
    "Job.resume": lambda w, by: w.job.resume(by=by),
    "Organization.edit": lambda w, by: w.organization.edit(domains=["new.example"], by=by),
    "Organization.let_directory_assign_admin": lambda w, by: w.organization.let_directory_assign_admin(False, by=by),
    "Organization.set_key_policy": lambda w, by: w.organization.set_key_policy(key_expiration_required=True, by=by),
    "Organization.enable_scim": lambda w, by: w.organization.enable_scim(by=by),
    "Organization.disable_scim": lambda w, by: w.organization.disable_scim(by=by),
    "erase_person": lambda w, by: erase_person(w.organization, w.member.user_name, by=by),
    "ApiKey.generate": lambda w, by: new_key(w.organization, by=by),
    "ApiKey.rotate": lambda w, by: w.api_key.rotate(description="New", expires_on=None, by=by),
    "ApiKey.delete_key": lambda w, by: w.api_key.delete_key(by=by),
    "ApiKey.accept_origins": lambda w, by: w.api_key.accept_origins(by=by),
}
NO_PERSON = {
    "ApiKey.delete_if_replaced": "The clock calls it.",
    "ApiKey.end_with_maker": "It follows from what a verb on the maker did, which has asked.",
    "ApiKey.record_expiry": "The clock calls it.",
    "ApiKey.tell_admins": "It writes to people about what a verb did.",
    "OrganizationQuerySet.create_organization": "Whoever makes an organization has no power in it yet.",
}


@pytest.mark.parametrize("noun", [Member, Group, Role, Organization, OrganizationQuerySet, ApiKey, Job, User])
def test_no_verb_is_forgotten(noun: type) -> None:
    functions = {name: getattr(member, "__func__", member) for name, member in vars(noun).items() if name[0] != "_"}
    found = {
        f"{noun.__name__}.{name}"
        for name, function in functions.items()
        if inspect.isfunction(function) and "by" in inspect.signature(function).parameters
    }
    assert found <= VERBS.keys() | NO_PERSON.keys(), found - VERBS.keys() - NO_PERSON.keys()


ACTORS = ["deactivated", "removed", "demoted", "of another organization", "former staff", "staff without the right"]


@pytest.fixture(params=ACTORS)
def powerless(request: pytest.FixtureRequest, acme: Organization, eve: Member) -> Actor:
    """Somebody who had every power when the door asked, and lost it before the verb did."""
    if "staff" in request.param:
        stella = User.objects.create_superuser("stella@vendor.example", "a password of staff")
        by = stella.actor(right="members.change_member")
        lost = "is_staff" if request.param == "former staff" else "is_superuser"
        User.objects.filter(pk=stella.pk).update(**{lost: False})
        return by
    if request.param == "of another organization":
        # As if a door had taken the right member and the wrong organization.
        zoe = person(acme, "zoe@acme.example", "Zoe Zander", "Admin")
        Member.objects.filter(pk=zoe.pk).update(organization=eve.organization, role=eve.role)
        return zoe.actor()
    zoe = person(acme, "zoe@acme.example", "Zoe Zander", "Admin")
    by = zoe.actor()
    match request.param:
        case "deactivated":
            zoe.deactivate(by=SETUP)
        case "removed":
            Member.objects.get(pk=zoe.pk).remove(by=SETUP)
        case "demoted":
            zoe.change_role(acme.roles.get(name="Employee"), by=SETUP)
    return by


@pytest.mark.parametrize("verb", VERBS)
def test_whoever_lost_their_power_changes_nothing(world: World, powerless: Actor, verb: str) -> None:
    before = Event.objects.count()

    with pytest.raises(BeyondPower):
        VERBS[verb](world, powerless)

    assert Event.objects.count() == before


def test_many_are_added_by_nobody_who_may_not(acme: Organization, ana: Member, emil: Member) -> None:
    assert list(add_members(acme, [NEW], source=SCIM, by=emil.actor())) == [None]
    assert not acme.members.with_user_name(NEW.user_name).exists()


IT_ADMIN_BEYOND: dict[str, Callable[[Organization, Member], Any]] = {
    "give": lambda acme, ira: acme.members.get(user_name="emil@acme.example").change_role(
        admin_of(acme), by=ira.actor()
    ),
    "take": lambda acme, ira: admin(acme).change_role(acme.roles.get(name="Employee"), by=ira.actor()),
    "take for oneself": lambda acme, ira: ira.change_role(admin_of(acme), by=ira.actor()),
    "invite": lambda acme, ira: Member.invite(
        acme, DirectoryProfile("new@acme.example", role_name="Admin"), by=ira.actor()
    ),
    "deactivate": lambda acme, ira: admin(acme).deactivate(by=ira.actor()),
    "remove": lambda acme, ira: admin(acme).remove(by=ira.actor()),
    "reactivate": lambda acme, ira: acme.members.get(user_name="fred@acme.example").reactivate(by=ira.actor()),
    "give through a group": lambda acme, ira: acme.groups.get(role=None).give_role(admin_of(acme), by=ira.actor()),
    "take with a group": lambda acme, ira: acme.groups.exclude(role=None).get().remove(by=ira.actor()),
}


def admin_of(organization: Organization) -> Role:
    return organization.roles.get(name="Admin")


def admin(organization: Organization) -> Member:
    return organization.members.get(user_name="ana@acme.example")


@pytest.mark.parametrize("deed", IT_ADMIN_BEYOND)
def test_an_it_admin_reaches_no_admin_by_any_verb(
    acme: Organization, ana: Member, ira: Member, emil: Member, deed: str
) -> None:
    person(acme, "fred@acme.example", "Fred Former", "Admin").deactivate(by=SETUP)
    Group.add(acme, GroupProfile("Admins"), by=SETUP).give_role(admin_of(acme), by=SETUP)
    Group.add(acme, GroupProfile("Helpdesk"), by=SETUP)
    before = Event.objects.count()

    with pytest.raises(BeyondPower, match="Admin"):
        IT_ADMIN_BEYOND[deed](acme, ira)

    assert Event.objects.count() == before


def test_nobody_raises_a_role_beyond_their_own_access(acme: Organization, ana: Member) -> None:
    keeper = Role(organization=acme, name="Keeper", access=everywhere(Level.NONE) | {Scope.ROLES.value: "act"})
    keeper.create_role(by=SETUP)
    karl = person(acme, "karl@acme.example", "Karl Keeper", "Keeper")
    low = Role(organization=acme, name="Low", access=everywhere(Level.NONE))
    low.create_role(by=karl.actor())

    with pytest.raises(BeyondPower, match="Low"):
        low.edit(access=everywhere(Level.NONE) | {Scope.MEMBERS.value: "read"}, by=karl.actor())
    with pytest.raises(BeyondPower, match="High"):
        Role(organization=acme, name="High", access=everywhere(Level.READ)).create_role(by=karl.actor())

    low.refresh_from_db()
    assert low.access == everywhere(Level.NONE)


def test_a_job_of_somebody_who_lost_their_power_stops(acme: Organization, ana: Member, emil: Member) -> None:
    zoe = person(acme, "zoe@acme.example", "Zoe Zander", "Admin")
    job = Job.objects.write_down(acme, [emil.pk], by=zoe.actor(), because={"group": "Works"})
    assert job.is_allowed()
    zoe.deactivate(by=SETUP)
    assert not job.is_allowed()
