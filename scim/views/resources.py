"""`/Users` and `/Groups`: the same verbs on members and on groups."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django_scim.utils import get_group_adapter, get_group_model, get_user_adapter, get_user_model

from members.models import Member
from scim.adapters import Adapter, base_url
from scim.authentication import ScimRequest
from scim.body import read_object
from scim.errors import ScimRefusal
from scim.filters.attributes import GROUP_ATTRIBUTES, MEMBER_ATTRIBUTES, AttributeMap
from scim.projection import Projection
from scim.query import ListQuery
from scim.representation import (
    GROUP_COLUMNS,
    MEMBER_COLUMNS,
    group_document,
    groups_of,
    member_document,
    members_of,
)
from scim.schemas import PATCH_URN
from scim.views.base import Document, ScimView, render

SEARCH_URN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

ON_COLLECTION = ["get", "head", "post", "options"]
ON_RESOURCE = ["get", "head", "put", "patch", "delete", "options"]


class ResourceView(ScimView):
    """What users and groups have in common."""

    attributes: ClassVar[AttributeMap]

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Allow what the address takes: the collection is read and added to, a resource read and changed."""
        super().setup(request, *args, **kwargs)
        self.http_method_names = ON_RESOURCE if "uuid" in kwargs else ON_COLLECTION

    def get(self, request: ScimRequest, uuid: str | None = None) -> HttpResponse:
        """Return one resource, or a page of them."""
        if uuid is None:
            return render(self.page(ListQuery.of(request.GET.dict())))
        projection = self.projection()
        row = self.rows().filter(pk=self.identifier(uuid)).first()
        if row is None:
            raise self.not_found(uuid)
        (document,) = self.documents([row], projection)
        return render(projection.apply(document), Location=document["meta"]["location"])

    def page(self, query: ListQuery) -> Document:
        """Return the ListResponse for `query`."""
        total, rows = query.page(self.listed(), self.attributes)
        return query.response(total, self.documents(rows, query.projection))

    def post(self, request: ScimRequest) -> HttpResponse:
        """Create a resource: 201."""
        adapter = self.adapter()
        profile = adapter.from_dict(read_object(request, adapter.urn))
        adapter.obj = self.model_cls.add(request.organization, profile, by=request.actor, **self.added_with)
        return self.written(adapter, 201)

    def put(self, request: ScimRequest, uuid: str) -> HttpResponse:
        """Replace a resource (RFC 7644 §3.5.1)."""
        document = read_object(request, self.adapter().urn)
        return self.update(uuid, lambda obj: self.adapter(obj).from_dict(document))

    def patch(self, request: ScimRequest, uuid: str) -> HttpResponse:
        """Change a resource (RFC 7644 §3.5.2); all of the operations or none."""
        document = read_object(request, PATCH_URN)
        return self.update(uuid, lambda obj: self.adapter(obj).handle_operations(document))

    def delete(self, request: ScimRequest, uuid: str) -> HttpResponse:
        """Remove a resource: 204."""
        obj = self.resources().select_related("organization").filter(pk=self.identifier(uuid)).first()
        if obj is None:
            raise self.not_found(uuid)
        obj.remove(by=request.actor)
        return HttpResponse(status=204)

    def update(self, uuid: str, describe: Callable[[Any], Any]) -> HttpResponse:
        """Let the resource become what `describe` makes of it, under its lock."""
        try:
            obj = self.resources().update_from_directory(self.identifier(uuid), describe, by=self.request.actor)
        except self.model_cls.DoesNotExist:
            raise self.not_found(uuid) from None
        return self.written(self.adapter(obj), 200)

    def written(self, adapter: Adapter, status: int) -> HttpResponse:
        """Return a resource that was just written."""
        return render(self.projection().apply(adapter.to_dict()), status, Location=adapter.location)

    def adapter(self, obj: Any = None) -> Adapter:
        """Return the adapter for `obj`."""
        return self.scim_adapter(obj, request=self.request)  # type: ignore[no-any-return]

    def projection(self) -> Projection:
        """Return what of the resource is to be sent."""
        return Projection.of(self.request.GET.get("attributes"), self.request.GET.get("excludedAttributes"))

    def identifier(self, uuid: str) -> UUID:
        """Return the id in the URL; what is no UUID names no resource."""
        try:
            return UUID(uuid)
        except ValueError:
            raise self.not_found(uuid) from None

    def not_found(self, uuid: str) -> ScimRefusal:
        """Return the 404 for an id."""
        return ScimRefusal(404, f"This organization has no {self.scim_adapter.resource_type} with the id {uuid[:60]}.")

    # What differs -----------------------------------------------------------------------------------------------------

    added_with: ClassVar[dict[str, Any]] = {}

    def resources(self) -> Any:
        """Return the organization's resources."""
        raise NotImplementedError

    def rows(self) -> Any:
        """Return their rows, with the columns of a document."""
        raise NotImplementedError

    def listed(self) -> Any:
        """Return the rows that lists show."""
        return self.rows()

    def documents(self, rows: list[dict[str, Any]], projection: Projection) -> list[Document]:
        """Return the documents for `rows`, without what the projection leaves out at a cost."""
        raise NotImplementedError


