"""Organizations in the staff admin: made whole, changed with their approved domains, SCIM turned on and off."""

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.forms import BaseDialogForm, PaginationInlineFormSet
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminTextInputWidget

from members.admin.base import RowCount, StaffAdmin, become, count_text, link_to_list, staff
from members.directory import DirectoryProfile
from members.errors import UserNameInvalid
from members.models import ApprovedDomain, Member, Organization
from members.models.organization import KEY_POLICY, check_address, domain_of, time_zones
from members.models.role import ADMIN


class OrganizationForm(forms.ModelForm):  # type: ignore[type-arg]
    """An organization's own fields."""

    time_zone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in time_zones()],
        initial="UTC",
        widget=UnfoldAdminSelect2Widget,
        error_messages={"invalid_choice": "Choose one of these time zones."},
        help_text="Keys that are generated from now on expire at midnight here; existing ones keep their instant.",
    )


class NewOrganizationForm(OrganizationForm):
    """An organization that is to be made, with its first Admin: without one nobody could sign in to it."""

    admin_email = forms.CharField(
        label="First Admin's e-mail address",
        max_length=254,
        widget=UnfoldAdminTextInputWidget,
        help_text="At one of the approved domains. Torii tells them by e-mail where to sign in.",
    )
    admin_given_name = forms.CharField(
        label="First Admin's given name", max_length=254, required=False, widget=UnfoldAdminTextInputWidget
    )
    admin_family_name = forms.CharField(
        label="First Admin's family name", max_length=254, required=False, widget=UnfoldAdminTextInputWidget
    )

    def clean_admin_email(self) -> str:
        """Return the address if it is one; whether its domain is approved, the domains tell."""
        address: str = self.cleaned_data["admin_email"]
        try:
            check_address(address)
        except UserNameInvalid as error:
            raise ValidationError(error.detail) from None
        return address

    def profile(self) -> DirectoryProfile:
        """Return the first Admin, as a directory would describe them."""
        given = self.cleaned_data
        return DirectoryProfile.of_person(
            given["admin_email"], given["admin_given_name"], given["admin_family_name"], ADMIN
        )


class DomainForm(forms.ModelForm):  # type: ignore[type-arg]
    """One approved domain."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if domain := self.fields.get("domain"):
            domain.widget.attrs["aria-label"] = "Approved domain"

    def clean_domain(self) -> str:
        """Return the domain as the model wants it."""
        domain: str = self.cleaned_data["domain"]
        return domain.strip().lower()


class DomainFormSet(PaginationInlineFormSet):
    """The approved domains: at least one, each once."""

    def clean(self) -> None:
        """Refuse a list that is empty or has the same domain twice."""
        super().clean()
        if any(self.errors):
            return
        domains = self.domains()
        if not domains:
            raise ValidationError("An organization needs at least one approved domain.")
        if len(set(domains)) < len(domains):
            raise ValidationError("A domain is in the list twice.")
        address = self.data.get("admin_email", "").strip()
        if self.instance.pk is None and "@" in address and domain_of(address) not in domains:
            raise ValidationError(f"The first Admin's address, {address}, is not at one of these domains.")

    def domains(self) -> list[str]:
        """Return the domains that are to be approved."""
        return [
            form.cleaned_data["domain"]
            for form in self.forms
            if form.cleaned_data.get("domain") and not form.cleaned_data.get("DELETE")
        ]


class DomainInline(TabularInline):
    """The approved domains on an organization's page."""

    model = ApprovedDomain
    form = DomainForm
    formset = DomainFormSet
    extra = 1
    verbose_name_plural = "Approved domains"

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whoever sees the organization sees its domains."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whoever may change the organization may add domains, as may whoever adds one."""
        return request.user.has_perm("members.change_organization" if obj else "members.add_organization")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whoever may change the organization may change its domains."""
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whoever may change the organization may remove domains."""
        return self.has_add_permission(request, obj)


BELONGINGS = {
    "members": "members.Member",
    "roles": "members.Role",
    "groups": "members.Group",
    "api_keys": "apikeys.ApiKey",
    "events": "audit.Event",
}
# What a list leaves out isn't counted either.
LISTED = {"api_keys": {"deleted_at": None}}


def belonging(name: str) -> Any:
    """Return a column that counts what an organization has of `name`, with a link to the list."""
    label = "API keys" if name == "api_keys" else name.capitalize()

    @admin.display(description=label)
    def column(organization: Organization) -> SafeString:
        counted = count_text(getattr(organization, f"counted_{name}"))
        text = format_html('{}<span class="staff-hidden"> {} of {}</span>', counted, label, organization)
        return link_to_list(BELONGINGS[name], {"organization__id__exact": organization.pk}, text)

    column.__name__ = f"belonging_{name}"
    return column


COLUMNS = tuple(belonging(name) for name in BELONGINGS)


