"""The organization that the key is of."""

from rest_framework.response import Response

from api.authentication import ApiRequest
from api.openapi import ORGANIZATION, operation
from api.serializers import OrganizationSerializer
from api.views.base import ApiView
from members.models import Scope


class OrganizationView(ApiView):
    """GET /organization."""

    scope = Scope.SECURITY

    @operation("get_organization", ORGANIZATION, "Read the organization", OrganizationSerializer)
    def get(self, request: ApiRequest) -> Response:
        """The organization that the key belongs to. Everything else here is what this organization has."""
        return Response(OrganizationSerializer(request.organization).data)
