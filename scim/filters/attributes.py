"""Where the attributes of members, groups and roles are: in a column, related rows, or the JSON column `attributes`."""

from dataclasses import dataclass, field, replace
from inspect import isclass
from typing import Any

from django.db.models import F
from scim2_models import ComplexAttribute, Resource
from scim2_models.path import AttributeBinding

from members.models import GroupMembership, Organization
from scim.filters.many import Emails, JsonMany, Many, NoValues, RelatedMany, Schemas
from scim.filters.names import full_name
from scim.filters.stored import stored
from scim.filters.targets import (
    Absent,
    Active,
    AnyOf,
    Computed,
    Constant,
    Identifier,
    LastModified,
    Location,
    Moment,
    Target,
    Text,
)
from scim.schemas import ENTERPRISE_URN, GROUP_URN, ROLE_URN, USER_URN, FullUser, Group, Role


@dataclass(frozen=True)
class AttributeMap:
    """Where the attributes of a resource type are kept.

    `single` and `many` map the lower-case path of a core attribute, as in `name.givenname`, to what is compared. What
    is in neither is looked for in the JSON column under `keys_of`, if the rows have one (`has_json`).
    """

    model: type[Resource[Any]]
    single: dict[str, Target]
    many: dict[str, Many] = field(default_factory=dict)
    has_json: bool = False

    def at(self, base: str, organization: Organization | None = None) -> "AttributeMap":
        """Return the map for answers whose URLs start with `base`; without it, URLs of ours can't be compared.

        With `organization`, whose resources alone are filtered, look-ups in related rows start from it.
        """
        return replace(
            self,
            single={path: target.at(base, organization) for path, target in self.single.items()},
            many={path: values.at(base, organization) for path, values in self.many.items()},
        )

    def single_target(self, binding: AttributeBinding) -> Target | None:
        """Return what a singular attribute is compared in; None for a multi-valued one."""
        path = ".".join(self.keys_of(binding)).lower()
        if path in self.single:
            return self.single[path]
        if binding.is_multivalued:
            return None
        rest = stored(F("attributes"), self.keys_of(binding), binding) if self.has_json else Absent()
        if isclass(binding.target_type) and issubclass(binding.target_type, ComplexAttribute):
            known = [target for name, target in self.single.items() if name.startswith(f"{path}.")]
            return AnyOf((*known, rest))
        return rest

    def values(self, binding: AttributeBinding) -> Many:
        """Return the values of a multi-valued attribute."""
        schema, _, name = binding.urn.rpartition(":")
        attribute = name.partition(".")[0]
        if schema == str(self.model.__schema__) and attribute.lower() in self.many:
            return self.many[attribute.lower()]
        keys = self.keys_of(binding)
        return JsonMany((*keys[: keys.index(attribute)], attribute)) if self.has_json else NoValues()

    def keys_of(self, binding: AttributeBinding) -> tuple[str, ...]:
        """Return the JSON keys of an attribute: its extension's URN where it has one, its name, its sub-attribute."""
        schema, _, name = binding.urn.rpartition(":")
        extension = () if schema == str(self.model.__schema__) else (schema,)
        return (*extension, *name.split("."))


def common(resource_type: str, endpoint: str, column: str = "id") -> dict[str, Target]:
    """Return the singular attributes that every resource has (RFC 7643 §3.1), its id being in `column`."""
    return {
        "id": Identifier(column),
        "meta.resourcetype": Constant(resource_type, case_exact=True),
        "meta.created": Moment("created_at"),
        "meta.lastmodified": Moment("updated_at"),
        "meta.location": Location(endpoint, column, case_exact=False),
        # A digest of what the document says, made as it is written.
        "meta.version": Computed("meta.version"),
    }


EXTERNAL_ID = {"externalid": Text(F("external_id"), case_exact=True, indexed=True)}

MEMBER_ATTRIBUTES = AttributeMap(
    FullUser,
    single=common("User", "Users")
    | EXTERNAL_ID
    | {
        "username": Text(F("user_name"), indexed=True),
        "name.givenname": Text(F("given_name")),
        "name.familyname": Text(F("family_name")),
        "displayname": Text(F("display_name")),
        "usertype": Text(F("role__name")),
        "active": Active(),
        "meta.lastmodified": LastModified("updated_at"),
        "password": Absent(),
    },
    many={
        "schemas": Schemas(USER_URN, (ENTERPRISE_URN,)),
        "emails": Emails(("emails",)),
        "groups": RelatedMany(
            GroupMembership.objects.all(),
            "member",
            {
                "value": Identifier("group_id"),
                "$ref": Location("Groups", "group_id"),
                "display": Text(F("group__display_name")),
                "type": Constant("direct"),
            },
        ),
    },
    has_json=True,
)

GROUP_ATTRIBUTES = AttributeMap(
    Group,
    single=common("Group", "Groups") | EXTERNAL_ID | {"displayname": Text(F("display_name"), indexed=True)},
    many={
        "schemas": Schemas(GROUP_URN),
        "members": RelatedMany(
            GroupMembership.objects.all(),
            "group",
            {
                "value": Identifier("member_id"),
                "$ref": Location("Users", "member_id"),
                "display": Text(full_name("member")),
                "type": Constant("User"),
            },
        ),
    },
)

ROLE_ATTRIBUTES = AttributeMap(
    Role,
    single=common("Role", "Roles", "public_id")
    | EXTERNAL_ID
    | {"displayname": Text(F("name")), "description": Text(F("description"))},
    many={"schemas": Schemas(ROLE_URN)},
)
