"""What the service can do and how its resources look: the three endpoints of RFC 7644 §4."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from lib.plain_text import quoted
from scim import discovery
from scim.adapters import base_url
from scim.errors import ScimRefusal
from scim.views.base import Document, ScimView, render


class DiscoveryView(ScimView):
    """What the service can do, and how its resources look: readable without a key.

    With a key the answer is the organization's own, its role names included; a key that isn't valid is still refused.
    """

    opened_by = "anybody"
    http_method_names = ("get", "head", "options")

    def enter(self, request: HttpRequest, **kwargs: Any) -> None:
        """Let a key in if one came. Raises a 403 for a filter, which these endpoints don't take (RFC 7644 §4)."""
        if "HTTP_AUTHORIZATION" in request.META:
            super().enter(request, **kwargs)
        if request.method in ("GET", "HEAD") and any(name.lower() == "filter" for name in request.GET):
            raise ScimRefusal(403, "Discovery endpoints can't be filtered.")


class ConfigView(DiscoveryView):
    """`/ServiceProviderConfig` (RFC 7643 §5)."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the configuration."""
        return render(discovery.service_provider_config(base_url(request)))


class CollectionView(DiscoveryView):
    """A discovery endpoint that lists, and gives one by its id."""

    def describe(self, request: HttpRequest) -> list[Document]:
        """Return everything there is."""
        raise NotImplementedError

    def get(self, request: HttpRequest, uuid: str | None = None) -> HttpResponse:
        """Return all, or the one called `uuid`."""
        documents = self.describe(request)
        if uuid is None:
            return render(discovery.list_response(documents))
        for document in documents:
            if document["id"].lower() == uuid.lower():
                return render(document)
        raise ScimRefusal(404, f"There is nothing called {quoted(uuid)} here.")


class ResourceTypesView(CollectionView):
    """`/ResourceTypes` (RFC 7643 §6)."""

    def describe(self, request: HttpRequest) -> list[Document]:
        """Return the ResourceTypes."""
        return discovery.resource_types(request)


class SchemasView(CollectionView):
    """`/Schemas` (RFC 7643 §7)."""

    def describe(self, request: HttpRequest) -> list[Document]:
        """Return the Schemas."""
        return discovery.schemas(request)
