"""`/Users`: the organization's members."""

from typing import Any, ClassVar

from django_scim.utils import get_user_adapter, get_user_model

from members.models import Member
from scim.adapters import base_url
from scim.filters.attributes import MEMBER_ATTRIBUTES
from scim.projection import Projection
from scim.representation import MEMBER_COLUMNS, groups_of, member_document
from scim.views.base import Document
from scim.views.resources import ResourceView


class UsersView(ResourceView):
    """`/Users`."""

    resource_type = "User"
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
        """Return the Users, with their groups if those are to be sent, or the version that stands for them too.

        Who excludes the groups has asked to be spared them, and gets no version.
        """
        base = base_url(self.request)
        if not (projection.wants("groups") or (projection.included and projection.wants("meta"))):
            return [member_document(row, base) for row in rows]
        groups = groups_of(self.request.organization, (row["id"] for row in rows), base) if rows else {}
        return [member_document(row, base, groups.get(row["id"], [])) for row in rows]
