"""Many people whom a directory adds at once: those who are simply new in one transaction, the others one by one.

To add one person is `Member.add`, and there every rule is told: it looks, checks, writes and records, or locks who is
there, in a few queries. Here the same is done for up to a few hundred in as many queries. The approved domains, the
roles and who is there already are read once, then all who are new are inserted by one statement and their events by
another.

What is left to `Member.add`: whoever is not simply new. That is who is there already (to be reactivated or refused),
whose userName came earlier in the same batch, whose role or domain is unknown. It finds the words of the refusal, and
it has the locks that a change of somebody who exists needs. So no rule is written here a second time.

Why the outcome is the one that a call for each would have, in the same order: a refusal changes nothing, so it doesn't
matter that those behind it are inserted before. A reactivation does change something and is in the log, so the
insertion stops in front of it and continues after it.

Why it is safe when others add people at the same time: what was read is not locked, so by the time of the insertion
somebody may have taken a userName or deleted a role. Then the database refuses the statement, the transaction is rolled
back, and `Member.add` finds out for each what is the matter. Two batches that share userNames would wait for each other
in a circle if one inserted ana before bob and the other bob before ana, so all insert in the order of the userNames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from django.db import DatabaseError, transaction
from django.db.models.functions import Lower

from audit.models import Action, Actor, Event
from lib.rerun import run_unit
from members.directory import DirectoryProfile
from members.errors import BeyondPower, TextUnfit, UserNameInvalid
from members.models.member import Member
from members.models.member_email import MemberEmail
from members.models.new_admin import NewAdmin
from members.models.organization import Organization, check_address, domain_of
from members.models.power import check, may_make_admins
from members.models.role import EMPLOYEE, Role
from members.models.scope import Scope
from members.names import check_person
from torii_settings.statement import Insert

# Unlike that of `Member.add`, it is refused when a userName is taken.
INSERT = Insert(Member)


def add_members(
    organization: Organization, profiles: Sequence[DirectoryProfile], *, source: Member.Source, by: Actor
) -> Iterator[Member | None]:
    """Add who is simply new; yield for each of `profiles`, in their order, the new member, or None for the others.

    Nothing happens before the first is asked for. The caller hands the profile of a None to `Member.add` before asking
    for the next: those behind somebody to be reactivated are added only then.
    """
    for stretch in stretches(organization, profiles, may_make_admins(by, organization)):
        yield from run_unit(partial(insert, organization, stretch, source=source, by=by))


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who is simply new, and their role."""

    profile: DirectoryProfile
    role: Role


def stretches(
    organization: Organization, profiles: Sequence[DirectoryProfile], with_admins: bool
) -> list[list[Newcomer | None]]:
    """Tell newcomers from the others (None), and cut behind everybody who may have to be reactivated; three queries.

    Admins count as newcomers only `with_admins`.
    """
    domains = set(organization.domain_names())
    roles = {role.lower_name: role for role in organization.roles.annotate(lower_name=Lower("name"))}
    is_active = who_is_there(organization, profiles)
    found: list[list[Newcomer | None]] = [[]]
    for profile in profiles:
        name = profile.user_name.lower()
        role = roles.get((profile.role_name or EMPLOYEE).strip().lower())
        allowed = role is not None and (with_admins or not role.is_admin)
        is_well_named = is_approved(profile.user_name, domains) and has_fit_names(profile)
        if name not in is_active and role and allowed and is_well_named:
            is_active[name] = profile.active is not False
            found[-1].append(Newcomer(profile, role))
        else:
            found[-1].append(None)
            if not is_active.get(name, True):
                found.append([])
    return found


def who_is_there(organization: Organization, profiles: Sequence[DirectoryProfile]) -> dict[str, bool]:
    """Return the userNames, in lower case, of those of `profiles` who are members, and whether they are active."""
    names = {profile.user_name.lower() for profile in profiles}
    rows = organization.members.filter(user_name__lower__in=names).values_list(Lower("user_name"), "deactivated_at")
    return {name: deactivated_at is None for name, deactivated_at in rows}


def has_fit_names(profile: DirectoryProfile) -> bool:
    """Whether no name holds a character that none may have."""
    try:
        check_person(profile)
    except TextUnfit:
        return False
    return True


def is_approved(user_name: str, domains: set[str]) -> bool:
    """Whether `Organization.check_user_name` has nothing to say against it."""
    try:
        check_address(user_name)
    except UserNameInvalid:
        return False
    return domain_of(user_name) in domains


def insert(
    organization: Organization, stretch: list[Newcomer | None], *, source: Member.Source, by: Actor
) -> list[Member | None]:
    """Insert the newcomers of a stretch, all or, if the database refuses one, none (None)."""
    members = [
        Member.described(organization, newcomer.role, newcomer.profile, source=source) if newcomer else None
        for newcomer in stretch
    ]
    new = [member for member in members if member]
    in_order = sorted(new, key=lambda member: member.user_name.lower())
    try:
        with transaction.atomic():
            check(by, Scope.MEMBERS, *{member.role for member in new})
            INSERT.run_many(in_order)
            MemberEmail.objects.write_down(new)
            accounts = ((member, {"role": member.role.name, "active": member.is_active}) for member in new)
            Event.record_many(Action.MEMBER_CREATED, organization, by=by, changes=accounts)
            NewAdmin.objects.write_down(organization, [member for member in new if member.role.is_admin], by=by)
    except (DatabaseError, BeyondPower):
        return [None] * len(stretch)
    return members
