"""Directory groups in the staff admin, to look at: they are the identity provider's."""

from django.contrib import admin
from django.db.models import IntegerField, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from members.admin.base import StaffAdmin
from members.models import Group, GroupMembership

COUNTED_TO = 1000


class RowCount(Subquery):
    """How many rows a query has; give it a slice, and it stops counting there."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


@admin.register(Group)
class GroupAdmin(StaffAdmin):
    """Groups of all organizations."""

    list_display = ("display_name", "organization", "member_count", "external_id", "updated_at")
    list_select_related = ("organization",)
    list_filter = (("organization", AutocompleteSelectFilter),)
    search_fields = ("display_name", "external_id")
    search_help_text = "Name or externalId"
    sortable_by = ()
    fields = ("organization", "display_name", "external_id", "member_count", "created_at", "updated_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """Return groups with the number of their members, counted no further than is shown."""
        members = GroupMembership.objects.filter(group=OuterRef("pk")).values("pk")[: COUNTED_TO + 1]
        queryset: QuerySet[Group] = super().get_queryset(request)
        return queryset.annotate(counted=RowCount(members))

    @admin.display(description="Members")
    def member_count(self, group: Group) -> str:
        """How many members the group has, or that they are more than is counted."""
        counted: int = group.counted  # type: ignore[attr-defined]
        return f"{counted:,}" if counted <= COUNTED_TO else f"more than {COUNTED_TO:,}"
