"""The audit log in the staff admin, of all organizations, to look at."""

import datetime as dt
from uuid import UUID

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateFilter
from unfold.utils import parse_date_str

from audit.actor import address_of
from audit.models import ActorKind, Event
from lib.matching import first_matches
from members.admin.base import KEY_HINT, StaffAdmin
from members.models import Member
from members.models.member import matches_search

MEMBERS_SOUGHT = 50
# No index serves a search, which would slow every change down, so it reads so many events at most.
EVENTS_SEARCHED = 100_000


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


def members_called(text: str) -> list[str]:
    """Return the ids of the members whose address or name `text` is, newest first and no more than a few."""
    members, newest_first = Member.objects.all(), F("pk").desc()
    with_address = members.with_user_name(text) if "@" in text else members.none()
    found = list(with_address.order_by(newest_first).values_list("pk", flat=True)[:MEMBERS_SOUGHT])
    if not found:
        found = first_matches(members, matches_search(text), [newest_first], 0, MEMBERS_SOUGHT, counted=False).keys
    return [str(pk) for pk in found]


def by_or_about(members: list[str]) -> Q:
    """Return the condition that one of `members` did it, or that it was done to one of them.

    The log names a member who acts by name, and one who is changed by address.
    """
    return Q(actor_kind=ActorKind.MEMBER, actor_id__in=members) | Q(target_type="member", target_id__in=members)


@admin.register(Event)
class EventAdmin(StaffAdmin):
    """Events of all organizations, newest first."""

    list_display = ("moment", "action", "target_label", "actor", "organization", "ip")
    list_select_related = ("organization",)
    list_fullwidth = True
    list_filter = (
        ("organization", AutocompleteSelectFilter),
        ("action", ChoicesDropdownFilter),
        ("created_at", DayFilter),
    )
    sortable_by = ()
    search_fields = ("actor_label", "target_label")
    search_help_text = (
        "Name or e-mail address of a person, key, or IP address, among the newest "
        f"{EVENTS_SEARCHED:,} events that the filters leave"
    )
    fields = (
        "moment",
        "organization",
        "action",
        "target_label",
        "target_type",
        "target_id",
        "actor",
        "actor_kind",
        "actor_id",
        "ip",
        "user_agent",
        "request_id",
        "changes",
    )

    def found(self, request: HttpRequest, queryset: QuerySet[Event], search_term: str) -> tuple[QuerySet[Event], bool]:
        """Find what a person or a key did and what was done to them, or what came from an IP address."""
        text = search_term.strip()
        oldest = queryset.order_by("-id").values_list("id", flat=True)[EVENTS_SEARCHED - 1 : EVENTS_SEARCHED]
        if oldest:
            queryset = queryset.filter(id__gte=oldest[0])
        if address := address_of(text):
            return queryset.filter(ip=address), False
        if hint := KEY_HINT.search(text):
            text = hint[1]
        named = Q(actor_label__icontains=text) | Q(target_label__icontains=text)
        return queryset.filter(named | by_or_about(members_called(text))), False

    @admin.display(description="Actor")
    def actor(self, event: Event) -> str:
        """Who did it."""
        return event.actor_name

    @admin.display(description="Created at")
    def moment(self, event: Event) -> str:
        """When it happened, to the second."""
        return f"{event.created_at.astimezone(dt.UTC):%-d %b %Y, %H:%M:%S} (UTC)"
