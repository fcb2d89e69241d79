"""A Role is a named set of scopes with an access level each.

Five are predefined in every organization and locked; an organization adds custom ones. Turning SCIM on or off and
generating keys is for Admins alone, so no custom role can be given more than read access to those two scopes.
"""

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone

from audit.models import Action, Actor, Event
from lib.plain_text import quoted, skeleton
from members.directory import RoleProfile
from members.errors import RoleInUse, RoleLocked, RoleNameTaken, UnknownRole
from members.ids import uuid7
from members.models.derivation import lock_members, settle_roles
from members.models.power import check
from members.models.scope import RANK, Level, Scope, covers, everywhere, in_words, rank
from members.names import clean_names
from torii_settings.statement import Parameter, Select, columns

if TYPE_CHECKING:
    from members.models.job import Job
    from members.models.organization import Organization


ADMIN_ONLY = {Scope.SECURITY, Scope.API_ACCESS}

ADMIN = "Admin"
EMPLOYEE = "Employee"


PREDEFINED: dict[str, tuple[str, dict[str, str]]] = {
    ADMIN: ("May see and change everything.", everywhere(Level.ACT)),
    "Read Only": ("May see everything and change nothing.", everywhere(Level.READ)),
    "IT Admin": (
        "Looks after members; sees the other settings.",
        everywhere(Level.READ) | {Scope.MEMBERS.value: Level.ACT.value},
    ),
    "Procurement": (
        "Sees members and their roles.",
        everywhere(Level.NONE) | {Scope.MEMBERS.value: Level.READ.value, Scope.ROLES.value: Level.READ.value},
    ),
    EMPLOYEE: ("Has no access to the settings and isn't listed on the Members page.", everywhere(Level.NONE)),
}


class RoleManager(models.Manager["Role"]):
    """Finds roles by name, without regard to case; call it on `organization.roles`."""

    def named(self, name: str) -> "Role | None":
        """Return the role called `name` in whatever case, or None."""
        return self.get_queryset().filter(name__lower=name.strip().lower()).first()

    def predefine(self, organization: "Organization") -> None:
        """Give a new organization the five predefined roles."""
        self.bulk_create(
            Role(organization=organization, name=name, description=description, access=access, is_predefined=True)
            for name, (description, access) in PREDEFINED.items()
        )


