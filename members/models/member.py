"""A Member is a person in one organization: what SCIM calls a User.

State is a timestamp: a member without `deactivated_at` is active. Every verb takes the row's lock first, then checks,
changes and records, so that two of them at once behave like one after the other. What a directory changes most, it
changes without a lock, if nobody else has changed the row meanwhile: docs/decisions/0062-changes-without-a-lock.md.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join

from audit.actor import ActorKind, Origin
from audit.models import RECORD, Action, Actor, Event, event_of
from lib.words import words_of
from members.comparison import Place, holds
from members.directory import DirectoryProfile
from members.errors import BeyondPower, UserNameImmutable, UserNameTaken
from members.ids import uuid7
from members.models.changes import describe_changes
from members.models.derivation import RoleChoice, derived_choices
from members.models.group_names import GroupNames
from members.models.member_email import MemberEmail, first_rows, follow
from members.models.new_admin import NewAdmin
from members.models.organization import ApprovedDomain, Organization, check_address, domain_of
from members.models.power import MemberPower, check, check_new_admin
from members.models.role import ADMIN, EMPLOYEE, Role, role_named
from members.models.scope import Level, Scope
from members.names import check_person
from members.signals import admins_left
from outbox.models import OutgoingMail
from torii_settings.statement import (
    Insert,
    Parameter,
    Select,
    Update,
    columns,
    instance,
    run_if_first,
    run_together,
    unsaved,
    update_of,
)

# What writing a member takes of their role besides its id; the rest is read when it is asked for.
ROLE_COLUMNS = ("name", "is_predefined")


SEARCHED = ("user_name", "given_name", "family_name", "display_name")


def matches_search(text: str) -> Q:
    """Return the condition that a member's name or userName contains every word of `text`. Raises SearchTooLong."""
    words = (
        Q(*(holds(column, word, Place.ANYWHERE) for column in SEARCHED), _connector=Q.OR) for word in words_of(text)
    )
    return Q(*words)


class MemberQuerySet(models.QuerySet["Member"]):
    """Members read as adjectives; call it on `organization.members`."""

    def active(self) -> "MemberQuerySet":
        """Members who are not deactivated."""
        return self.filter(deactivated_at=None)

    def admins(self) -> "MemberQuerySet":
        """Members with the predefined Admin role."""
        return self.filter(role__is_predefined=True, role__name=ADMIN)

    def with_user_name(self, user_name: str) -> "MemberQuerySet":
        """The member with this userName, in whatever case."""
        return self.filter(user_name__lower=user_name.lower())

    def for_update(self) -> "MemberQuerySet":
        """Lock the rows until the transaction ends; their organizations come along unlocked.

        Roles don't: PostgreSQL, having waited for a row whose role was changed meanwhile, finds that it no longer joins
        the role it read before, and leaves the row out.
        """
        return self.select_related("organization").select_for_update(of=("self",))


