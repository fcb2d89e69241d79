"""Where a member's role comes from: somebody assigned it, or it is derived from their groups.

The rule: an assigned role stays until somebody says otherwise. Whoever has none assigned has the highest role
(`Role.height`) that one of their groups has, or else is an Employee. It holds for deactivated members too, so that they
come back with the right one.

Why calls may come in any order, also at once: a derived role depends on whether another is assigned, on which groups
the member is in, and on which role each of these has and how high that is. Whoever changes one of these takes the
member's lock as well, and derives the role under it from what the database then says (on PostgreSQL a statement sees
all that is committed when it begins; on SQLite there is one writer at a time). So the last of several to get the lock
sees what all of them did. Nobody is overlooked, because who is in a group and which role it has change under the lock
of the group's row; who edits a role locks the role's row, so that no other group gets it, and all groups that have it.

Why they never wait for each other in a circle: locks are taken in one order. A role first, then groups, then members,
both in the order of their ids, then memberships, and the organization last.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone

from audit.models import Action, Actor, Event
from members.models.job import Job
from members.models.new_admin import NewAdmin
from members.signals import admins_left

if TYPE_CHECKING:
    from members.models.member import Member
    from members.models.organization import Organization
    from members.models.role import Role

CHUNK = 1_000
# So many members are settled in the request that changes their roles; more of them are left to a job.
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """The role that a member is to have; if nobody assigned it, `groups` are the names of those that give it."""

    role: "Role"
    is_assigned: bool
    groups: tuple[str, ...] = ()

    def described(self, before: "Role") -> dict[str, Any]:
        """Return the audit log's account of a change from `before`."""
        account: dict[str, Any] = {"role": [before.name, self.role.name]}
        return account | ({"given_by_groups": list(self.groups)} if self.groups else {})


def derived_choices(organization: "Organization", member_ids: Iterable[UUID]) -> dict[UUID, RoleChoice]:
    """Return what each of these members of `organization` has when no role is assigned to them; two queries."""
    roles = {role.pk: role for role in organization.roles.all()}
    employee = next(role for role in roles.values() if role.is_employee)
    given: dict[UUID, list[tuple[Role, str]]] = {member_id: [] for member_id in member_ids}
    groups = organization.groups.filter(role__isnull=False, memberships__member_id__in=list(given)).order_by("pk")
    for member_id, role_id, name in groups.values_list("memberships__member_id", "role_id", "display_name"):
        given[member_id].append((roles[role_id], name))
    return {member_id: highest(found, employee) for member_id, found in given.items()}


def highest(given: "list[tuple[Role, str]]", otherwise: "Role") -> RoleChoice:
    """Return the highest of the roles that groups, named beside them, give."""
    role = max((role for role, _ in given), key=lambda role: role.height, default=otherwise)
    return RoleChoice(role, is_assigned=False, groups=tuple(name for found, name in given if found == role))


def lock_members(organization: "Organization", member_ids: set[UUID]) -> None:
    """Lock these members' rows in the order of their ids; call it before changing what their roles depend on.

    Memberships may be added meanwhile, whose foreign keys only ask that the member stays (`no_key`). If a job is to
    settle them, it locks each when it comes to them, and then finds what has been committed here.
    """
    if len(member_ids) > AT_ONCE:
        return
    for chunk in chunks(member_ids):
        list(organization.members.filter(pk__in=chunk).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def settle_roles(
    organization: "Organization", member_ids: set[UUID], *, by: Actor, because: dict[str, str]
) -> Job | None:
    """Give these members, whose rows the caller has locked, the roles that the rule says, and record what changes.

    More than `AT_ONCE` are left to a job, which is returned, but for the Admins among them: whether the last one would
    go is known at once. `because` goes into each event. Raises LastAdmin, upon which the transaction must be rolled
    back.
    """
    if len(member_ids) <= AT_ONCE:
        settle_now(organization, member_ids, by=by, because=because)
        return None
    admins = organization.members.active().admins().filter(role_is_assigned=False).values_list("pk", flat=True)
    first = set(sorted(member_ids.intersection(admins))[:AT_ONCE])
    lock_members(organization, first)
    settle_now(organization, first, by=by, because=because)
    return Job.objects.write_down(organization, member_ids - first, by=by, because=because)


def settle_now(organization: "Organization", member_ids: set[UUID], *, by: Actor, because: dict[str, str]) -> None:
    """Settle the roles of members whose rows the caller has locked.

    The number of queries grows with the number of chunks, not of members. Raises LastAdmin; that is asked at the end,
    because of several members one may become an Admin when another stops being one.
    """
    demotes = [settle_chunk(organization, chunk, by=by, because=because) for chunk in chunks(member_ids)]
    if any(demotes):
        organization.require_admin()


def settle_chunk(organization: "Organization", member_ids: list[UUID], *, by: Actor, because: dict[str, str]) -> bool:
    """Settle the roles of a few members; return whether an active Admin was among those who lost theirs."""
    members = organization.members.filter(pk__in=member_ids, role_is_assigned=False)
    choices = derived_choices(organization, member_ids)
    changing: dict[Role, list[Member]] = {}
    for member in members.select_related("role").defer("attributes").order_by("pk"):
        role = choices[member.pk].role
        if role.pk != member.role_id:
            changing.setdefault(role, []).append(member)
    for role, found in changing.items():
        organization.members.filter(pk__in=[member.pk for member in found]).update(role=role, updated_at=timezone.now())
        accounts = ((member, choices[member.pk].described(member.role) | because) for member in found)
        Event.record_many(Action.MEMBER_ROLE_CHANGED, organization, by=by, changes=accounts)
        if role.is_admin:
            NewAdmin.objects.write_down(organization, found, by=by)
    demoted = [m for found in changing.values() for m in found if m.is_active and m.role.is_admin]
    if demoted:
        admins_left.send(type(demoted[0]), organization=organization, members=demoted, by=by)
    return bool(demoted)


def chunks(member_ids: set[UUID]) -> Iterator[list[UUID]]:
    """Split ids, in their order, into lists of up to `CHUNK`."""
    ordered = sorted(member_ids)
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))
