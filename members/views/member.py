"""Settings > Members > one member: what is known of them, their role, and whether they may sign in."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.html import format_html

from members.access import requires
from members.errors import LastAdmin, UserNameInvalid, UserNameTaken
from members.middleware import MemberRequest
from members.models import Level, Member, Scope
from members.views.answers import see_other
from members.views.forms import NewMemberForm, RoleForm

REFUSED = 422


@requires(Scope.MEMBERS)
def member_page(request: MemberRequest, member_id: UUID) -> HttpResponse:
    """Show a member."""
    return render_member(request, find_member(request, member_id))


@requires(Scope.MEMBERS, Level.ACT)
def new_member(request: MemberRequest) -> HttpResponse:
    """Add a member by hand."""
    form = NewMemberForm(request.POST or None, by=request.member)
    if not form.is_valid():
        return render_new_member(request, form)
    try:
        member = Member.invite(request.organization, form.profile(), by=request.actor)
    except (UserNameTaken, UserNameInvalid) as error:
        form.add_error("email", error.detail)
        return render_new_member(request, form)
    messages.success(request, format_html("<bdi>{}</bdi> was added.", member.full_name))
    return see_other(request, "member", member.pk)


@requires(Scope.MEMBERS, Level.ACT)
def role(request: MemberRequest, member_id: UUID) -> HttpResponse:
    """Offer the roles that a member may be given, each with what it may do; then give them the chosen one."""
    member = find_member(request, member_id)
    if request.method != "POST":
        require_manageable(request, member)
        return render(request, "members/member_role.html", {"member": member, "form": RoleForm(by=request.member)})
    form = RoleForm(request.POST, by=request.member)
    if not form.is_valid():
        return render_refused_role(request, member, form)
    try:
        member.change_role(form.cleaned_data["role"], by=request.actor)
    except LastAdmin as error:
        form.add_error("role", error.detail)
        return render_refused_role(request, member, form)
    words = "<bdi>{}</bdi> now has the role <bdi>{}</bdi>."
    messages.success(request, format_html(words, member.full_name, member.role))
    return see_other(request, "member", member.pk)


@requires(Scope.MEMBERS, Level.ACT)
def deactivation(request: MemberRequest, member_id: UUID) -> HttpResponse:
    """Ask, then deactivate a member."""
    member = find_member(request, member_id)
    if request.method != "POST":
        require_manageable(request, member)
        return render(request, "members/member_deactivation.html", {"member": member})
    try:
        member.deactivate(by=request.actor)
    except LastAdmin as error:
        context = {"member": member, "error": error.detail}
        return render(request, "members/member_deactivation.html", context, status=REFUSED)
    messages.success(request, format_html("<bdi>{}</bdi> was deactivated.", member.full_name))
    return see_other(request, "member", member.pk)


@requires(Scope.MEMBERS, Level.ACT)
def reactivation(request: MemberRequest, member_id: UUID) -> HttpResponse:
    """Ask, then reactivate a member."""
    member = find_member(request, member_id)
    if request.method != "POST":
        require_manageable(request, member)
        return render(request, "members/member_reactivation.html", {"member": member})
    member.reactivate(by=request.actor)
    messages.success(request, format_html("<bdi>{}</bdi> was reactivated.", member.full_name))
    return see_other(request, "member", member.pk)


def find_member(request: MemberRequest, member_id: UUID) -> Member:
    """Return the organization's member with this id. Raises Http404."""
    return get_object_or_404(request.organization.members.select_related("role", "organization"), pk=member_id)


def require_manageable(request: MemberRequest, member: Member) -> None:
    """Show no form that the verb would refuse. Raises PermissionDenied if the member may do what the actor may not."""
    if not request.member.role.covers(member.role):
        raise PermissionDenied(
            f"{member.full_name} has the role {member.role}, which gives more access than yours, {request.member.role}."
        )


def render_member(request: MemberRequest, member: Member, form: RoleForm | None = None) -> HttpResponse:
    """Render the page of `member`, with the role form as it was sent if it was refused."""
    manageable = request.member.can(Scope.MEMBERS, Level.ACT) and request.member.role.covers(member.role)
    if manageable and form is None:
        form = RoleForm(initial={"role": member.role_id}, by=request.member)
    context = {"member": member, "manageable": manageable, "form": form}
    return render(request, "members/member.html", context, status=REFUSED if form and form.errors else 200)


def render_refused_role(request: MemberRequest, member: Member, form: RoleForm) -> HttpResponse:
    """Render what was wrong with a choice of role: in the dialog that sent it, else on the member's page."""
    if request.htmx:
        return render(request, "members/member_role.html", {"member": member, "form": form}, status=REFUSED)
    return render_member(request, member, form)


def render_new_member(request: MemberRequest, form: NewMemberForm) -> HttpResponse:
    """Render the form for a new member; if the address is taken, with a way to whoever has it."""
    typed = form.data.get("email", "") if form.errors else ""
    holder = request.organization.members.with_user_name(typed.strip()).first() if typed else None
    status = REFUSED if form.errors else 200
    return render(request, "members/member_new.html", {"form": form, "holder": holder}, status=status)
