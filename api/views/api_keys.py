"""What may be told of keys. They can be looked at and no more: keys do not manage keys."""

import re

from django.http import Http404
from rest_framework.response import Response

from api.authentication import ApiRequest
from api.openapi import API_KEYS, KEY_ID, KEY_ID_PATTERN, operation
from api.parameters import PageParameters
from api.serializers import ApiKeySerializer, page_of
from api.views.base import ApiView, ListView, get_or_404
from apikeys.models import ApiKeyQuerySet, Lineage
from members.models import Organization, Scope


class ApiKeyListView(ListView):
    """GET /api-keys."""

    scope = Scope.API_ACCESS

    @operation("list_api_keys", API_KEYS, "List API keys", page_of(ApiKeySerializer), parameters=PageParameters)
    def get(self, request: ApiRequest) -> Response:
        """The keys of both types, expired ones included and deleted ones not, the newest first."""
        return self.page(
            keys_of(request.organization),
            ApiKeySerializer,
            ordering=("-created_at", "-id"),
            context=lambda _: {"lineage": Lineage.of(request.organization)},
        )


class ApiKeyView(ApiView):
    """GET /api-keys/{key_id}."""

    scope = Scope.API_ACCESS

    @operation("get_api_key", API_KEYS, "Read an API key", ApiKeySerializer, path=KEY_ID)
    def get(self, request: ApiRequest, key_id: str) -> Response:
        """What may be told of one key, as when and from where it was last used."""
        if not re.fullmatch(KEY_ID_PATTERN, key_id):
            raise Http404
        api_key = get_or_404(keys_of(request.organization), key_id=key_id)
        return Response(ApiKeySerializer(api_key, context={"lineage": Lineage.of(request.organization)}).data)


def keys_of(organization: Organization) -> ApiKeyQuerySet:
    """Return the keys as the API tells of them: without what is stored of their text."""
    return organization.api_keys.existing().select_related("replaces").defer("digest", "replaces__digest")