class Member(models.Model):
    """A person in one organization.

    `user_name` is unique in the organization without regard to case and is kept as it was sent. The columns hold what
    this project acts on; `attributes` holds the rest of the SCIM resource as the identity provider sent it.

    `role_is_assigned` tells whether the identity provider, or somebody by hand, said which role it is to be; else the
    role is derived from the member's groups, as `members.models.derivation` tells.
    """

    class Source(models.TextChoices):
        """How a member came to be."""

        SCIM = "scim", "SCIM"
        MANUAL = "manual", "Added by hand"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="memberships"
    )
    role = models.ForeignKey(Role, on_delete=models.PROTECT, db_index=False, related_name="members")
    role_is_assigned = models.BooleanField(default=False, editable=False)
    user_name = models.CharField("userName", max_length=254)
    external_id = models.CharField("externalId", max_length=254, blank=True)
    given_name = models.CharField(max_length=254, blank=True)
    family_name = models.CharField(max_length=254, blank=True)
    display_name = models.CharField(max_length=254, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    source = models.CharField(max_length=10, choices=Source, default=Source.MANUAL)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    deactivated_at = models.DateTimeField(null=True, blank=True)
    sessions_ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    # That of the row as it was read, where that was asked for.
    row_version: str | None = None

    objects = MemberQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint("organization", Lower("user_name"), name="member_user_name_unique")]
        indexes = [
            models.Index(fields=["organization", "id"], name="member_organization_id"),
            models.Index(fields=["organization", "external_id"], name="member_external_id"),
            models.Index(fields=["role", "id"], name="member_role_id"),
            models.Index(Lower("user_name"), name="member_user_name_anywhere"),
        ]

    def __str__(self) -> str:
        return self.user_name

    @property
    def full_name(self) -> str:
        """The name to show: display name, given and family name, or the userName of somebody without one."""
        return self.display_name or f"{self.given_name} {self.family_name}".strip() or self.user_name

    @property
    def is_active(self) -> bool:
        """Whether the member is not deactivated."""
        return self.deactivated_at is None

    def role_origin(self) -> str:
        """Return a sentence, for a page, that tells where the role comes from."""
        if self.role_is_assigned:
            return "Assigned by the identity provider or by hand."
        groups = list(self.groups.filter(role=self.role_id).values_list("display_name"))
        if not groups:
            return "No role was assigned, and none of their groups gives one."
        names = format_html_join(" and ", "<bdi>“{}”</bdi>", groups)
        return format_html("From the group{} {}.", "" if len(groups) == 1 else "s", names)

    @cached_property
    def group_names(self) -> list[list[str]] | None:
        """The ids and names of the member's groups, in the order of the ids."""
        ((found,),) = GROUP_NAMES.tuples(organization=self.organization_id, pk=self.pk)
        return found  # type: ignore[no-any-return]

    def can(self, scope: Scope, level: Level) -> bool:
        """Whether this member, if active, may read or act in `scope`."""
        return self.is_active and self.role.allows(scope, level)

    def actor(self, origin: Origin | None = None) -> Actor:
        """Return this member as the actor of a verb, who may do what their role allows when the verb asks."""
        power = MemberPower(self.pk, self.organization_id)
        return Actor(ActorKind.MEMBER, str(self.pk), self.full_name, origin or Origin(), power)

    @classmethod
    def described(
        cls, organization: Organization, role: Role, profile: DirectoryProfile, *, source: Source
    ) -> "Member":
        """Return the member whom `profile` describes, not yet saved."""
        now = timezone.now()
        return unsaved(
            cls,
            {
                "id": uuid7(),
                "organization_id": organization.pk,
                "user_id": None,
                "role_id": role.pk,
                "role_is_assigned": bool(profile.role_name),
                "user_name": profile.user_name,
                "external_id": profile.external_id,
                "given_name": profile.given_name,
                "family_name": profile.family_name,
                "display_name": profile.display_name,
                "attributes": profile.attributes,
                "source": source.value,
                "created_at": now,
                "updated_at": now,
                "deactivated_at": now if profile.active is False else None,
                "sessions_ended_at": None,
            },
            organization=organization,
            role=role,
        )

    # Verbs ------------------------------------------------------------------------------------------------------------

    @classmethod
    def add(cls, organization: Organization, profile: DirectoryProfile, *, source: Source, by: Actor) -> "Member":
        """Add a member to `organization`.

        A directory that creates somebody who is there but deactivated reactivates them under the same id; anybody else
        gets UserNameTaken. Also raises UserNameInvalid, TextUnfit, UnknownRole and BeyondPower.
        """
        member = cls._create(organization, profile, source=source, by=by)
        if member is not None:
            return member
        with transaction.atomic():
            existing = locked(LOCKED_BY_USER_NAME, organization, user_name=profile.user_name)
            if existing is None or existing.is_active or source != cls.Source.SCIM:
                raise UserNameTaken(profile.user_name)
            profile.active = profile.active is not False
            existing.take_over(profile, by=by)
            return existing

    @classmethod
    def update_from_directory(
        cls,
        organization: Organization,
        member_id: UUID,
        describe: Callable[["Member"], DirectoryProfile],
        *,
        by: Actor,
        seen: "Member | None" = None,
    ) -> "Member":
        """Change a member of `organization` to what the directory says, in one transaction.

        `describe` is given the locked member and returns the profile it is to have: a PATCH reads what it changes under
        the same lock. Raises Member.DoesNotExist, UserNameImmutable, UnknownRole, LastAdmin, BeyondPower, or what
        `describe` raises.

        `seen` is the member as they were read a moment ago (`seen_member`). Most changes need no lock if nobody has
        changed the member since: see `_change_unlocked`. For all others `describe` is called a second time.
        """
        if seen is not None and seen._change_unlocked(describe(seen), by=by):
            return seen
        with transaction.atomic():
            member = locked(LOCKED_BY_ID, organization, pk=member_id)
            if member is None:
                raise cls.DoesNotExist
            member.take_over(describe(member), by=by)
        return member

    @classmethod
    def invite(cls, organization: Organization, profile: DirectoryProfile, *, by: Actor) -> "Member":
        """Add a member by hand and, unless SCIM is on, tell them so by mail. Raises what `add` raises."""
        from members.mail import activation_mail

        with transaction.atomic():
            member = cls.add(organization, profile, source=cls.Source.MANUAL, by=by)
            if not organization.scim_enabled:
                OutgoingMail.objects.write_down([activation_mail(member, by.label)])
        return member

    @classmethod
    def _create(
        cls, organization: Organization, profile: DirectoryProfile, *, source: Source, by: Actor
    ) -> "Member | None":
        """Insert a member and return them; return None if the userName is taken.

        Nearly everybody who is added is new, so nobody looks first: the constraint tells, and whoever adds the same
        userName at this moment is waited for.
        """
        check_person(profile)
        role = role_at_first(organization, profile)
        check(by, Scope.MEMBERS, role)
        member = cls.described(organization, role, profile, source=source)
        member.group_names = []
        account = {"role": member.role.name, "active": member.is_active}
        event = event_of(Action.MEMBER_CREATED, organization, by, member, account)
        addresses = first_rows(member)
        if len(addresses) <= 1 and not role.is_admin:
            return member if run_if_first([(INSERT_IF_NEW, member), *addresses, (RECORD, event)]) else None
        with transaction.atomic():
            if role.is_admin:
                check_new_admin(by, organization)
            if not run_if_first([(INSERT_IF_NEW, member), (RECORD, event)]):
                return None
            MemberEmail.objects.write_down([member])
            if role.is_admin:
                NewAdmin.objects.write_down(organization, [member], by=by)
        return member

    def take_over(self, profile: DirectoryProfile, *, by: Actor) -> None:
        """Make this member, whose row the caller has locked, what `profile` says; a change of nothing writes nothing.

        Raises UserNameImmutable, TextUnfit, UnknownRole, LastAdmin or BeyondPower.
        """
        plain = self._plain_changes(profile)
        choice = self._choice(profile.role_name)
        active = self.is_active if profile.active is None else profile.active
        self._change(choice=choice, active=active, plain=plain, by=by)

    def change_role(self, role: Role, *, by: Actor) -> None:
        """Assign the member a role of their organization, which may be the one they have.

        Raises LastAdmin or BeyondPower.
        """
        with transaction.atomic():
            self._lock()
            self._change(choice=RoleChoice(role, is_assigned=True), active=self.is_active, plain={}, by=by)

    def deactivate(self, *, by: Actor) -> None:
        """Deactivate the member and end their sessions at once; the row stays.

        Raises LastAdmin or BeyondPower.
        """
        with transaction.atomic():
            self._lock()
            self._change(choice=self._choice(None), active=False, plain={}, by=by)

    def reactivate(self, *, by: Actor) -> None:
        """Let a deactivated member back in, with the role they have: a derived one has kept up with their groups.

        Raises BeyondPower.
        """
        with transaction.atomic():
            self._lock()
            self._change(choice=self._choice(None), active=True, plain={}, by=by)

    def remove(self, *, by: Actor) -> None:
        """Delete the member's row; the audit log keeps the name. Raises LastAdmin or BeyondPower."""
        with transaction.atomic():
            self._lock()
            leaves_admin = self.is_active and self.role.is_admin
            if leaves_admin:
                self.organization.lock_admins()
            check(by, Scope.MEMBERS, self.role)
            if leaves_admin:
                self.organization.require_admin(besides=self)
            Event.record(Action.MEMBER_REMOVED, self.organization, by=by, target=self)
            # Unlike `self.delete()` this leaves the id here, for whoever is told.
            Member.objects.filter(pk=self.pk).delete()
            if leaves_admin:
                admins_left.send(Member, organization=self.organization, members=[self], by=by)

    # How the verbs do it ----------------------------------------------------------------------------------------------

    def _lock(self) -> None:
        self.refresh_from_db(from_queryset=Member.objects.for_update())

    def _plain_changes(self, profile: DirectoryProfile) -> dict[str, Any]:
        """Return what `profile` changes besides role and status. Raises UserNameImmutable or TextUnfit."""
        if profile.user_name.lower() != self.user_name.lower():
            raise UserNameImmutable(self.user_name)
        check_person(profile, self)
        return {
            name: getattr(profile, name)
            for name in ("external_id", "given_name", "family_name", "display_name", "attributes")
            if getattr(profile, name) != getattr(self, name)
        }

    def _change_unlocked(self, profile: DirectoryProfile, *, by: Actor) -> bool:
        """Do what `take_over` does for a `seen_member`; return False if it takes the lock.

        It doesn't if what is checked and changed is in the member's own row: then one statement writes it, provided
        that the row is still the one that was read. Which role a member has is in others' rows too, and so is whether
        an Admin is the last one or welcome, and what an actor may do whose power is limited. Raises UserNameImmutable.
        """
        plain = self._plain_changes(profile)
        active = self.is_active if profile.active is None else profile.active
        is_same_role = profile.role_name is None or (
            self.role_is_assigned and profile.role_name.lower() == self.role.name.lower()
        )
        comes_or_goes_as_admin = self.role.is_admin and active != self.is_active
        changes_emails = "attributes" in plain and self.attributes.get("emails") != plain["attributes"].get("emails")
        is_limited = by.power.access() is not None or by.maker_id == self.pk
        if self.row_version is None or not is_same_role or comes_or_goes_as_admin or changes_emails or is_limited:
            return False
        writes = self._writes(RoleChoice(self.role, self.role_is_assigned), active, plain, by=by, unchanged=True)
        return not writes or run_if_first(writes)

    def _choice(self, role_name: str | None) -> RoleChoice:
        """Return the role that the member, whose row is locked, is to have: see DirectoryProfile.role_name."""
        if role_name is None:
            return RoleChoice(self.role, self.role_is_assigned)
        if not role_name:
            return derived_choices(self.organization, [self.pk])[self.pk]
        same = role_name.lower() == self.role.name.lower()
        return RoleChoice(self.role if same else role_named(self.organization, role_name), is_assigned=True)

    def _change(self, *, choice: RoleChoice, active: bool, plain: dict[str, Any], by: Actor) -> None:
        """Write what differs and record an event for each kind of change. The row is locked.

        Raises LastAdmin or BeyondPower.
        """
        leaves_admin = self.is_active and self.role.is_admin and not (active and choice.role.is_admin)
        if leaves_admin:
            self.organization.lock_admins()
        check(by, Scope.MEMBERS, self.role, choice.role)
        if active and not self.is_active and by.maker_id == self.pk:
            raise BeyondPower.over_maker(by.label, self.full_name)
        if leaves_admin:
            self.organization.require_admin(besides=self)
        becomes_admin = choice.role.is_admin and not (self.role.is_admin and (self.is_active or not active))
        if becomes_admin:
            check_new_admin(by, self.organization)
        run_together(self._writes(choice, active, plain, by=by))
        if becomes_admin:
            NewAdmin.objects.write_down(self.organization, [self], by=by)
        if leaves_admin:
            admins_left.send(Member, organization=self.organization, members=[self], by=by)

    def _writes(
        self, choice: RoleChoice, active: bool, plain: dict[str, Any], *, by: Actor, unchanged: bool = False
    ) -> list[tuple[Insert | Update, models.Model]]:
        """Take on what differs, and return what is left to be written: first the row, if it is `unchanged`, then the
        rest, with an event for each kind of change.
        """
        now = timezone.now()
        changes = dict(plain)
        events: list[tuple[Action, dict[str, Any]]] = []
        if updates := self._describe_updates(choice, plain):
            events.append((Action.MEMBER_UPDATED, updates))
        if choice.role.pk != self.role_id:
            changes["role"] = choice.role
            events.append((Action.MEMBER_ROLE_CHANGED, choice.described(self.role)))
        if active and not self.is_active:
            changes["deactivated_at"] = None
            events.append((Action.MEMBER_REACTIVATED, {}))
        if not active and self.is_active:
            changes |= {"deactivated_at": now, "sessions_ended_at": now}
            events.append((Action.MEMBER_DEACTIVATED, {}))
        if changes:
            changes["updated_at"] = now
        # The SCIM resource doesn't tell who chose the role, so this alone leaves its `meta.lastModified` as it is.
        if choice.is_assigned != self.role_is_assigned:
            changes["role_is_assigned"] = choice.is_assigned
        if not changes:
            return []
        before = self.attributes
        for name, value in changes.items():
            setattr(self, name, value)
        written = frozenset("role_id" if name == "role" else name for name in changes)
        writes: list[tuple[Insert | Update, models.Model]] = [(update_of(Member, written, unchanged=unchanged), self)]
        writes += follow(self, before)
        writes += [(RECORD, event_of(action, self.organization, by, self, details)) for action, details in events]
        return writes

    def _describe_updates(self, choice: RoleChoice, plain: dict[str, Any]) -> dict[str, Any]:
        """Return the audit log's account of what changes besides role and status.

        That a role is assigned from now on, or derived, is told where nothing else tells: when it stays the same.
        """
        updates = describe_changes(self, plain)
        if choice.role.pk == self.role_id and choice.is_assigned != self.role_is_assigned:
            updates["role_is_assigned"] = [self.role_is_assigned, choice.is_assigned]
        return updates


