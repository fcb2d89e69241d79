"""The discovery documents (RFC 7644 §4), made from the models and settings that rule what the other endpoints do."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django_scim.settings import scim_settings
from scim2_models import Context

from members.models.role import PREDEFINED
from scim.adapters import base_url
from scim.schemas import LIST_URN, RESOURCE_TYPES, published_schemas

Document = dict[str, Any]


def service_provider_config(base: str) -> Document:
    """Return the ServiceProviderConfig for the service at `base`."""
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": settings.SCIM_BULK_LIMIT or 2**31 - 1,
            "maxPayloadSize": settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 2**31 - 1,
        },
        "filter": {"supported": True, "maxResults": settings.SCIM_PAGE_SIZE_MAX},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": settings.SCIM_PAGE_SIZE,
            "maxPageSize": settings.SCIM_PAGE_SIZE_MAX,
        },
        "authenticationSchemes": scim_settings.AUTHENTICATION_SCHEMES,
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def list_response(documents: list[Document]) -> Document:
    """Return all of `documents` in one ListResponse; discovery endpoints don't page (RFC 7644 §4)."""
    return {
        "schemas": [LIST_URN],
        "totalResults": len(documents),
        "startIndex": 1,
        "itemsPerPage": len(documents),
        "Resources": documents,
    }


def resource_types(request: HttpRequest) -> list[Document]:
    """Return the ResourceTypes."""
    base = base_url(request)
    return [
        resource_type.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
        | {"meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{resource_type.id}"}}
        for resource_type in RESOURCE_TYPES
    ]


def schemas(request: HttpRequest) -> list[Document]:
    """Return the Schemas; userType's canonical values are the roles of the key's organization, or the predefined."""
    organization = getattr(request, "organization", None)
    names = list(organization.roles.values_list("name", flat=True)) if organization else list(PREDEFINED)
    base = base_url(request)
    return [
        schema.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
        | {"meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{schema.id}"}}
        for schema in published_schemas(names)
    ]
