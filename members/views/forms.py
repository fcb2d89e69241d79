"""Forms of the Members pages."""

from typing import Any

from django import forms

from members.directory import DirectoryProfile
from members.models import Member, Role
from members.names import valid_name


def roles_given_by(member: Member) -> list[Role]:
    """Return the roles of the organization that `member` may give: those that their own role covers."""
    return [role for role in member.organization.roles.all() if member.role.covers(role)]


class RoleField(forms.ModelChoiceField):  # type: ignore[type-arg] # the class takes none when it runs
    """A choice among the roles that somebody may give."""

    def __init__(self, roles: list[Role], by: Member, **kwargs: Any) -> None:
        super().__init__(by.organization.roles.filter(pk__in=[role.pk for role in roles]), **kwargs)


class RoleForm(forms.Form):
    """Gives a member another role."""

    def __init__(self, *args: Any, by: Member, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.roles = roles_given_by(by)
        self.fields["role"] = RoleField(self.roles, by, empty_label=None, error_messages={"required": "Choose a role."})


class NewMemberForm(forms.Form):
    """Adds a member by hand. The address is the userName, which can't be changed later."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "autofocus": True}),
        error_messages={"invalid": "Write an e-mail address, as in ana@example.com."},
    )
    given_name = forms.CharField(max_length=254, required=False, validators=[valid_name])
    family_name = forms.CharField(max_length=254, required=False, validators=[valid_name])

    def __init__(self, *args: Any, by: Member, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        domains = ", ".join(by.organization.domain_names())
        self.fields["email"].help_text = f"At an approved domain: {domains}. It can’t be changed later."
        self.fields["role"] = RoleField(
            roles_given_by(by), by, empty_label="Choose a role", error_messages={"required": "Choose a role."}
        )

    def profile(self) -> DirectoryProfile:
        """Return what was typed, as a directory would say it."""
        typed = self.cleaned_data
        return DirectoryProfile.of_person(typed["email"], typed["given_name"], typed["family_name"], typed["role"].name)
