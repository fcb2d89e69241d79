"""Directory groups in the staff admin: they are the identity provider's, all but the role that they give."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from members.admin.base import RowCount, StaffAdmin, count_text, staff
from members.admin.jobs import tell_of
from members.models import Group, GroupMembership


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]
    """A group: it may be given one of its organization's roles, or none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(role := self.fields.get("role"), forms.ModelChoiceField):
            role.queryset = self.instance.organization.roles.all()
            role.empty_label = "No role"


@admin.register(Group)
class GroupAdmin(StaffAdmin):
    """Groups of all organizations."""

    form = GroupForm
    list_display = ("display_name", "organization", "role", "member_count", "external_id", "updated_at")
    list_select_related = ("organization", "role")
    list_filter = (("organization", AutocompleteSelectFilter),)
    search_fields = ("display_name", "external_id")
    search_help_text = "Name or externalId"
    sortable_by = ()
    fields = ("organization", "display_name", "role", "external_id", "member_count", "created_at", "updated_at")
    readonly_fields = tuple(name for name in fields if name != "role")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether the staff member may give groups a role."""
        return request.user.has_perm("members.change_group")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """Return groups with the number of their members, counted no further than is shown."""
        members = GroupMembership.objects.filter(group=OuterRef("pk"))
        queryset: QuerySet[Group] = super().get_queryset(request)
        return queryset.annotate(counted=RowCount(members))

    @admin.display(description="Members")
    def member_count(self, group: Group) -> str:
        """How many members the group has, or that they are more than is counted."""
        return count_text(group.counted)  # type: ignore[attr-defined]

    def change_by_verb(self, request: HttpRequest, obj: Group, form: GroupForm) -> None:
        """Give the group the chosen role."""
        tell_of(request, obj.give_role(form.cleaned_data["role"], by=staff(request, "members.change_group")))
