"""Roles in the staff admin: predefined ones to look at, custom ones to change, with a level for every scope."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminSelectWidget

from members.admin.base import RowCount, StaffAdmin, count_text, link_to_list, staff
from members.admin.jobs import tell_of
from members.models import Level, Member, Role, Scope

LEVEL_FIELDS = {f"level_{scope.value}": scope for scope in Scope}
MEANINGS = {
    Level.NONE: "the page is not there",
    Level.READ: "look, and change nothing",
    Level.ACT: "look and change",
}
LEGEND = "; ".join(f"{level.label}: {meaning}" for level, meaning in MEANINGS.items()) + "."


def level_in(scope: Scope) -> Any:
    """Return a column that shows the level of a role in `scope`."""

    @admin.display(description=scope.label)
    def level(role: Role) -> str:
        return str(Level(role.access.get(scope.value, Level.NONE)).label)

    level.__name__ = f"level_in_{scope.value}"
    return level


class LevelFields:
    """A select for every scope, under the name by which a form's metaclass collects fields from its bases."""

    declared_fields: ClassVar = {
        name: forms.ChoiceField(
            label=scope.label,
            choices=Level.choices,
            widget=UnfoldAdminSelectWidget,
            error_messages={"invalid_choice": "Choose one of these levels."},
        )
        for name, scope in LEVEL_FIELDS.items()
    }


class RoleForm(LevelFields, forms.ModelForm):  # type: ignore[misc,type-arg]
    """A custom role; what may not be is told beside the field that says it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, scope in LEVEL_FIELDS.items():
            if name in self.fields:
                self.initial[name] = self.instance.access.get(scope.value, Level.NONE.value)

    def clean(self) -> dict[str, Any]:
        """Ask the model about every level by itself, and whether the name is free."""
        cleaned: dict[str, Any] = super().clean() or {}
        levels = {scope: cleaned[name] for name, scope in LEVEL_FIELDS.items() if name in cleaned}
        for scope, level in levels.items():
            try:
                Role(access={scope.value: level}).clean()
            except ValidationError as error:
                self.add_error(f"level_{scope.value}", error.messages)
        organization = cleaned.get("organization") or getattr(self.instance, "organization", None)
        if organization and "name" in cleaned:
            namesake = organization.roles.named(cleaned["name"])
            if namesake is not None and namesake.pk != self.instance.pk:
                self.add_error("name", "The organization already has a role with this name.")
        if not self.errors:
            self.instance.access = {scope.value: level for scope, level in levels.items()}
        return cleaned


@admin.register(Role)
class RoleAdmin(StaffAdmin):
    """Roles of all organizations."""

    form = RoleForm
    list_display = ("name", "organization", "is_predefined", "member_count", *(level_in(scope) for scope in Scope))
    list_select_related = ("organization",)
    list_before_template = "staff/role_legend.html"
    list_fullwidth = True
    sortable_by = ("name",)
    list_filter = (("organization", AutocompleteSelectFilter), "is_predefined")
    search_fields = ("name", "organization__name")
    search_help_text = "Name of a role or an organization"
    autocomplete_fields = ("organization",)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether the staff member may add roles at all."""
        return request.user.has_perm("members.add_role")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Custom roles may be changed."""
        return is_custom(obj) and request.user.has_perm("members.change_role")

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Custom roles may be deleted."""
        return is_custom(obj) and request.user.has_perm("members.delete_role")

    def get_fieldsets(self, request: HttpRequest, obj: Role | None = None) -> Any:
        """Show the levels as selects where they may be changed, else as text."""
        may_change = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        return (
            (None, {"fields": ("organization", "name", "description", *(("member_count",) if obj else ()))}),
            ("Access", {"fields": tuple(LEVEL_FIELDS) if may_change else ("levels",), "description": LEGEND}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Role | None = None) -> tuple[str, ...]:
        """A role stays in its organization."""
        return ("levels", "member_count", "organization") if obj else ("levels", "member_count")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        """Return roles with the number of their members."""
        queryset: QuerySet[Role] = super().get_queryset(request)
        return queryset.annotate(counted=RowCount(Member.objects.filter(role=OuterRef("pk"))))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list below what its levels mean."""
        return super().changelist_view(request, (extra_context or {}) | {"legend": LEGEND})

    @admin.display(description="Held by")
    def member_count(self, role: Role) -> SafeString:
        """How many members have the role, with a link to them."""
        counted: int = role.counted  # type: ignore[attr-defined]
        return link_to_list(
            "members.Member",
            {"organization__id__exact": role.organization_id, "role": role.name},
            format_html('{}<span class="staff-hidden"> members have the role {}</span>', count_text(counted), role),
        )

    @admin.display(description="Levels")
    def levels(self, role: Role) -> SafeString:
        """The access levels, a line each."""
        lines = ((scope.label, Level(role.access.get(scope.value, Level.NONE)).label) for scope in Scope)
        return format_html_join("\n", "<div>{}: {}</div>", lines)

    def create_by_verb(self, request: HttpRequest, form: RoleForm) -> Role:
        """Create a custom role."""
        role: Role = form.instance
        role.create_role(by=staff(request, "members.add_role"))
        return role

    def change_by_verb(self, request: HttpRequest, obj: Role, form: RoleForm) -> None:
        """Change a custom role; a form sent as it was changes nothing."""
        if form.has_changed():
            tell_of(
                request,
                obj.edit(
                    by=staff(request, "members.change_role"),
                    name=obj.name,
                    description=obj.description,
                    access=obj.access,
                ),
            )

    def delete_by_verb(self, request: HttpRequest, obj: Role) -> None:
        """Delete a custom role that nobody has."""
        obj.delete_role(by=staff(request, "members.delete_role"))


def is_custom(obj: models.Model | None) -> bool:
    """Whether `obj` is a custom role, or no role in particular."""
    return not (isinstance(obj, Role) and obj.is_predefined)
