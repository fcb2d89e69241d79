"""Jobs in the staff admin: how far each has got, and a way on for one that has stopped."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action

from members.admin.base import StaffAdmin, staff
from members.models import Job

REFRESH_SECONDS = 3
STATES = {"waiting": "Waits for a worker", "running": "Running", "done": "Done", "stopped": "Stopped"}


@admin.register(Job)
class JobAdmin(StaffAdmin):
    """Jobs of all organizations."""

    list_display = ("__str__", "organization", "state", "progress", "created_at")
    list_select_related = ("organization",)
    list_filter = (("organization", AutocompleteSelectFilter),)
    sortable_by = ()
    fields = ("organization", "state", "progress", "actor_label", "request_id", "created_at", "finished_at")
    readonly_fields = ("stopped", *fields)
    actions_detail = ("resume",)

    @admin.display(description="State")
    def state(self, job: Job) -> str:
        """How it stands."""
        return STATES[job.state]

    @admin.display(description="Progress")
    def progress(self, job: Job) -> SafeString:
        """How many members are settled, as a bar and in words."""
        return format_html(
            '<progress class="staff-progress" max="{}" value="{}" aria-label="Progress"></progress>'
            '<span class="staff-progress-words">{} of {} members</span>',
            job.total,
            job.done,
            f"{job.done:,}",
            f"{job.total:,}",
        )

    def get_fields(self, request: HttpRequest, obj: Job | None = None) -> Any:
        """Say why it has stopped, if it has."""
        return ("organization", "state", "stopped", *self.fields[2:]) if obj and obj.stopped else self.fields

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the job; while a worker is at it, the page is loaded anew by itself."""
        response: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        job = self.get_object(request, object_id)
        if job is not None and job.finished_at is None:
            response.headers["Refresh"] = str(REFRESH_SECONDS)
        return response

    def has_resume_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Whether there is something to resume, for staff that may do both kinds of change."""
        may = request.user.has_perms(["members.change_group", "members.change_role"])
        job = self.get_object(request, object_id) if may else None
        return job is not None and bool(job.stopped)

    @action(description="Go on", permissions=["resume"])  # type: ignore[untyped-decorator]
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go on with a job that has stopped."""
        job: Job = self.sought(request, object_id)
        job.resume(by=staff(request, "members.change_group"))
        return HttpResponseRedirect(self.page_of(object_id))


def tell_of(request: HttpRequest, job: Job | None) -> None:
    """Say that members get their roles by and by, if a job sees to it, and where its progress is shown."""
    if job is not None:
        page = reverse("admin:members_job_change", args=[job.pk])
        text = '{} members get their roles in the background: <a href="{}" class="underline">see how far that is</a>.'
        messages.info(request, format_html(text, f"{job.total:,}", page))
