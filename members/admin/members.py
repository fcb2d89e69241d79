"""Members in the staff admin: found by address, added by hand, given a role, deactivated, reactivated, removed."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from lib.matching import WALKED, first_matches
from members.admin.base import StaffAdmin, staff
from members.directory import DirectoryProfile
from members.errors import UnknownRole, UserNameInvalid, UserNameTaken
from members.models import Member, MemberQuerySet, Organization, Role
from members.models.member import matches_search
from members.models.role import EMPLOYEE, PREDEFINED, role_named

ORGANIZATION = "organization__id__exact"
NEWEST_FIRST = [F("pk").desc()]


class NewMemberForm(forms.ModelForm):  # type: ignore[type-arg]
    """Somebody to be added by hand. The role is typed, because which there are depends on the organization."""

    role_name = forms.CharField(
        label="Role",
        initial=EMPLOYEE,
        widget=UnfoldAdminTextInputWidget,
        help_text="The name of one of the organization's roles.",
    )

    def clean(self) -> dict[str, Any]:
        """Tell beside the field what `Member.add` would refuse."""
        cleaned: dict[str, Any] = super().clean() or {}
        organization = cleaned.get("organization")
        if organization and "user_name" in cleaned:
            self.check_user_name(organization, cleaned["user_name"])
        if organization and "role_name" in cleaned:
            self.check_role(organization, cleaned["role_name"])
        return cleaned

    def check_user_name(self, organization: Organization, user_name: str) -> None:
        """Refuse an address that is not approved, or that a member has already."""
        try:
            organization.check_user_name(user_name)
        except UserNameInvalid as error:
            self.add_error("user_name", error.detail)
        if organization.members.with_user_name(user_name).exists():
            self.add_error("user_name", UserNameTaken(user_name).detail)

    def check_role(self, organization: Organization, role_name: str) -> None:
        """Refuse the name of a role that the organization doesn't have."""
        try:
            role_named(organization, role_name)
        except UnknownRole as error:
            self.add_error("role_name", error.detail)


class MemberForm(forms.ModelForm):  # type: ignore[type-arg]
    """A member who is there: they may be given another role of their organization."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(role := self.fields.get("role"), forms.ModelChoiceField):
            role.queryset = self.instance.organization.roles.all()
            role.empty_label = None


class RoleFilter(DropdownFilter):
    """By the role's name: the predefined ones, or those of the organization that the list shows."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the names there are."""
        chosen = request.GET.get(ORGANIZATION, "")
        names = (
            Role.objects.filter(organization_id=chosen).values_list("name", flat=True)
            if chosen.isdecimal()
            else PREDEFINED
        )
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: MemberQuerySet) -> MemberQuerySet:
        """Keep the members with the role."""
        return queryset.filter(role__name=self.value()) if self.value() else queryset


class StatusFilter(DropdownFilter):
    """Active or deactivated."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return both."""
        return [("active", "Active"), ("deactivated", "Deactivated")]

    def queryset(self, request: HttpRequest, queryset: MemberQuerySet) -> MemberQuerySet:
        """Keep the members who are as chosen."""
        if self.value() == "deactivated":
            return queryset.exclude(deactivated_at=None)
        return queryset.active() if self.value() else queryset


def page_number(request: HttpRequest) -> int:
    """Return the number of the page that a list, or a list to choose from, is asked for."""
    text = request.GET.get("p") or request.GET.get("page") or ""
    return int(text) if text.isdecimal() and len(text) < 10 else 1


