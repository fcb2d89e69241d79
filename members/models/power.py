"""What an actor may do: read anew by the verb that asks, under the lock of what it is about to change.

A door shows what somebody may do when it draws a page. By the time they press the button, they may have been demoted,
and whoever they press it for may have been promoted. So the verb has the last word, for every door.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from audit.actor import Actor, Unlimited
from members.errors import AdminNotAssignable, BeyondPower
from members.models.scope import RANK, Access, Level, Scope, covers, rank

if TYPE_CHECKING:
    from members.models.organization import Organization
    from members.models.role import Role

NOTHING: Access = {}


@dataclass(frozen=True, slots=True)
class MemberPower:
    """A member may do what the role they have now allows; nothing once they are deactivated or removed."""

    member_id: UUID
    organization_id: int

    def access(self) -> Access:
        """Return the access map of the member's role; one query by primary key."""
        from members.models.member import Member

        active = Member.objects.active().filter(pk=self.member_id, organization=self.organization_id)
        return active.values_list("role__access", flat=True).first() or NOTHING


@dataclass(frozen=True, slots=True)
class StaffPower:
    """The vendor's staff may do everything in all organizations, as long as they have the `right` that a page needs."""

    user_id: int | str
    right: str

    def access(self) -> Access | None:
        """Return None (no limit), or nothing for whoever is staff no more or has lost the right."""
        from members.models.user import User

        user = User.objects.filter(pk=self.user_id, is_staff=True, is_active=True).first()
        return None if user is not None and user.has_perm(self.right) else NOTHING


class DirectoryPower(Unlimited):
    """An identity provider may do everything, but make Admins where its organization forbids it."""


DIRECTORY = DirectoryPower()


def is_directory(by: Actor) -> bool:
    """Whether an identity provider acts."""
    return isinstance(by.power, DirectoryPower)


def may_make_admins(by: Actor, organization: "Organization") -> bool:
    """Whether `by` may make somebody an Admin, as far as the organization's policy is concerned."""
    return organization.directory_assigns_admin or not is_directory(by)


def check_new_admin(by: Actor, organization: "Organization") -> None:
    """Raise AdminNotAssignable if `by` is an identity provider that may make nobody an Admin of `organization`."""
    if not may_make_admins(by, organization):
        raise AdminNotAssignable


def has_level(by: Actor, scope: Scope, level: Level) -> bool:
    """Whether `by` has at least `level` in `scope` now."""
    held = by.power.access()
    return held is None or rank(held, scope) >= RANK[level.value]


def check(by: Actor, scope: Scope, *roles: "Role") -> Access | None:
    """Raise BeyondPower unless `by` may act in `scope` now and has at least the access that each of `roles` gives.

    Return what `by` has, None for no limit. Call it under the lock of what is changed. For a directory, a task or a
    command it costs no query.
    """
    held = by.power.access()
    if held is None:
        return None
    if rank(held, scope) < RANK[Level.ACT.value]:
        raise BeyondPower.in_scope(by.label, scope.label)
    for role in roles:
        if not covers(held, role.access):
            raise BeyondPower.over_role(by.label, role.name)
    return held
