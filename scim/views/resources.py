"""What `/Users`, `/Groups` and `/Roles` have in common: the same verbs on members, groups and roles."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from scim.adapters import Adapter, base_url
from scim.authentication import ScimRequest
from scim.body import read_object
from scim.errors import ScimRefusal
from scim.filters.attributes import AttributeMap
from scim.paging import Listing, Row, Source
from scim.projection import Projection
from scim.query import ListQuery
from scim.schemas import PATCH_URN
from scim.versions import not_modified, require_version
from scim.views.base import Document, ScimView, render

ON_COLLECTION = ["get", "head", "post", "options"]
ON_RESOURCE = ["get", "head", "put", "patch", "delete", "options"]


class ResourceView(ScimView):
    """What all resource types have in common."""

    resource_type: ClassVar[str]
    attributes: ClassVar[AttributeMap]
    id_column: ClassVar[str] = "id"
    added_with: ClassVar[dict[str, Any]] = {}

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Allow what the address takes: a collection is read and added to, a resource read and changed."""
        super().setup(request, *args, **kwargs)
        self.http_method_names = ON_RESOURCE if "uuid" in kwargs else ON_COLLECTION

    def get(self, request: ScimRequest, uuid: str | None = None) -> HttpResponse:
        """Return one resource, or a page of them."""
        if uuid is None:
            return self.page(request)
        projection = self.projection()
        row = self.row(uuid, projection)
        if row is None:
            raise self.not_found(uuid)
        (document,) = self.documents([row], projection)
        meta = document["meta"]
        if not_modified(request, meta.get("version", "")):
            return HttpResponse(status=304, headers={"ETag": meta["version"]})
        return rendered(projection.apply(document), 200, meta)

    def page(self, request: ScimRequest) -> HttpResponse:
        """Return a page of the resources."""
        return self.found(ListQuery.of(request.GET.dict()))

    def found(self, query: ListQuery) -> HttpResponse:
        """Return the page of the resources that `query` asks for."""
        source = self.source(query.projection)
        return render(Listing(query, [source], self.request.organization.pk, self.resource_type).response())

    def post(self, request: ScimRequest) -> HttpResponse:
        """Create a resource: 201."""
        adapter = self.adapter()
        profile = adapter.from_dict(read_object(request, adapter.urn))
        adapter.obj = self.model_cls.add(request.organization, profile, by=request.actor, **self.added_with)
        return self.written(adapter, 201)

    def put(self, request: ScimRequest, uuid: str) -> HttpResponse:
        """Replace a resource (RFC 7644 §3.5.1)."""
        document = read_object(request, self.adapter().urn)
        return self.update(uuid, lambda adapter: adapter.from_dict(document))

    def patch(self, request: ScimRequest, uuid: str) -> HttpResponse:
        """Change a resource (RFC 7644 §3.5.2); all of the operations or none."""
        document = read_object(request, PATCH_URN)
        return self.update(uuid, lambda adapter: adapter.handle_operations(dict(document)))

    def delete(self, request: ScimRequest, uuid: str) -> HttpResponse:
        """Remove a resource: 204."""
        locked = self.resources().select_related("organization").select_for_update(of=("self",))
        with transaction.atomic():
            obj = locked.filter(**{self.id_column: self.identifier(uuid)}).first()
            if obj is None:
                raise self.not_found(uuid)
            require_version(request, self.adapter(obj).version)
            self.remove(obj)
        return HttpResponse(status=204)

    def update(self, uuid: str, describe: Callable[[Any], Any]) -> HttpResponse:
        """Let the resource become what `describe` makes of its adapter, if it has the version meant."""

        def checked(obj: Any) -> Any:
            adapter = self.adapter(obj)
            require_version(self.request, adapter.version)
            return describe(adapter)

        try:
            obj = self.change(uuid, checked)
        except self.model_cls.DoesNotExist:
            raise self.not_found(uuid) from None
        return self.written(self.adapter(obj), 200)

    def change(self, uuid: str, describe: Callable[[Any], Any]) -> Any:
        """Let the resource, under its lock, become what `describe` says of it; return it. Raises DoesNotExist."""
        return self.model_cls.update_from_directory(
            self.request.organization, self.identifier(uuid), describe, by=self.request.actor
        )

    def written(self, adapter: Adapter, status: int) -> HttpResponse:
        """Return a resource that was just written."""
        document = adapter.to_dict()
        return rendered(self.projection().apply(document), status, document["meta"])

    def adapter(self, obj: Any = None) -> Adapter:
        """Return the adapter for `obj`."""
        return self.scim_adapter(obj, request=self.request)  # type: ignore[no-any-return]

    # How they do it ---------------------------------------------------------------------------------------------------

    def source(self, projection: Projection) -> Source:
        """Return what lists draw from, for a list of which `projection` is sent."""
        listed = self.listed()
        attributes = self.attributes.at(base_url(self.request), self.request.organization)
        rows = self.rows(listed, projection)
        return Source(attributes, listed, rows, self.id_column, self.documents, self.count)

    def row(self, uuid: str, projection: Projection) -> Row | None:
        """Return the row of the resource with the id in the URL, None if there is none."""
        found = self.resources().filter(**{self.id_column: self.identifier(uuid)})
        return self.rows(found, projection).first()  # type: ignore[no-any-return]

    def projection(self) -> Projection:
        """Return what of the resource is to be sent."""
        if not self.request.META.get("QUERY_STRING"):
            return Projection()
        return Projection.of(self.request.GET.get("attributes"), self.request.GET.get("excludedAttributes"))

    def identifier(self, uuid: str) -> UUID:
        """Return the id in the URL; what is no UUID names no resource."""
        try:
            return UUID(uuid)
        except ValueError:
            raise self.not_found(uuid) from None

    def not_found(self, uuid: str) -> ScimRefusal:
        """Return the 404 for an id."""
        return ScimRefusal(404, f"This organization has no {self.resource_type} with the id {uuid[:60]}.")

    # What differs -----------------------------------------------------------------------------------------------------

    def resources(self) -> Any:
        """Return the organization's resources."""
        raise NotImplementedError

    def remove(self, obj: Any) -> None:
        """Remove a resource, whose row is locked."""
        obj.remove(by=self.request.actor)

    def listed(self) -> Any:
        """Return the resources that lists show."""
        return self.resources().all()

    def rows(self, resources: Any, projection: Projection) -> Any:
        """Return the rows of some resources, with the columns that `projection` needs."""
        raise NotImplementedError

    count: Callable[[], int] | None = None

    def documents(self, rows: list[dict[str, Any]], projection: Projection) -> list[Document]:
        """Return the documents for `rows`, without what the projection leaves out at a cost."""
        raise NotImplementedError


def rendered(document: Document, status: int, meta: dict[str, str]) -> HttpResponse:
    """Return a resource, with what `meta` says of it in the headers too (RFC 7644 §3.1)."""
    headers = {"Location": meta["location"]}
    if "version" in meta:
        headers["ETag"] = meta["version"]
    return render(document, status, **headers)