class UsersView(ResourceView):
    """`/Users`: the organization's members."""

    scim_adapter_getter = get_user_adapter
    model_cls_getter = get_user_model
    attributes = MEMBER_ATTRIBUTES
    added_with: ClassVar[dict[str, Any]] = {"source": Member.Source.SCIM}

    def resources(self) -> Any:
        """Return the organization's members."""
        return self.request.organization.members

    def rows(self) -> Any:
        """Return every member's row."""
        return self.request.organization.members.values(*MEMBER_COLUMNS)

    def listed(self) -> Any:
        """Return active and deactivated members, or only the active ones if the organization wants it so."""
        rows = self.rows()
        return rows.filter(deactivated_at=None) if self.request.organization.scim_lists_active_only else rows

    def documents(self, rows: list[dict[str, Any]], projection: Projection) -> list[Document]:
        """Return the Users, with their groups if they are to be sent."""
        base, groups = base_url(self.request), {}
        if rows and projection.wants("groups"):
            groups = groups_of(self.request.organization, (row["id"] for row in rows), base)
        return [member_document(row, base, groups.get(row["id"])) for row in rows]


class GroupsView(ResourceView):
    """`/Groups`: what the identity provider pushed."""

    scim_adapter_getter = get_group_adapter
    model_cls_getter = get_group_model
    attributes = GROUP_ATTRIBUTES

    def resources(self) -> Any:
        """Return the organization's groups."""
        return self.request.organization.groups

    def rows(self) -> Any:
        """Return every group's row."""
        return self.request.organization.groups.values(*GROUP_COLUMNS)

    def documents(self, rows: list[dict[str, Any]], projection: Projection) -> list[Document]:
        """Return the Groups, with their members if they are to be sent."""
        base, members = base_url(self.request), {}
        if rows and projection.wants("members"):
            members = members_of(self.request.organization, (row["id"] for row in rows), base)
        return [group_document(row, base, members.get(row["id"])) for row in rows]

    def written(self, adapter: Adapter, status: int) -> HttpResponse:
        """Return a group that was just written; a large group's members are left out when they aren't wanted."""
        projection = self.projection()
        document = adapter.to_dict(with_members=projection.wants("members"))
        return render(projection.apply(document), status, Location=adapter.location)


class SearchMixin:
    """`/.search`: a list asked for in a body (RFC 7644 §3.4.3)."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Allow POST alone."""
        super().setup(request, *args, **kwargs)  # type: ignore[misc]
        self.http_method_names = ["post", "options"]

    def post(self, request: ScimRequest) -> HttpResponse:
        """Return the page that the SearchRequest asks for."""
        return render(self.page(ListQuery.of(read_object(request, SEARCH_URN))))  # type: ignore[attr-defined]


class UserSearchView(SearchMixin, UsersView):
    """`/Users/.search`."""


class GroupSearchView(SearchMixin, GroupsView):
    """`/Groups/.search`."""
