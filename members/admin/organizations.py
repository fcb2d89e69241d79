"""Organizations in the staff admin: made whole, changed with their approved domains, SCIM turned on and off."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.forms import BaseDialogForm, PaginationInlineFormSet
from unfold.widgets import UnfoldAdminSelect2Widget

from members.admin.base import StaffAdmin, become, staff
from members.models import ApprovedDomain, Organization
from members.models.organization import KEY_POLICY, time_zones


class OrganizationForm(forms.ModelForm):  # type: ignore[type-arg]
    """An organization's own fields."""

    time_zone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in time_zones()],
        initial="UTC",
        widget=UnfoldAdminSelect2Widget,
        help_text="Keys that are generated from now on expire at midnight here; existing ones keep their instant.",
    )


class DomainForm(forms.ModelForm):  # type: ignore[type-arg]
    """One approved domain."""

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


@admin.register(Organization)
class OrganizationAdmin(StaffAdmin):
    """All organizations. None is ever deleted: its audit log must outlive it."""

    form = OrganizationForm
    inlines = (DomainInline,)
    list_display = ("name", "public_id", "time_zone", "scim_enabled_at", "created_at")
    search_fields = ("name", "public_id")
    search_help_text = "Name or Organization ID"
    readonly_fields = ("public_id", "created_at", "scim_state", "base_url")
    fields = (
        "name",
        "public_id",
        "time_zone",
        "scim_state",
        "base_url",
        "scim_lists_active_only",
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
        return self.fields if obj else ("name", "time_zone")

    @admin.display(description="SCIM")
    def scim_state(self, organization: Organization) -> str:
        """Whether SCIM is on, since when and by whom."""
        if organization.scim_enabled_at is None:
            return "Off"
        since = organization.local(organization.scim_enabled_at)
        return f"On since {since:%-d %b %Y, %H:%M} ({organization.time_zone}) by {organization.scim_enabled_by}"

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
                organization.name, domains=domains, by=staff(request), time_zone=organization.time_zone
            )
            become(organization, made)
        else:
            organization.edit(
                domains=domains, by=staff(request), **{name: form.cleaned_data[name] for name in form.fields}
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
            request, object_id, lambda: organization.enable_scim(by=staff(request)), f"SCIM is on for {organization}."
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
            request, object_id, lambda: organization.disable_scim(by=staff(request)), f"SCIM is off for {organization}."
        )
