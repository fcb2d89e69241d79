"""Roles: what members can be, and what that gives access to."""

from rest_framework.response import Response

from api.authentication import ApiRequest
from api.ids import require_uuid
from api.openapi import ROLES, UUID_OF_ROLE, operation
from api.parameters import PageParameters
from api.serializers import RoleSerializer, page_of
from api.views.base import ApiView, ListView, get_or_404
from members.models import Scope


class RoleListView(ListView):
    """GET /roles."""

    scope = Scope.ROLES

    @operation("list_roles", ROLES, "List roles", page_of(RoleSerializer), parameters=PageParameters)
    def get(self, request: ApiRequest) -> Response:
        """The predefined roles, then the organization's own, in the order in which they were made."""
        return self.page(request.organization.roles.all(), RoleSerializer, ordering=("public_id",))


class RoleView(ApiView):
    """GET /roles/{role_id}."""

    scope = Scope.ROLES

    @operation("get_role", ROLES, "Read a role", RoleSerializer, path=UUID_OF_ROLE)
    def get(self, request: ApiRequest, role_id: str) -> Response:
        """One role and what it gives access to."""
        role = get_or_404(request.organization.roles.all(), public_id=require_uuid(role_id))
        return Response(RoleSerializer(role).data)