# What every write runs ------------------------------------------------------------------------------------------------


def lock_statement(**condition: Any) -> Select:
    """Return the statement that locks a member of an organization and reads them, their groups and their role behind.

    The role comes from queries inside rather than from a join, as `for_update` tells.
    """
    organization = Parameter("organization", Organization._meta.pk)
    role = Role.objects.filter(pk=OuterRef("role_id")).order_by()
    return Select(
        lambda: (
            Member.objects.filter(organization=organization, **condition)
            .select_for_update()
            .order_by()
            .values_list(*columns(Member), GroupNames(), *(Subquery(role.values(name)) for name in ROLE_COLUMNS))
        )
    )


LOCKED_BY_ID = lock_statement(pk=Parameter("pk", Member._meta.pk))
LOCKED_BY_USER_NAME = lock_statement(
    user_name__lower=Lower(Parameter("user_name", Member._meta.get_field("user_name")))
)
GROUP_NAMES = Select(
    lambda: Member.objects.filter(
        organization=Parameter("organization", Organization._meta.pk), pk=Parameter("pk", Member._meta.pk)
    ).values_list(GroupNames())
)
INSERT_IF_NEW = Insert(Member, or_nothing=True)
ROLE_AT_DOMAIN = Select(
    lambda: (
        Role.objects.filter(
            Exists(
                ApprovedDomain.objects.filter(
                    organization=OuterRef("organization"),
                    domain=Parameter("domain", ApprovedDomain._meta.get_field("domain")),
                )
            ),
            organization=Parameter("organization", Organization._meta.pk),
            name__lower=Parameter("name", Role._meta.get_field("name")),
        )
        .order_by()
        .values_list(*columns(Role))
    )
)


