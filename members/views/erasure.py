"""Settings > Members > Erase: what is kept of somebody goes for good, whether they are a member or have left."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render

from members.access import for_admins, requires
from members.erasure import erase_person
from members.errors import LastAdmin, NobodyToErase, OwnErasure
from members.middleware import MemberRequest
from members.models import Level, Member, Scope
from members.views.answers import see_other
from members.views.member import REFUSED, find_member

FOR_ADMINS = "Only an Admin may erase a person: it changes the audit log."
ANOTHER = "This isn’t the address of {}. Type {} to erase them."


class ErasureForm(forms.Form):
    """Asks for the address of whoever is to be erased, which nobody types by accident."""

    address = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "autofocus": True}),
        error_messages={
            "required": "Type the e-mail address.",
            "invalid": "Write an e-mail address, as in ana@example.com.",
        },
    )

    def __init__(self, *args: object, member: Member | None = None) -> None:
        super().__init__(*args)  # type: ignore[arg-type] # what was typed, or None
        self.member = member
        if member:
            self.fields["address"].help_text = f"Type {member.user_name} to confirm."

    def clean_address(self) -> str:
        """Return the address. Raises ValidationError for another one than that of the member."""
        address: str = self.cleaned_data["address"]
        if self.member and address.lower() != self.member.user_name.lower():
            raise forms.ValidationError(ANOTHER.format(self.member.full_name, self.member.user_name))
        return address


@requires(Scope.MEMBERS, Level.ACT)
@for_admins(FOR_ADMINS)
def member_erasure(request: MemberRequest, member_id: UUID) -> HttpResponse:
    """Ask, then remove and erase a member, and whoever had their address before."""
    return erase(request, find_member(request, member_id))


@requires(Scope.MEMBERS, Level.ACT)
@for_admins(FOR_ADMINS)
def erasure(request: MemberRequest) -> HttpResponse:
    """Ask for an address, then erase who has left; somebody who has it now stays as they are."""
    return erase(request, None)


def erase(request: MemberRequest, member: Member | None) -> HttpResponse:
    """Ask, or do it."""
    form = ErasureForm(request.POST or None, member=member)
    if form.is_valid():
        try:
            pseudonym = erase_person(
                request.organization, form.cleaned_data["address"], by=request.actor, keep_member=member is None
            )
        except (LastAdmin, NobodyToErase, OwnErasure) as error:
            form.add_error("address", error.detail)
        else:
            messages.success(request, f"Erased. The audit log now says “{pseudonym}”.")
            return see_other(request, "members")
    context = {"form": form, "member": member}
    return render(request, "members/erasure.html", context, status=REFUSED if form.errors else 200)
