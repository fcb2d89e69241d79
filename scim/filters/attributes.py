"""Where each attribute of a member and a group is kept: a column, a related row, or the JSON column `attributes`."""

from dataclasses import dataclass, field
from inspect import isclass
from typing import Any

from django.db.models import F, Value
from scim2_models import ComplexAttribute, Resource
from scim2_models.path import AttributeBinding

from members.models import GroupMembership
from scim.filters.json_sql import ELEMENT, JsonBoolean, JsonText
from scim.filters.targets import (
    Active,
    AnyOf,
    Boolean,
    Constant,
    Identifier,
    JsonMany,
    Many,
    Moment,
    RelatedMany,
    Target,
    Text,
)
from scim.schemas import GROUP_URN, USER_URN, FullUser, Group


@dataclass(frozen=True)
class AttributeMap:
    """Where the attributes of a resource type are kept.

    `single` and `many` map the lower-case path of a core attribute, as in `name.givenname`, to what is compared. What
    is in neither is looked for in the JSON column, under `keys_of`.
    """

    model: type[Resource[Any]]
    single: dict[str, Target]
    many: dict[str, Many] = field(default_factory=dict)

    def single_target(self, binding: AttributeBinding) -> Target | None:
        """Return what a singular attribute is compared in; None for a multi-valued one."""
        known = self.single.get(".".join(self.keys_of(binding)).lower())
        if known is not None:
            return known
        if binding.is_multivalued:
            return None
        if isclass(binding.target_type) and issubclass(binding.target_type, ComplexAttribute):
            return self._complex(binding, binding.target_type)
        return json_target(self.keys_of(binding), binding)

    def values(self, binding: AttributeBinding) -> Many:
        """Return the values of a multi-valued attribute."""
        *extension, name = self.keys_of(binding)[: 1 + (schema_of(binding) != str(self.model.__schema__))]
        return self.many.get(name.lower()) or JsonMany((*extension, name), ELEMENT)

    def keys_of(self, binding: AttributeBinding) -> tuple[str, ...]:
        """Return the JSON keys of an attribute: its extension's URN where it has one, its name, its sub-attribute."""
        schema, _, name = binding.urn.rpartition(":")
        extension = () if schema == str(self.model.__schema__) else (schema,)
        return (*extension, *name.split("."))

    def _complex(self, binding: AttributeBinding, model: type[ComplexAttribute]) -> Target:
        keys = self.keys_of(binding)
        known = [target for path, target in self.single.items() if path.startswith(f"{'.'.join(keys).lower()}.")]
        names = [info.serialization_alias or name for name, info in model.model_fields.items()]
        parts = [Text(JsonText(F("attributes"), (*keys, name)), nullable=True) for name in names]
        return AnyOf((*known, *parts))


def schema_of(binding: AttributeBinding) -> str:
    """Return the URN of the schema that declares the attribute."""
    return binding.urn.rpartition(":")[0]


def json_target(keys: tuple[str, ...], binding: AttributeBinding) -> Target:
    """Return a singular value in the JSON column."""
    if binding.target_type is bool:
        return Boolean(JsonBoolean(F("attributes"), keys))
    return Text(JsonText(F("attributes"), keys), binding.case_exact, nullable=True)


def part_of(values: Many, binding: AttributeBinding) -> Target:
    """Return the sub-attribute that `binding` names of one of `values`."""
    name = binding.urn.rpartition(":")[2].partition(".")[2]
    return values.part(name, case_exact=binding.case_exact, boolean=binding.target_type is bool)


def common(resource_type: str, urn: str) -> dict[str, Target]:
    """Return the attributes that every resource has (RFC 7643 §3.1)."""
    return {
        "id": Identifier("id"),
        "schemas": Constant(urn),
        "externalid": Text(F("external_id"), case_exact=True),
        "meta.resourcetype": Constant(resource_type),
        "meta.created": Moment("created_at"),
        "meta.lastmodified": Moment("updated_at"),
    }


MEMBER_ATTRIBUTES = AttributeMap(
    FullUser,
    single=common("User", USER_URN)
    | {
        "username": Text(F("user_name")),
        "name.givenname": Text(F("given_name")),
        "name.familyname": Text(F("family_name")),
        "displayname": Text(F("display_name")),
        "usertype": Text(F("role__name")),
        "active": Active(),
        "password": Text(Value("")),
    },
    many={
        "groups": RelatedMany(
            GroupMembership.objects.all(),
            "member",
            {
                "value": Identifier("group_id"),
                "display": Text(F("group__display_name")),
                "type": Constant("direct"),
            },
        )
    },
)

GROUP_ATTRIBUTES = AttributeMap(
    Group,
    single=common("Group", GROUP_URN) | {"displayname": Text(F("display_name"))},
    many={
        "members": RelatedMany(
            GroupMembership.objects.all(),
            "group",
            {
                "value": Identifier("member_id"),
                "type": Constant("User"),
            },
        )
    },
)
