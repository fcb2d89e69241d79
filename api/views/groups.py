"""Directory groups, which only an identity provider changes, and who is in them."""

from rest_framework.response import Response

from api.authentication import ApiRequest
from api.ids import require_uuid
from api.openapi import GROUPS, UUID_OF_GROUP, operation
from api.parameters import PageParameters
from api.serializers import GroupSerializer, MemberSerializer, page_of
from api.views.base import ApiView, ListView, get_or_404
from api.views.members import members_of
from members.models import Group, Scope


class GroupListView(ListView):
    """GET /groups."""

    scope = Scope.MEMBERS

    @operation("list_groups", GROUPS, "List groups", page_of(GroupSerializer), parameters=PageParameters)
    def get(self, request: ApiRequest) -> Response:
        """The groups that the identity provider pushes, in the order in which they came."""
        return self.page(request.organization.groups.select_related("role"), GroupSerializer)


class GroupView(ApiView):
    """GET /groups/{group_id}."""

    scope = Scope.MEMBERS

    @operation("get_group", GROUPS, "Read a group", GroupSerializer, path=UUID_OF_GROUP)
    def get(self, request: ApiRequest, group_id: str) -> Response:
        """One group. Its members are a list of their own."""
        return Response(GroupSerializer(find_group(request, group_id)).data)


class GroupMemberListView(ListView):
    """GET /groups/{group_id}/members."""

    scope = Scope.MEMBERS

    @operation(
        "list_group_members",
        GROUPS,
        "List a group's members",
        page_of(MemberSerializer),
        parameters=PageParameters,
        path=UUID_OF_GROUP,
    )
    def get(self, request: ApiRequest, group_id: str) -> Response:
        """The members who are in a group, deactivated ones included, in the order in which they were added."""
        group = find_group(request, group_id)
        return self.page(members_of(request.organization).filter(group_memberships__group=group), MemberSerializer)


def find_group(request: ApiRequest, group_id: str) -> Group:
    """Return the organization's group with this id. Raises a 404."""
    group: Group = get_or_404(request.organization.groups.select_related("role"), pk=require_uuid(group_id))
    return group
