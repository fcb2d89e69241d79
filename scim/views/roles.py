"""`/Roles`: the organization's roles, for identity providers whose admins pick one from a list (entitlements).

Custom roles can be made, named and deleted here too. They give access to nothing until the vendor's staff says to what,
and the predefined ones are locked: docs/decisions/0008-roles-over-scim.md.
"""

from typing import Any

from members.models import Role
from scim.adapters import RoleAdapter, base_url
from scim.filters.attributes import ROLE_ATTRIBUTES
from scim.projection import Projection
from scim.representation import ROLE_COLUMNS, role_document
from scim.views.base import Document
from scim.views.resources import ResourceView


class RolesView(ResourceView):
    """`/Roles`."""

    resource_type = "Role"
    scim_adapter = RoleAdapter
    model_cls = Role
    attributes = ROLE_ATTRIBUTES
    id_column = "public_id"

    def resources(self) -> Any:
        """Return the organization's roles."""
        return self.request.organization.roles

    def rows(self, resources: Any, projection: Projection) -> Any:
        """Return the roles' rows."""
        return resources.values(*ROLE_COLUMNS)

    def documents(self, rows: list[dict[str, Any]], projection: Projection) -> list[Document]:
        """Return the Roles."""
        base = base_url(self.request)
        return [role_document(row, base) for row in rows]

    def remove(self, obj: Role) -> None:
        """Delete a custom role that nobody has."""
        obj.delete_role(by=self.request.actor)
