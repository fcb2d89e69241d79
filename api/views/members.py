"""Members: the list with its filters, one of them, and the three things that a key may do to them."""

from django.db.models import Q
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from api.authentication import ApiRequest
from api.fields import Text, TrueOrFalse
from api.ids import require_uuid
from api.openapi import MEMBERS, UUID_OF_MEMBER, operation
from api.parameters import PageParameters, read_body
from api.serializers import MemberSerializer, RoleNameSerializer, page_of
from api.views.base import ApiView, ListView, get_or_404
from lib.words import SearchTooLong, words_of
from members.models import Member, MemberQuerySet, Organization, Scope
from members.models.member import matches_search
from members.models.role import role_named


def few_words(text: str) -> None:
    """Raise ValidationError for more words than a search may have."""
    try:
        words_of(text)
    except SearchTooLong as error:
        raise ValidationError(error.detail) from None


class MemberParameters(PageParameters):
    """Filters; a member has to meet all that are given."""

    role = Text(required=False, max_length=60, help_text="The name of a role, in any case.")
    active = TrueOrFalse(required=False, help_text="`true` for active members, `false` for deactivated ones.")
    user_name = Text(required=False, max_length=254, help_text="The whole `user_name`, in any case.")
    external_id = Text(required=False, max_length=254, help_text="The whole `external_id`, as it is spelt.")
    search = Text(
        required=False,
        max_length=100,
        validators=[few_words],
        help_text="Words that must all be in the name or the `user_name`, in any case.",
    )


class MemberListView(ListView):
    """GET /members."""

    scope = Scope.MEMBERS
    parameters = MemberParameters

    @operation(
        "list_members",
        MEMBERS,
        "List members",
        page_of(MemberSerializer),
        parameters=MemberParameters,
        also=("unknown_role",),
    )
    def get(self, request: ApiRequest) -> Response:
        """All members, Employees and deactivated ones included, in the order in which they were added."""
        found = matches_search(self.given["search"]) if "search" in self.given else Q()
        return self.page(self.filtered(members_of(request.organization)), MemberSerializer, condition=found)

    def filtered(self, members: MemberQuerySet) -> MemberQuerySet:
        """Return those of `members` who meet the filters other than `search`. Raises UnknownRole."""
        given = self.given
        if "role" in given:
            members = members.filter(role=role_named(self.request.organization, given["role"]))
        if "active" in given:
            members = members.filter(deactivated_at__isnull=given["active"])
        if "user_name" in given:
            members = members.with_user_name(given["user_name"])
        if "external_id" in given:
            members = members.filter(external_id=given["external_id"])
        return members


class MemberView(ApiView):
    """GET /members/{member_id}."""

    scope = Scope.MEMBERS

    @operation("get_member", MEMBERS, "Read a member", MemberSerializer, path=UUID_OF_MEMBER)
    def get(self, request: ApiRequest, member_id: str) -> Response:
        """One member, active or deactivated."""
        return Response(MemberSerializer(find_member(request, member_id)).data)


class MemberRoleView(ApiView):
    """PUT /members/{member_id}/role."""

    scope = Scope.MEMBERS

    @operation(
        "set_member_role",
        MEMBERS,
        "Assign a role",
        MemberSerializer,
        path=UUID_OF_MEMBER,
        request=RoleNameSerializer,
        also=("unknown_role", "last_admin", "conflict"),
    )
    def put(self, request: ApiRequest, member_id: str) -> Response:
        """Assign a member a role, which may be the one they have. From then on no group gives them theirs."""
        member = find_member(request, member_id)
        name = read_body(request.data, RoleNameSerializer)["role"]
        member.change_role(role_named(request.organization, name), by=request.actor)
        return Response(MemberSerializer(member).data)


class MemberDeactivationView(ApiView):
    """POST /members/{member_id}/deactivation."""

    scope = Scope.MEMBERS

    @operation(
        "deactivate_member",
        MEMBERS,
        "Deactivate a member",
        MemberSerializer,
        path=UUID_OF_MEMBER,
        also=("last_admin",),
    )
    def post(self, request: ApiRequest, member_id: str) -> Response:
        """Deactivate a member and end their sessions at once. Who is deactivated already stays so."""
        member = find_member(request, member_id)
        member.deactivate(by=request.actor)
        return Response(MemberSerializer(member).data)


class MemberReactivationView(ApiView):
    """POST /members/{member_id}/reactivation."""

    scope = Scope.MEMBERS

    @operation("reactivate_member", MEMBERS, "Reactivate a member", MemberSerializer, path=UUID_OF_MEMBER)
    def post(self, request: ApiRequest, member_id: str) -> Response:
        """Let a deactivated member back in. Who is active already stays so."""
        member = find_member(request, member_id)
        member.reactivate(by=request.actor)
        return Response(MemberSerializer(member).data)


def members_of(organization: Organization) -> MemberQuerySet:
    """Return the members as the API tells of them: with their role, without their other SCIM attributes."""
    return organization.members.select_related("role").defer("attributes")


def find_member(request: ApiRequest, member_id: str) -> Member:
    """Return the organization's member with this id. Raises a 404."""
    member: Member = get_or_404(members_of(request.organization), pk=require_uuid(member_id))
    return member