class Role(models.Model):
    """A role of one organization. `access` maps every `Scope` to a `Level`.

    `public_id` is the id under which SCIM lists the role: the primary key counts the roles of all organizations, which
    is nobody's business.
    """

    public_id = models.UUIDField("public ID", unique=True, default=uuid7, editable=False)
    organization = models.ForeignKey("members.Organization", on_delete=models.CASCADE, related_name="roles")
    name = models.CharField(max_length=60)
    description = models.CharField(max_length=200, blank=True)
    external_id = models.CharField("externalId", max_length=254, blank=True)
    access = models.JSONField(default=dict, blank=True)
    is_predefined = models.BooleanField("predefined", default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[RoleManager] = RoleManager()

    class Meta:
        ordering = ["-is_predefined", "id"]
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("name"),
                name="role_name_unique",
                violation_error_message="The organization already has a role with this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_admin(self) -> bool:
        """Whether this is the predefined Admin role."""
        return self.is_predefined and self.name == ADMIN

    @property
    def is_employee(self) -> bool:
        """Whether this is the predefined Employee role."""
        return self.is_predefined and self.name == EMPLOYEE

    @property
    def summary(self) -> str:
        """Return a sentence that says what the role may do: its description, or else what its access map gives."""
        return self.description or in_words(self.access)

    @property
    def height(self) -> tuple[bool, int, bool, int]:
        """What puts a role above others of its organization: compare these, the greater is the higher.

        Admin is above all. Of the others it is the one that gives more access: the sum over all scopes of 0 for none, 1
        for read, 2 for act. Then a predefined role is above a custom one, and an older above a newer.
        """
        access = sum(rank(self.access, scope) for scope in Scope)
        return self.is_admin, access, self.is_predefined, -self.pk

    def allows(self, scope: Scope, level: Level) -> bool:
        """Whether this role gives at least `level` in `scope`."""
        return rank(self.access, scope) >= RANK[level.value]

    def covers(self, other: "Role") -> bool:
        """Whether this role gives, in every scope, at least what `other` gives."""
        return covers(self.access, other.access)

    def clean(self) -> None:
        """Refuse a name that passes for another, and access levels that don't exist or are for Admins alone."""
        clean_names(self, "name", "description")
        self._check_likeness()
        for scope in Scope:
            level = self.access.setdefault(scope.value, Level.NONE.value)
            if level not in Level.values:
                raise ValidationError({"access": f'"{quoted(str(level))}" is no access level: use none, read or act.'})
            if level == Level.ACT and scope in ADMIN_ONLY and not self.is_predefined:
                raise ValidationError(
                    {"access": f"Only the Admin role may act in {scope.label}: give this role none or read."}
                )

    def _check_likeness(self) -> None:
        """Raise ValidationError for a new name that looks like that of another role."""
        if self.organization_id is None:
            return
        names = dict(self.organization.roles.values_list("pk", "name"))
        if names.pop(self.pk, None) == self.name:
            return
        own = skeleton(self.name)
        other = next((name for name in names.values() if skeleton(name) == own), None)
        # The same name in another case is the constraint's to refuse, in its words.
        if other is not None and other.lower() != self.name.lower():
            raise ValidationError({"name": f'This name looks like that of the role "{other}": choose another one.'})

    @classmethod
    def add(cls, organization: "Organization", profile: RoleProfile, *, by: Actor) -> "Role":
        """Add a custom role to `organization`, with no access yet: staff gives it some. Raises RoleNameTaken."""
        role = cls(
            organization=organization,
            name=profile.name,
            description=profile.description,
            external_id=profile.external_id,
            access=everywhere(Level.NONE),
        )
        role.check_name(profile.name)
        role.create_role(by=by)
        return role

    @classmethod
    def update_from_directory(
        cls, organization: "Organization", public_id: UUID, describe: Callable[["Role"], RoleProfile], *, by: Actor
    ) -> "Role":
        """Change a custom role of `organization` to what the directory says, in one transaction; its access stays.

        `describe` is given the locked role. Raises Role.DoesNotExist, RoleLocked, RoleNameTaken, or what `describe`
        raises.
        """
        with transaction.atomic():
            locked = organization.roles.select_related("organization").select_for_update(of=("self",), no_key=True)
            role = locked.get(public_id=public_id)
            profile = describe(role)
            role.check_name(profile.name)
            role.edit(by=by, name=profile.name, description=profile.description, external_id=profile.external_id)
        return role

    def check_name(self, name: str) -> None:
        """Raise RoleNameTaken if another role of the organization is called `name`."""
        other = self.organization.roles.named(name)
        if other is not None and other.pk != self.pk:
            raise RoleNameTaken(name)

    def create_role(self, *, by: Actor) -> None:
        """Save this new custom role. Raises BeyondPower, or ValidationError for what `full_clean` refuses."""
        self.full_clean()
        with transaction.atomic():
            check(by, Scope.ROLES, self)
            self.save()
            Event.record(Action.ROLE_CREATED, self.organization, by=by, target=self, changes={"access": self.access})

    def edit(self, *, by: Actor, **changes: Any) -> "Job | None":
        """Change `name`, `description`, `external_id` or `access` of a custom role.

        A change of nothing writes nothing. Access decides which of several groups' roles is the highest, so members who
        have this one through a group, or might, are given what is right from now on: by a job, which is returned, if
        they are many. Raises RoleLocked for a predefined role, BeyondPower for one that gives more access than `by`
        has, before or after, ValidationError for what `full_clean` refuses.
        """
        with transaction.atomic():
            # Whoever gives somebody this role meanwhile only asks that it stays, and need not wait (`no_key`).
            current = Role.objects.select_for_update(no_key=True).get(pk=self.pk)
            check(by, Scope.ROLES, current)
            changed = {
                field: [getattr(current, field), value]
                for field, value in changes.items()
                if getattr(current, field) != value
            }
            if not changed:
                return None
            if current.is_predefined:
                raise RoleLocked(current.name)
            for field, value in changes.items():
                setattr(self, field, value)
            self.full_clean()
            check(by, Scope.ROLES, self)
            self.updated_at = timezone.now()
            self.save()
            Event.record(Action.ROLE_UPDATED, self.organization, by=by, target=self, changes=changed)
            return self._settle_members(by=by) if self.height != current.height else None

    def _settle_members(self, *, by: Actor) -> "Job | None":
        """Derive anew the roles of whoever is in a group that has this one."""
        list(self.groups.select_for_update().order_by("pk"))
        members = set(self.organization.members.filter(groups__role=self).values_list("pk", flat=True))
        lock_members(self.organization, members)
        return settle_roles(self.organization, members, by=by, because={"edited_role": self.name})

    def delete_role(self, *, by: Actor) -> None:
        """Delete a custom role that nobody has, no group either. Raises RoleLocked, RoleInUse or BeyondPower."""
        with transaction.atomic():
            current = Role.objects.select_for_update().get(pk=self.pk)
            check(by, Scope.ROLES, current)
            if current.is_predefined:
                raise RoleLocked(current.name)
            # Members of a group that has it mostly have it from there, so the group is what to begin with.
            if groups := current.groups.values_list("display_name", flat=True):
                raise RoleInUse.by_groups(current.name, groups[0], len(groups))
            if in_use := current.members.count():
                raise RoleInUse.by_members(current.name, in_use)
            Event.record(Action.ROLE_DELETED, self.organization, by=by, target=self)
            current.delete()


NAMED = Select(
    lambda: (
        Role.objects.filter(
            organization=Parameter("organization", Role._meta.get_field("organization").target_field),
            name__lower=Parameter("name", Role._meta.get_field("name")),
        )
        .order_by()
        .values_list(*columns(Role))
    )
)


def role_named(organization: "Organization", name: str) -> Role:
    """Return the organization's role called `name`, in whatever case.

    Raises UnknownRole, which names the value, the valid names and the nearest of them.
    """
    role = NAMED.first(Role, organization=organization.pk, name=name.strip().lower())
    if role is None:
        names = list(organization.roles.values_list("name", flat=True))
        nearest = get_close_matches(name.lower(), [known.lower() for known in names], n=1, cutoff=0.5)
        hint = "".join(f' Did you mean "{known}"?' for known in names if known.lower() in nearest)
        raise UnknownRole(f'"{quoted(name)}" is not a role of this organization. Valid: {", ".join(names)}.{hint}')
    return role