@admin.register(Member)
class MemberAdmin(StaffAdmin):
    """Members of all organizations, newest first."""

    list_display = ("user_name", "full_name", "organization", "role", "status", "source", "created_at")
    list_select_related = ("organization", "role")
    list_fullwidth = True
    list_filter = (
        ("organization", AutocompleteSelectFilter),
        RoleFilter,
        StatusFilter,
        ("source", ChoicesDropdownFilter),
    )
    search_fields = ("user_name",)
    search_help_text = "Address, or words of a name"
    ordering = ("-id",)
    sortable_by = ()
    autocomplete_fields = ("organization",)
    actions = ("deactivate_members", "reactivate_members")
    actions_detail = ("deactivate", "reactivate")
    fields = (
        "organization",
        "user_name",
        "full_name",
        "role",
        "role_origin",
        "status",
        "source",
        "external_id",
        "user",
        "attributes",
        "created_at",
        "updated_at",
        "deactivated_at",
    )

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether the staff member may add members."""
        return request.user.has_perm("members.add_member")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether the staff member may change members."""
        return request.user.has_perm("members.change_member")

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether the staff member may remove members."""
        return request.user.has_perm("members.delete_member")

    def found(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Find a whole address through its index; read the names only for what is no member's address.

        The paginator takes a page out of what is returned, so that is the first pages of the matches, up to that one.
        """
        members = cast("MemberQuerySet", queryset)
        found = members.with_user_name(search_term.strip())
        if "@" in search_term and found.exists():
            return found, False
        words, shown = matches_search(search_term), self.list_per_page * page_number(request)
        if not words or shown > WALKED:
            return members.filter(words), False
        return members.filter(pk__in=first_matches(members, words, NEWEST_FIRST, 0, shown, counted=False).keys), False

    def get_form(self, request: HttpRequest, obj: Member | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form for somebody new, or for a member."""
        return super().get_form(request, obj, change, form=MemberForm if obj else NewMemberForm, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Member | None = None) -> Any:
        """Ask of somebody new only what a person knows."""
        return self.fields if obj else ("organization", "user_name", "given_name", "family_name", "role_name")

    def get_readonly_fields(self, request: HttpRequest, obj: Member | None = None) -> tuple[str, ...]:
        """All but the role is the directory's, or can't be updated at all."""
        return tuple(name for name in self.fields if name != "role") if obj else ()

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer to deactivate an active member and to reactivate a deactivated one."""
        member = self.get_object(request, object_id)
        offered = "reactivate" if member and not member.is_active else "deactivate"
        return [offer for offer in super().get_actions_detail(request, object_id) if offer.path == offered]

    @admin.display(description="Where the role comes from")
    def role_origin(self, member: Member) -> str:
        """Who or what gives the role."""
        return member.role_origin()

    @display(description="Status", label={"Active": "success", "Deactivated": "warning"})  # type: ignore[untyped-decorator]
    def status(self, member: Member) -> str:
        """Active or deactivated."""
        return "Active" if member.is_active else "Deactivated"

    # Verbs ------------------------------------------------------------------------------------------------------------

    def create_by_verb(self, request: HttpRequest, form: NewMemberForm) -> Member:
        """Add a member by hand."""
        given = form.cleaned_data
        profile = DirectoryProfile.of_person(
            given["user_name"], given["given_name"], given["family_name"], given["role_name"]
        )
        return Member.invite(given["organization"], profile, by=staff(request, "members.add_member"))

    def change_by_verb(self, request: HttpRequest, obj: Member, form: MemberForm) -> None:
        """Give the member another role; a form sent as it was leaves it to the groups, if they decide."""
        if form.has_changed():
            obj.change_role(form.cleaned_data["role"], by=staff(request, "members.change_member"))

    def delete_by_verb(self, request: HttpRequest, obj: Member) -> None:
        """Remove the member."""
        obj.remove(by=staff(request, "members.delete_member"))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Member]) -> None:
        """Remove them all, or nobody when one may not be."""
        for member in locked(queryset):
            member.remove(by=staff(request, "members.delete_member"))

    @admin.action(description="Deactivate selected members", permissions=["change"])
    def deactivate_members(self, request: HttpRequest, queryset: QuerySet[Member]) -> None:
        """Deactivate them all, or nobody when one may not be."""
        self.for_each(
            request,
            queryset,
            lambda member: member.deactivate(by=staff(request, "members.change_member")),
            "deactivated",
        )

    @admin.action(description="Reactivate selected members", permissions=["change"])
    def reactivate_members(self, request: HttpRequest, queryset: QuerySet[Member]) -> None:
        """Reactivate them all."""
        self.for_each(
            request,
            queryset,
            lambda member: member.reactivate(by=staff(request, "members.change_member")),
            "reactivated",
        )

    def for_each(
        self, request: HttpRequest, queryset: QuerySet[Member], verb: Callable[[Member], None], done: str
    ) -> None:
        """Carry out `verb` on every member."""
        members = locked(queryset)
        for member in members:
            verb(member)
        names = members[0].user_name if len(members) == 1 else f"{len(members)} members"
        self.message_user(request, f"{names} {done}.", messages.SUCCESS)

    @action(  # type: ignore[untyped-decorator]
        description="Deactivate",
        permissions=["change"],
        dialog={
            "title": "Deactivate this member?",
            "description": "Their sessions end at once. The member stays and can be reactivated.",
            "form_submit_text": "Deactivate member",
        },
    )
    def deactivate(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Deactivate the member."""
        member: Member = self.sought(request, object_id)
        return self.after_dialog(
            request,
            object_id,
            lambda: member.deactivate(by=staff(request, "members.change_member")),
            f"{member} is deactivated.",
        )

    @action(  # type: ignore[untyped-decorator]
        description="Reactivate",
        permissions=["change"],
        dialog={
            "title": "Reactivate this member?",
            "description": "They may sign in again, with the role shown on this page.",
            "form_submit_text": "Reactivate member",
        },
    )
    def reactivate(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Reactivate the member."""
        member: Member = self.sought(request, object_id)
        return self.after_dialog(
            request,
            object_id,
            lambda: member.reactivate(by=staff(request, "members.change_member")),
            f"{member} is active again.",
        )


def locked(queryset: QuerySet[Member]) -> list[Member]:
    """Return these members, whose rows are locked until the request ends, in the order of their ids.

    All at once, because a verb that goes on to lock the organization comes after every member's lock, not between two.
    """
    return list(Member.objects.for_update().filter(pk__in=queryset.values("pk")).order_by("pk"))
