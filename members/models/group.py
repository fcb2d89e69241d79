"""A Group is a directory group that an identity provider pushes.

Memberships are rows, and every change touches only the rows that change: adding one person to a group of 100,000
reads and writes one row.

A group may have a role, which staff gives it and the directory knows nothing of: `members.models.derivation` tells whom
it reaches. Every verb locks the group's row, then the members it concerns, and only then changes anything.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower
from django.utils import timezone

from audit.actor import Unlimited
from audit.models import RECORD, Action, Actor, Event, event_of
from members.directory import GroupProfile
from members.errors import AdminNotAssignable, UnknownGroupMember, UnknownRole
from members.ids import uuid7
from members.models.derivation import lock_members, settle_roles
from members.models.job import Job
from members.models.member import Member
from members.models.organization import Organization
from members.models.power import check, may_make_admins
from members.models.role import Role
from members.models.scope import Scope
from members.names import check_names
from torii_settings.statement import Insert, Parameter, Select, columns, run_together, update_of

LOGGED_IDS = 50


class Group(models.Model):
    """A directory group with its members.

    Its `role` is what members without an assigned role get from it, unless another of their groups has a higher one.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False, related_name="groups")
    display_name = models.CharField("displayName", max_length=254)
    external_id = models.CharField("externalId", max_length=254, blank=True)
    role = models.ForeignKey(
        Role,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="groups",
        help_text="Members to whom nobody, the identity provider included, has assigned a role have the highest role "
        "of their groups.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    members = models.ManyToManyField(Member, through="GroupMembership", related_name="groups")

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["organization", "id"], name="group_organization_id"),
            models.Index(fields=["organization", "external_id"], name="group_external_id"),
            models.Index("organization", Lower("display_name"), name="group_display_name"),
        ]

    def __str__(self) -> str:
        return self.display_name

    @classmethod
    def add(cls, organization: Organization, profile: GroupProfile, *, by: Actor) -> "Group":
        """Add a group to `organization`; it has no role yet, so nobody's changes.

        Raises TextUnfit, UnknownGroupMember or BeyondPower.
        """
        check_names(displayName=profile.display_name, externalId=profile.external_id)
        with transaction.atomic():
            check(by, Scope.MEMBERS)
            group = cls(organization=organization, display_name=profile.display_name, external_id=profile.external_id)
            group.save(force_insert=True)
            added = group._add_members((profile.replace_members or set()) | profile.add_members)
            Event.record(Action.GROUP_CREATED, organization, by=by, target=group, changes=ids(added=added))
        return group

    @classmethod
    def update_from_directory(
        cls, organization: Organization, group_id: UUID, describe: Callable[["Group"], GroupProfile], *, by: Actor
    ) -> "Group":
        """Change a group of `organization` to what the directory says, in one transaction.

        `describe` is given the locked group. Raises Group.DoesNotExist, UnknownGroupMember, LastAdmin, BeyondPower, or
        what `describe` raises.
        """
        with transaction.atomic():
            group = LOCKED.first(Group, organization=organization.pk, pk=group_id)
            if group is None:
                raise cls.DoesNotExist
            group.organization = organization
            group.take_over(describe(group), by=by)
        return group

    def take_over(self, profile: GroupProfile, *, by: Actor) -> None:
        """Make this group, whose row the caller has locked, what `profile` says.

        Raises TextUnfit, UnknownGroupMember, BeyondPower, or LastAdmin if those who leave would take the last active
        Admin's role along.
        """
        self._check(by)
        if profile.display_name != self.display_name:
            check_names(displayName=profile.display_name)
        if profile.external_id != self.external_id:
            check_names(externalId=profile.external_id)
        changes: dict[str, Any] = {
            name: [getattr(self, name), getattr(profile, name)]
            for name in ("display_name", "external_id")
            if getattr(self, name) != getattr(profile, name)
        }
        add, remove = profile.add_members, profile.remove_members
        if profile.replace_members is not None:
            current = self._member_ids()
            add, remove = profile.replace_members - current, current - profile.replace_members
        # A group without a role has none to give or to take, nor can it get one while its row is locked.
        concerned = add | remove if self.role_id else set()
        lock_members(self.organization, concerned)
        self._check_new_admins(add, by)
        removed = self._remove_members(remove)
        added = self._add_members(add)
        changes |= ids(added=added, removed=removed)
        if not changes:
            return
        self.display_name, self.external_id = profile.display_name, profile.external_id
        self.updated_at = timezone.now()
        event = event_of(Action.GROUP_UPDATED, self.organization, by, self, changes)
        run_together([(update_of(Group, WRITTEN), self), (RECORD, event)])
        self._settle(concerned, by=by)

    def give_role(self, role: Role | None, *, by: Actor) -> Job | None:
        """Let the members have `role` from this group, or none; those with an assigned role keep that.

        If they are many, a job sees to it, which is returned. The directory doesn't see the role, so `updated_at`, its
        `meta.lastModified`, stays. Raises UnknownRole for another organization's role, BeyondPower for a role that
        gives more access than `by` has, LastAdmin if the last active Admin has that role from this group.
        """
        with transaction.atomic():
            if role is not None:
                role = self._lock_role(role)
            self._lock()
            self._check(by, role)
            before = self.role
            if role == before:
                return None
            members = self._member_ids()
            lock_members(self.organization, members)
            self.role = role
            self.save(update_fields=["role"])
            changes = {"role": [before and before.name, role and role.name]}
            Event.record(Action.GROUP_ROLE_CHANGED, self.organization, by=by, target=self, changes=changes)
            return self._settle(members, by=by)

    def remove(self, *, by: Actor) -> None:
        """Delete the group; its members stay, without the role they had from it.

        Raises BeyondPower, or LastAdmin if the last active Admin has that role from this group.
        """
        with transaction.atomic():
            self._lock()
            self._check(by)
            left = self._member_ids() if self.role_id else set()
            lock_members(self.organization, left)
            Event.record(Action.GROUP_REMOVED, self.organization, by=by, target=self)
            self.delete()
            self._settle(left, by=by)

    # How the verbs do it ----------------------------------------------------------------------------------------------

    def _lock(self) -> None:
        self.refresh_from_db(from_queryset=Group.objects.select_related("organization").select_for_update(of=("self",)))

    def _check(self, by: Actor, new_role: Role | None = None) -> None:
        """Raise BeyondPower unless `by` may change who has the role of this group, whose row is locked."""
        # Read only for whoever has a limit, which a directory has not.
        if not isinstance(by.power, Unlimited):
            check(by, Scope.MEMBERS, *(role for role in (self.role, new_role) if role is not None))

    def _check_new_admins(self, added: set[UUID], by: Actor) -> None:
        """Raise AdminNotAssignable if `by` may make no Admins and the group's role would make one of `added`."""
        if not added or may_make_admins(by, self.organization) or self.role is None or not self.role.is_admin:
            return
        if self.organization.members.filter(pk__in=added).exclude(role=self.role).exists():
            raise AdminNotAssignable

    def _lock_role(self, role: Role) -> Role:
        """Return the role as it is, locked: editing it asks which groups have it, deleting it whether any has.

        Raises UnknownRole.
        """
        found = self.organization.roles.select_for_update(no_key=True).filter(pk=role.pk).first()
        if found is None:
            raise UnknownRole(f'"{role}" is not a role of this organization.')
        return found

    def _member_ids(self) -> set[UUID]:
        return set(self.memberships.values_list("member_id", flat=True))

    def _memberships(self) -> models.QuerySet["GroupMembership"]:
        """Return the group's memberships, to be narrowed to some members.

        The organization comes first in the one index that answers this: without it, PostgreSQL reads all groups of each
        member, and for many members all memberships there are.
        """
        return self.memberships.filter(organization=self.organization_id)

    def _settle(self, member_ids: set[UUID], *, by: Actor) -> Job | None:
        return settle_roles(self.organization, member_ids, by=by, because={"group": self.display_name})

    def _add_members(self, wanted: set[UUID]) -> set[UUID]:
        """Add the members who aren't in the group yet, and return them."""
        if not wanted:
            return set()
        is_in_group = Exists(self._memberships().filter(member_id=OuterRef("pk")))
        known = dict(self.organization.members.filter(pk__in=wanted).order_by().values_list("pk", is_in_group))
        if unknown := wanted - known.keys():
            raise UnknownGroupMember(unknown)
        new = {pk for pk, is_in in known.items() if not is_in}
        organization_id = self.organization_id
        INSERT_MEMBERSHIP.run_many(
            [GroupMembership(organization_id=organization_id, group=self, member_id=pk) for pk in sorted(new)]
        )
        return new

    def _remove_members(self, unwanted: set[UUID]) -> set[UUID]:
        """Remove the members who are in the group, and return them."""
        if not unwanted:
            return set()
        found = self._memberships().filter(member_id__in=unwanted)
        gone = set(found.values_list("member_id", flat=True))
        found.delete()
        return gone


class GroupMembership(models.Model):
    """That a member is in a group."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False, related_name="+")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, db_index=False, related_name="group_memberships")

    class Meta:
        constraints = [models.UniqueConstraint("organization", "group", "member", name="group_membership_unique")]
        # One index answers for a member, whatever the planner knows of the table: with one on each column it may take
        # that of the organization, and read 100,000 rows to find three.
        indexes = [models.Index(fields=["member", "organization"], name="group_membership_member")]

    def __str__(self) -> str:
        return f"{self.member_id} in {self.group_id}"


LOCKED = Select(
    lambda: (
        Group.objects.filter(
            organization=Parameter("organization", Organization._meta.pk), pk=Parameter("pk", Group._meta.pk)
        )
        .select_for_update()
        .order_by()
        .values_list(*columns(Group))
    )
)
INSERT_MEMBERSHIP = Insert(GroupMembership)
WRITTEN = frozenset({"display_name", "external_id", "updated_at"})


def ids(**sets: set[UUID]) -> dict[str, Any]:
    """Return the audit log's account of members added and removed: how many, and the first few ids."""
    return {
        name: {"count": len(found), "first": [str(pk) for pk in sorted(found)[:LOGGED_IDS]]}
        for name, found in sets.items()
        if found
    }
