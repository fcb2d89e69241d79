"""The audit log in the staff admin, of all organizations, to look at."""

import datetime as dt
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateFilter
from unfold.utils import parse_date_str

from audit.models import Event
from members.admin.base import StaffAdmin


class DayFilter(RangeDateFilter):
    """From one day to another, both included, in UTC.

    An event's id begins with the time it was made, and has an index that `created_at` doesn't need.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Keep the events of these days; a date that can't be read is no limit."""
        if first := self.day("from"):
            queryset = queryset.filter(id__gte=first_id(first))
        if (last := self.day("to")) and last < dt.date.max:
            queryset = queryset.filter(id__lt=first_id(last + dt.timedelta(days=1)))
        return queryset

    def day(self, end: str) -> dt.date | None:
        """Return the day that was typed in, if any."""
        day: dt.date | None = parse_date_str(self.used_parameters.get(f"{self.parameter_name}_{end}") or "")
        return day


def first_id(day: dt.date) -> UUID:
    """Return the smallest id that something made on `day` (UTC) or later can have: see `members.ids.uuid7`."""
    milliseconds = (day - EPOCH) // dt.timedelta(milliseconds=1)
    return UUID(int=max(milliseconds, 0) << 80)


EPOCH = dt.date(1970, 1, 1)


@admin.register(Event)
class EventAdmin(StaffAdmin):
    """Events of all organizations, newest first."""

    list_display = ("moment", "action", "target_label", "actor_label", "organization", "ip")
    list_select_related = ("organization",)
    list_fullwidth = True
    list_filter = (
        ("organization", AutocompleteSelectFilter),
        ("action", ChoicesDropdownFilter),
        ("created_at", DayFilter),
    )
    sortable_by = ()
    fields = (
        "moment",
        "organization",
        "action",
        "target_label",
        "target_type",
        "target_id",
        "actor_label",
        "actor_kind",
        "actor_id",
        "ip",
        "user_agent",
        "request_id",
        "changes",
    )

    @admin.display(description="Created at")
    def moment(self, event: Event) -> str:
        """When it happened, to the second."""
        return f"{event.created_at.astimezone(dt.UTC):%-d %b %Y, %H:%M:%S} (UTC)"
