"""API keys in the staff admin, to look at and to delete. No page has a key's secret or what is stored of it."""

import datetime as dt
from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display

from apikeys.models import EXPIRES_SOON, ApiKey, ApiKeyQuerySet, KnownOrigin, Notice
from members.admin.base import KEY_HINT, StaffAdmin, staff


class StatusFilter(DropdownFilter):
    """How far keys are in their life; unless asked for, deleted ones are not shown."""

    title = "status"
    parameter_name = "status"
    all_option = ("", "Not deleted")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return what there is to choose."""
        return [
            ("live", "Live"),
            ("expiring", "Expires within a month"),
            ("expired", "Expired"),
            ("deleted", "Deleted"),
        ]

    def queryset(self, request: HttpRequest, queryset: ApiKeyQuerySet) -> ApiKeyQuerySet:
        """Keep the keys that are as chosen."""
        now = timezone.now()
        match self.value():
            case "live":
                return queryset.live(now)
            case "expiring":
                return queryset.live(now).expiring_before(now + EXPIRES_SOON)
            case "expired":
                return queryset.expired(now)
            case "deleted":
                return queryset.exclude(deleted_at=None)
            case _:
                return queryset.existing()


class ReadOnlyInline(TabularInline):
    """Rows that belong to a key, to look at."""

    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whoever sees the key sees them."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return False."""
        return False


class NoticeInline(ReadOnlyInline):
    """Who was told what about a key, and what the mail server said."""

    model = Notice
    fields = ("kind", "recipient", "created_at", "attempts", "sent_at", "failed_at", "failure")
    readonly_fields = fields


class OriginInline(ReadOnlyInline):
    """From where a key has been used."""

    model = KnownOrigin
    fields = ("kind", "name", "summary", "first_seen_at", "last_seen_at", "is_new", "refused")
    readonly_fields = fields


@admin.register(ApiKey)
class ApiKeyAdmin(StaffAdmin):
    """Keys of all organizations, newest first; a deleted one stays as a tombstone."""

    inlines = (NoticeInline, OriginInline)
    list_display = ("hint", "description", "kind", "organization", "status", "expiry_day", "created_at", "last_used_at")
    list_select_related = ("organization",)
    list_fullwidth = True
    list_filter = (("organization", AutocompleteSelectFilter), ("kind", ChoicesDropdownFilter), StatusFilter)
    search_fields = ("description", "key_id__exact", "last_four__exact")
    search_help_text = "Description, id part or last four"
    sortable_by = ("expiry_day",)
    fields = (
        "hint",
        "description",
        "kind",
        "organization",
        "status",
        "expiry",
        "created_at",
        "created_by_name",
        "replaces",
        "delete_when_silent",
        "networks",
        "first_used_at",
        "last_used_at",
        "last_used_ip",
        "last_used_user_agent",
        "new_origin_at",
        "deleted_at",
    )

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether the staff member may delete keys; what is deleted already can't be."""
        deleted = isinstance(obj, ApiKey) and obj.deleted_at is not None
        return not deleted and request.user.has_perm("apikeys.delete_apikey")

    def found(
        self, request: HttpRequest, queryset: QuerySet[ApiKey], search_term: str
    ) -> tuple[QuerySet[ApiKey], bool]:
        """Find a key by its hint, as a customer copies it, or by one of the fields."""
        if hint := KEY_HINT.search(search_term):
            return queryset.filter(key_id=hint[1]), False
        found: tuple[QuerySet[ApiKey], bool] = super().found(request, queryset, search_term)
        return found

    @admin.display(description="Key")
    def hint(self, api_key: ApiKey) -> str:
        """What may be shown of the key's text."""
        return api_key.hint

    @display(  # type: ignore[untyped-decorator]
        description="Status",
        label={
            "Live": "success",
            "Waits for SCIM": "warning",
            "Expires soon": "warning",
            "Expired": "danger",
            "Deleted": "info",
        },
    )
    def status(self, api_key: ApiKey) -> str:
        """How far the key is in its life."""
        now = timezone.now()
        if api_key.waits_for_scim(now):
            return "Waits for SCIM"
        return "Deleted" if api_key.deleted_at else api_key.status(now).label

    @admin.display(description="Expires", ordering="expires_at")
    def expiry_day(self, api_key: ApiKey) -> dt.date | None:
        """The day on which the key expires."""
        return api_key.expiry_day

    @admin.display(description="Expires")
    def expiry(self, api_key: ApiKey) -> str:
        """The instant from which the key is refused, in the organization's time zone."""
        if api_key.expires_at is None:
            return "Never"
        return f"{api_key.local_expiry():%-d %b %Y, %H:%M} ({api_key.organization.zone_name})"

    @admin.display(description="Created by")
    def created_by_name(self, api_key: ApiKey) -> str:
        """Who generated the key."""
        return api_key.created_by_name

    @admin.display(description="Allowed networks")
    def networks(self, api_key: ApiKey) -> str:
        """From where the key may be used."""
        return ", ".join(api_key.allowed_networks) or "All"

    def delete_by_verb(self, request: HttpRequest, obj: ApiKey) -> None:
        """Delete the key; its row stays as a tombstone."""
        obj.delete_key(by=staff(request, "apikeys.delete_apikey"))

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        """Go back to the list; Django would send whoever can't change keys to the front page."""
        super().response_delete(request, obj_display, obj_id)
        return redirect("admin:apikeys_apikey_changelist")
