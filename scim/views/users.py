"""`/Users`: the organization's members."""

import logging
from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django_scim.utils import get_user_adapter, get_user_model

from apikeys.seek import Seek
from members.models import Member
from members.models.group_names import GroupNames
from members.models.headcount import headcount
from members.models.member import seen_member
from scim.adapters import base_url
from scim.authentication import ScimRequest
from scim.body import read_anything
from scim.end_of_access import ends_access
from scim.errors import CONTENT_REFUSALS, refuses_content
from scim.filters.attributes import MEMBER_ATTRIBUTES
from scim.lookups import TO_CHANGE, seek_id, seek_member
from scim.paging import Row, whole_list
from scim.projection import Projection
from scim.query import ListQuery
from scim.representation import GROUPS, MEMBER_COLUMNS, member_document
from scim.views.base import Document, render
from scim.views.resources import ResourceView

logger = logging.getLogger(__name__)


class UsersView(ResourceView):
    """`/Users`."""

    resource_type = "User"
    scim_adapter_getter = get_user_adapter
    model_cls_getter = get_user_model
    attributes = MEMBER_ATTRIBUTES
    added_with: ClassVar[dict[str, Any]] = {"source": Member.Source.SCIM}

    def put(self, request: ScimRequest, uuid: str) -> HttpResponse:
        """Replace a member."""
        return self.or_end_access(super().put, request, uuid)

    def patch(self, request: ScimRequest, uuid: str) -> HttpResponse:
        """Change a member."""
        return self.or_end_access(super().patch, request, uuid)

    def or_end_access(
        self, change: Callable[[ScimRequest, str], HttpResponse], request: ScimRequest, uuid: str
    ) -> HttpResponse:
        """Carry out a change. If it is refused for its content and takes access away, do no more than that."""
        try:
            return change(request, uuid)
        except CONTENT_REFUSALS as refusal:
            if not refuses_content(refusal) or not ends_access(read_anything(request)):
                raise
            logger.warning("access was ended; the rest of the request was refused: %s", type(refusal).__name__)
            return self.update(uuid, lambda adapter: adapter.ended())

    def resources(self) -> Any:
        """Return the organization's members."""
        return self.request.organization.members

    @classmethod
    def seek(cls, request: HttpRequest, uuid: str | None = None) -> Seek | None:
        """Return the look-up that answers a GET, if one does, or that finds the member whom a PUT or PATCH changes."""
        if request.method in ("GET", "HEAD"):
            return seek_member(request) if uuid is None else seek_id(uuid)
        return seek_id(uuid, TO_CHANGE) if uuid is not None and request.method in ("PUT", "PATCH") else None

    def change(self, uuid: str, describe: Callable[[Any], Any]) -> Member:
        """Let the member become what `describe` says; they have been read along with the key, but without a lock.

        What was read counts once: a change that fails may have found that it is out of date.
        """
        organization, seek = self.request.organization, self.request.seek
        seen = seen_member(organization, seek.rows.pop()) if seek and seek.rows else None
        return Member.update_from_directory(
            organization, self.identifier(uuid), describe, by=self.request.actor, seen=seen
        )

    def row(self, uuid: str, projection: Projection) -> Row | None:
        """Return the row of the member with the id in the URL, which has been read along with the key."""
        if self.request.seek is None:
            return super().row(uuid, projection)
        return next(iter(self.sought(self.request.seek, projection)), None)

    def page(self, request: ScimRequest) -> HttpResponse:
        """Return a page of the members; what was read along with the key is one if it is all there is."""
        seek, query = request.seek, ListQuery.of(request.GET.dict())
        if seek is None or len(seek.rows) > 1 or not query.is_first_page or request.organization.scim_lists_active_only:
            return self.found(query)
        return render(whole_list(query, self.documents(self.sought(seek, query.projection), query.projection)))

    def sought(self, seek: Seek, projection: Projection) -> list[Row]:
        """Return the rows of a look-up, with the columns that `projection` needs."""
        unwanted = () if wants_groups(projection) else (GROUPS,)
        return [{name: value for name, value in row.items() if name not in unwanted} for row in seek.rows]

    def listed(self) -> Any:
        """Return active and deactivated members, or only the active ones if the organization wants it so."""
        members = self.request.organization.members
        return members.active() if self.request.organization.scim_lists_active_only else members.all()

    def rows(self, resources: Any, projection: Projection) -> Any:
        """Return the members' rows, with their groups if those, or the version that stands for them too, are sent."""
        rows = resources.values(*MEMBER_COLUMNS)
        return rows.annotate(**{GROUPS: GroupNames()}) if wants_groups(projection) else rows

    def count(self) -> int:
        """Return how many members lists show."""
        organization = self.request.organization
        return headcount(organization, active=True if organization.scim_lists_active_only else None)

    def documents(self, rows: list[dict[str, Any]], projection: Projection) -> list[Document]:
        """Return the Users."""
        base = base_url(self.request)
        return [member_document(row, base) for row in rows]


def wants_groups(projection: Projection) -> bool:
    """Whether the groups are sent, or the version, which stands for them too.

    Who excludes the groups has asked to be spared them, and gets no version.
    """
    return projection.wants("groups") or (bool(projection.included) and projection.wants("meta"))
