"""A Role is a named set of scopes with an access level each.

Five are predefined in every organization and locked; an organization adds custom ones. Turning SCIM on or off and
generating keys is for Admins alone, so no custom role can be given more than read access to those two scopes.
"""

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Lower

from audit.models import Action, Actor, Event
from members.errors import RoleInUse, RoleLocked, UnknownRole

if TYPE_CHECKING:
    from members.models.organization import Organization


class Scope(models.TextChoices):
    """What a role gives access to: a room of the settings."""

    SECURITY = "security", "Security"
    API_ACCESS = "api_access", "API Access"
    MEMBERS = "members", "Members"
    ROLES = "roles", "Roles"
    AUDIT_LOG = "audit_log", "Audit log"


class Level(models.TextChoices):
    """How much access: none, look only, or look and change."""

    NONE = "none", "None"
    READ = "read", "Read"
    ACT = "act", "Act"


RANK = {Level.NONE.value: 0, Level.READ.value: 1, Level.ACT.value: 2}
ADMIN_ONLY = {Scope.SECURITY, Scope.API_ACCESS}

ADMIN = "Admin"
EMPLOYEE = "Employee"


def everywhere(level: Level) -> dict[str, str]:
    """Return an access map that gives `level` in every scope."""
    return {scope.value: level.value for scope in Scope}


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
    """Finds roles by name, without regard to case."""

    def named(self, name: str) -> "Role | None":
        """Return the role called `name` in whatever case, or None. Call it on `organization.roles`."""
        return self.get_queryset().filter(name__lower=name.strip().lower()).first()

    def predefine(self, organization: "Organization") -> None:
        """Give a new organization the five predefined roles."""
        self.bulk_create(
            Role(organization=organization, name=name, description=description, access=access, is_predefined=True)
            for name, (description, access) in PREDEFINED.items()
        )


class Role(models.Model):
    """A role of one organization. `access` maps every `Scope` to a `Level`."""

    organization = models.ForeignKey("members.Organization", on_delete=models.CASCADE, related_name="roles")
    name = models.CharField(max_length=60)
    description = models.CharField(max_length=200, blank=True)
    access = models.JSONField(default=dict, blank=True)
    is_predefined = models.BooleanField("predefined", default=False, editable=False)

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

    def allows(self, scope: Scope, level: Level) -> bool:
        """Whether this role gives at least `level` in `scope`."""
        return RANK[self.access.get(scope.value, Level.NONE.value)] >= RANK[level.value]

    def clean(self) -> None:
        """Refuse access levels that don't exist, or that are for Admins alone."""
        for scope in Scope:
            level = self.access.setdefault(scope.value, Level.NONE.value)
            if level not in Level.values:
                raise ValidationError({"access": f'"{level}" is no access level: use none, read or act.'})
            if level == Level.ACT and scope in ADMIN_ONLY and not self.is_predefined:
                raise ValidationError(
                    {"access": f"Only the Admin role may act in {scope.label}: give this role none or read."}
                )

    def create_role(self, *, by: Actor) -> None:
        """Save this new custom role. Raises ValidationError for what `full_clean` refuses."""
        self.full_clean()
        with transaction.atomic():
            self.save()
            Event.record(Action.ROLE_CREATED, self.organization, by=by, target=self, changes={"access": self.access})

    def edit(self, *, by: Actor, **changes: Any) -> None:
        """Change `name`, `description` or `access` of a custom role.

        Raises RoleLocked for a predefined role, ValidationError for what `full_clean` refuses.
        """
        with transaction.atomic():
            current = Role.objects.select_for_update().get(pk=self.pk)
            if current.is_predefined:
                raise RoleLocked(current.name)
            changed = {
                field: [getattr(current, field), value]
                for field, value in changes.items()
                if getattr(current, field) != value
            }
            for field, value in changes.items():
                setattr(self, field, value)
            self.full_clean()
            self.save()
            Event.record(Action.ROLE_UPDATED, self.organization, by=by, target=self, changes=changed)

    def delete_role(self, *, by: Actor) -> None:
        """Delete a custom role that nobody has. Raises RoleLocked or RoleInUse."""
        with transaction.atomic():
            current = Role.objects.select_for_update().get(pk=self.pk)
            if current.is_predefined:
                raise RoleLocked(current.name)
            if in_use := current.members.count():
                raise RoleInUse(current.name, in_use)
            Event.record(Action.ROLE_DELETED, self.organization, by=by, target=self)
            current.delete()


def role_named(organization: "Organization", name: str) -> Role:
    """Return the organization's role called `name`, in whatever case.

    Raises UnknownRole, which names the value, the valid names and the nearest of them.
    """
    role = organization.roles.named(name)
    if role is None:
        names = list(organization.roles.values_list("name", flat=True))
        nearest = get_close_matches(name.lower(), [known.lower() for known in names], n=1, cutoff=0.5)
        hint = "".join(f' Did you mean "{known}"?' for known in names if known.lower() in nearest)
        raise UnknownRole(
            f'userType "{name[:100]}" is not a role of this organization. Valid: {", ".join(names)}.{hint}'
        )
    return role