def role_at_first(organization: Organization, profile: DirectoryProfile) -> Role:
    """Return the role of a new member: nobody is in a group yet.

    One query finds it if the domain is approved; only to refuse takes others. Raises UserNameInvalid or UnknownRole.
    """
    name = profile.role_name or EMPLOYEE
    check_address(profile.user_name)
    role = ROLE_AT_DOMAIN.first(
        Role, organization=organization.pk, name=name.strip().lower(), domain=domain_of(profile.user_name)
    )
    if role is None:
        organization.check_user_name(profile.user_name)
        role = role_named(organization, name)
    return role


def locked(statement: Select, organization: Organization, **values: Any) -> Member | None:
    """Return the member of `organization` whom the statement finds, with their role, locked until the transaction ends.

    A role that was made while the statement waited for the lock is none that it sees; it is read when it is asked for.
    """
    rows = statement.tuples(organization=organization.pk, **values)
    if not rows:
        return None
    own, (group_names, *role) = rows[0][: len(columns(Member))], rows[0][len(columns(Member)) :]
    return read_member(organization, own, role, group_names)


def seen_columns() -> tuple[str, ...]:
    """Return the names of the columns that `seen_member` takes."""
    return (*columns(Member), *(f"role__{name}" for name in ROLE_COLUMNS))


def seen_member(organization: Organization, row: dict[str, Any]) -> Member:
    """Return the member of `organization` who was read without a lock.

    `row` holds the `seen_columns`, and then the groups (GroupNames) and the row's version (RowVersion).
    """
    *values, group_names, row_version = row.values()
    own, role = values[: len(columns(Member))], values[len(columns(Member)) :]
    member = read_member(organization, own, role, group_names)
    member.row_version = row_version
    return member


def read_member(organization: Organization, own: list[Any], role: list[Any], group_names: Any) -> Member:
    """Return the member of `organization` with these columns, ROLE_COLUMNS of the role and groups."""
    member = instance(Member, columns(Member), own, organization=organization)
    if role[0] is not None:
        member.role = instance(Role, ("id", *ROLE_COLUMNS), (member.role_id, *role))
    member.group_names = group_names
    return member
