"""`/Groups`: what the identity provider pushed."""

from itertools import takewhile
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django_scim.utils import get_group_adapter, get_group_model

from scim.adapters import Adapter, base_url
from scim.filters.attributes import GROUP_ATTRIBUTES
from scim.projection import Projection
from scim.representation import GROUP_COLUMNS, group_document, members_of
from scim.views.base import Document
from scim.views.resources import ResourceView, rendered


def most_members(base: str) -> int:
    """Return how many members fill a page for sure, 0 if there is no limit: each takes more than their URL and id."""
    return settings.SCIM_PAGE_BYTES // (len(base) + 100) if settings.SCIM_PAGE_BYTES else 0


class GroupsView(ResourceView):
    """`/Groups`."""

    resource_type = "Group"
    scim_adapter_getter = get_group_adapter
    model_cls_getter = get_group_model
    attributes = GROUP_ATTRIBUTES

    def resources(self) -> Any:
        """Return the organization's groups."""
        return self.request.organization.groups

    def rows(self, resources: Any, projection: Projection) -> Any:
        """Return the groups' rows."""
        return resources.values(*GROUP_COLUMNS)

    def documents(self, rows: list[dict[str, Any]], projection: Projection) -> list[Document]:
        """Return the Groups, with their members if they are to be sent."""
        base = base_url(self.request)
        if not rows or not projection.wants("members"):
            return [group_document(row, base) for row in rows]
        ids, with_names = [row["id"] for row in rows], projection.names("members", "display")
        members = members_of(self.request.organization, ids, base, with_names=with_names, most=most_members(base))
        found = takewhile(lambda row: row["id"] in members, rows)
        return [group_document(row, base, members[row["id"]]) for row in found]

    def written(self, adapter: Adapter, status: int) -> HttpResponse:
        """Return a group that was just written, its members only if they are wanted.

        A PATCH that asks for no attributes gets none: 204 (RFC 7644 §3.5.2). To add somebody to 100,000 members and
        then list them all would cost a thousand times the change.
        """
        if self.request.method == "PATCH" and not self.request.GET.keys() & {"attributes", "excludedAttributes"}:
            return HttpResponse(status=204, headers={"Location": adapter.location, "ETag": adapter.version()})
        projection = self.projection()
        document = adapter.to_dict(
            with_members=projection.wants("members"), with_names=projection.names("members", "display")
        )
        return rendered(projection.apply(document), status, document["meta"])