@admin.register(Organization)
class OrganizationAdmin(StaffAdmin):
    """All organizations. None is ever deleted: its audit log must outlive it."""

    form = OrganizationForm
    inlines = (DomainInline,)
    list_display = ("name", "public_id", *COLUMNS, "scim_enabled_at")
    list_fullwidth = True
    list_per_page = 50
    sortable_by = ("name",)
    search_fields = ("name", "public_id")
    search_help_text = "Name or Organization ID"
    readonly_fields = ("public_id", "created_at", "scim_state", "base_url", *COLUMNS)
    fields = (
        "name",
        "public_id",
        "time_zone",
        "scim_state",
        "base_url",
        *COLUMNS,
        "scim_lists_active_only",
        "directory_assigns_admin",
        *KEY_POLICY,
        "created_at",
    )
    actions_detail = ("turn_scim_on", "turn_scim_off")

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether the staff member may add organizations."""
        return request.user.has_perm("members.add_organization")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Whether the staff member may change organizations."""
        return request.user.has_perm("members.change_organization")

    def get_fields(self, request: HttpRequest, obj: Organization | None = None) -> Any:
        """Ask a new organization only for what a person decides."""
        return self.fields if obj else ("name", "time_zone", "admin_email", "admin_given_name", "admin_family_name")

    def get_form(
        self, request: HttpRequest, obj: Organization | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form for a new organization, or for one that is there."""
        return super().get_form(request, obj, change, form=OrganizationForm if obj else NewOrganizationForm, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        """Return organizations with how much belongs to each, all in one query."""
        queryset: QuerySet[Organization] = super().get_queryset(request)
        return queryset.annotate(
            **{
                f"counted_{name}": RowCount(
                    apps.get_model(model).objects.filter(organization=OuterRef("pk"), **LISTED.get(name, {}))
                )
                for name, model in BELONGINGS.items()
            }
        )

    @admin.display(description="SCIM")
    def scim_state(self, organization: Organization) -> str:
        """Whether SCIM is on, since when and by whom."""
        if organization.scim_enabled_at is None:
            return "Off"
        since = organization.local(organization.scim_enabled_at)
        return f"On since {since:%-d %b %Y, %H:%M} ({organization.zone_name}) by {organization.scim_enabled_by_name}"

    @admin.display(description="SCIM base URL")
    def base_url(self, organization: Organization) -> str:
        """What an admin pastes into the identity provider."""
        return organization.scim_base_url

    # Verbs ------------------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Leave it to `save_related`: the domains belong to the same change."""

    def save_related(self, request: HttpRequest, form: Any, formsets: list[DomainFormSet], change: bool) -> None:
        """Create or change the organization together with its domains."""
        organization: Organization = form.instance
        domains = [domain for formset in formsets for domain in formset.domains()]
        if not change:
            made = Organization.objects.create_organization(
                organization.name,
                domains=domains,
                by=staff(request, "members.add_organization"),
                time_zone=organization.time_zone,
            )
            Member.invite(made, form.profile(), by=staff(request, "members.add_organization"))
            become(organization, made)
        else:
            organization.edit(
                domains=domains,
                by=staff(request, "members.change_organization"),
                **{name: form.cleaned_data[name] for name in form.fields},
            )
        for formset in formsets:
            formset.save(commit=False)  # writes nothing: Django's own history reads from it what has changed

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer to turn SCIM on or off, whichever it is not."""
        organization = self.get_object(request, object_id)
        offered = "turn_scim_off" if organization and organization.scim_enabled else "turn_scim_on"
        return [offer for offer in super().get_actions_detail(request, object_id) if offer.path == offered]

    @action(  # type: ignore[untyped-decorator]
        description="Turn SCIM on",
        permissions=["change"],
        dialog={
            "title": "Turn SCIM on?",
            "description": "The organization's SCIM keys work from the next request on.",
            "form_submit_text": "Turn SCIM on",
        },
    )
    def turn_scim_on(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Turn SCIM on."""
        organization: Organization = self.sought(request, object_id)
        return self.after_dialog(
            request,
            object_id,
            lambda: organization.enable_scim(by=staff(request, "members.change_organization")),
            f"SCIM is on for {organization}.",
        )

    @action(  # type: ignore[untyped-decorator]
        description="Turn SCIM off",
        permissions=["change"],
        dialog={
            "title": "Turn SCIM off?",
            "description": "The organization's SCIM keys get 403 from the next request on. Nothing is lost: turning it "
            "on again resumes.",
            "form_submit_text": "Turn SCIM off",
        },
    )
    def turn_scim_off(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Turn SCIM off."""
        organization: Organization = self.sought(request, object_id)
        return self.after_dialog(
            request,
            object_id,
            lambda: organization.disable_scim(by=staff(request, "members.change_organization")),
            f"SCIM is off for {organization}.",
        )
