"""Users in the staff admin: who signs in with which address, and which of them are staff.

Only a superuser may change users: whoever can set a password or give a permission has them all. A user belongs to no
organization, so these changes are in Django's own history and not in an organization's audit log.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, BaseDialogForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from members.admin.base import StaffAdmin, staff
from members.models import Member, User
from members.second_factor import is_set_up, reset

NAMES = ("first_name", "last_name")
RIGHTS = ("is_active", "is_staff", "is_superuser", "user_permissions")


class NewUserForm(UserCreationForm):
    """A user to be; addresses are kept in lower case."""

    def clean_email(self) -> str:
        """Return the address in lower case."""
        email: str = self.cleaned_data["email"]
        return email.lower()


class MembershipInline(TabularInline):
    """The members that a user is, to look at."""

    model = Member
    fields = ("user_name", "organization", "role", "deactivated_at")
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True
    verbose_name_plural = "Memberships"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        """Return members with what is shown of them."""
        queryset: QuerySet[Member] = super().get_queryset(request)
        return queryset.select_related("organization", "role")

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return False."""
        return False


@admin.register(User)
class UserAdmin(StaffAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
    """Login identities of all organizations and of the staff."""

    form = UserChangeForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)
    actions_detail = ("account_history", "reset_second_factor")
    list_display = ("email", "first_name", "last_name", "is_active", "is_staff", "last_login")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("email__startswith",)
    search_help_text = "Beginning of an e-mail address"
    ordering = ("-id",)
    sortable_by = ()
    filter_horizontal = ()
    readonly_fields = ("email", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", *NAMES)}),
        ("Rights", {"fields": RIGHTS}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", *NAMES, "usable_password", "password1", "password2", "is_staff")}),)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Superusers may add users."""
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Superusers may change users."""
        return is_superuser(request)

    def has_reset_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Superusers may reset a second factor that there is; their own they remove on its page, by proving it."""
        user = self.get_object(request, object_id)
        return is_superuser(request) and user is not None and user != request.user and is_set_up(user)

    @action(description="History", permissions=["view"])  # type: ignore[untyped-decorator]
    def account_history(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what superusers have changed, and, of the staff, what has happened to the account."""
        return HttpResponseRedirect(reverse("admin:members_user_history", args=[object_id]))

    @action(  # type: ignore[untyped-decorator]
        description="Reset second factor",
        permissions=["reset"],
        dialog={
            "title": "Reset this second factor?",
            "description": "For somebody who has lost their phone and their recovery codes: be sure that it is they "
            "who ask. Both stop working at once. The person gets a mail, and staff set up another app when they next "
            "sign in.",
            "form_submit_text": "Reset second factor",
        },
    )
    def reset_second_factor(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Remove the user's second factor."""
        user: User = self.sought(request, object_id)
        by = staff(request, "members.change_user")
        return self.after_dialog(
            request,
            object_id,
            lambda: reset(user, by=by, request=request),
            f"The second factor of {user} is reset.",
        )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """An address is fixed once somebody has it."""
        return self.readonly_fields if obj else ()

    def get_inlines(self, request: HttpRequest, obj: User | None) -> tuple[type[TabularInline], ...]:
        """Show memberships once there is a user."""
        return self.inlines if obj else ()

    def found(self, request: HttpRequest, queryset: QuerySet[User], search_term: str) -> tuple[QuerySet[User], bool]:
        """Find an address by its beginning, which the index knows, in whatever case."""
        found: tuple[QuerySet[User], bool] = super().found(request, queryset, search_term.lower())
        return found

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the permissions that a page of this admin asks for."""
        pages = ContentType.objects.get_for_models(*self.admin_site._registry).values()
        kwargs["queryset"] = Permission.objects.filter(content_type__in=pages).select_related("content_type")
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
        kwargs["help_text"] = "What staff who are no superusers may do."
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def create_by_verb(self, request: HttpRequest, form: Any) -> User:
        """Create the user."""
        user: User = form.save()
        return user

    def change_by_verb(self, request: HttpRequest, obj: User, form: Any) -> None:
        """Change the user."""
        obj.save()


def is_superuser(request: HttpRequest) -> bool:
    """Whether whoever sent `request` has every permission."""
    return isinstance(request.user, User) and request.user.is_superuser
