"""The resources that we speak, as scim2-models classes: what is read, what is published, what is tolerated.

The core schema is scim2-models' own. What differs: an e-mail address is any string (`EmailStr` refuses `.test` and
`.local`, which test directories use), a manager needs no `$ref` (Microsoft Entra sends none), and what is published
says that userName is immutable and which role names userType takes.
"""

import re
from typing import Annotated, Any

import scim2_models
from pydantic import Field, field_validator
from scim2_models import (
    URN,
    AnyExtension,
    CaseExact,
    ComplexAttribute,
    EnterpriseUser as CoreEnterpriseUser,
    Mutability,
    PatchOp,
    Reference,
    Required,
    Resource,
    ResourceType,
    Returned,
    Schema,
    ScimPolicy,
    Uniqueness,
)
from scim2_models.attributes import ExtensibleStringEnum

# Before Python 3.11.4 a copy of an enum's member is looked up by name, which the `type` that a directory made up lacks.
ExtensibleStringEnum.__deepcopy__ = lambda self, memo: self  # type: ignore[method-assign]

USER_URN = str(scim2_models.User.__schema__)
GROUP_URN = str(scim2_models.Group.__schema__)
ROLE_URN = "urn:okta:scim:schemas:core:1.0:Role"
ENTERPRISE_URN = str(CoreEnterpriseUser.__schema__)
PATCH_URN = str(PatchOp.__schema__)
LIST_URN = str(scim2_models.ListResponse.__schema__)
SEARCH_URN = str(scim2_models.SearchRequest.__schema__)
BULK_REQUEST_URN = str(scim2_models.BulkRequest.__schema__)
BULK_RESPONSE_URN = str(scim2_models.BulkResponse.__schema__)

# What identity providers get away with: attributes nobody declared, a PATCH remove that lists what to remove in its
# value, and a PATCH of an entry that isn't there yet (both of them Microsoft Entra's).
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


BASE64 = re.compile(r"[A-Za-z0-9+/\s]*[=\s]*")


class Email(scim2_models.Email):
    """An e-mail address, whatever its domain."""

    value: str | None = None


class X509Certificate(scim2_models.X509Certificate):
    """A certificate. What isn't Base64 is refused: the decoder would leave out the characters that it doesn't know."""

    @field_validator("value", mode="before")
    @classmethod
    def _is_base64(cls, value: Any) -> Any:
        if isinstance(value, str) and not BASE64.fullmatch(value):
            raise ValueError("a certificate is sent in Base64")
        return value


class Manager(ComplexAttribute):
    """The user's manager (RFC 7643 §4.3); `$ref` is optional because Entra and Okta send the id alone."""

    value: Annotated[str | None, CaseExact.true] = None
    ref: Annotated[Reference["User"] | None, CaseExact.true] = Field(  # type: ignore[type-arg]
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    display_name: Annotated[str | None, Mutability.read_only] = None


class EnterpriseUser(CoreEnterpriseUser):
    """The Enterprise User extension (RFC 7643 §4.3)."""

    manager: Manager | None = None  # type: ignore[assignment] # a field is overridden, as pydantic lets it be


class User(scim2_models.User[AnyExtension]):
    """A User as it is read and patched. That userName can't change is for members to say, so it is writable here."""

    emails: list[Email] | None = None  # type: ignore[assignment] # as above
    x509_certificates: list[X509Certificate] | None = None  # type: ignore[assignment] # as above


class PublishedUser(User[AnyExtension]):
    """A User as /Schemas describes it: `required` says what a member is never without, also when nobody sent it."""

    user_name: Annotated[str | None, Uniqueness.server, Required.true, Mutability.immutable] = None
    """The e-mail address the person signs in with, at a domain that the organization has approved."""

    active: Annotated[bool | None, Required.true] = None
    """Whether the person may sign in; true unless something else is sent."""

    user_type: Annotated[str | None, Required.true] = None
    """The name of the person's role; Employee unless something else is sent."""


class GroupMember(ComplexAttribute):
    """A member of a group: the sub-attributes of RFC 7643 §8.7.1, and the name that its example (§8.4) shows."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    """The id of the member."""

    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(  # type: ignore[type-arg]
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    """The URL of the member."""

    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])
    """What the member is: a User."""

    display: Annotated[str | None, Mutability.read_only, Returned.request] = None
    """The member's name, for whoever asks for it: `attributes=members.value,members.display`."""


class Group(scim2_models.Group):
    """A Group (RFC 7643 §4.2)."""

    members: list[GroupMember] | None = None  # type: ignore[assignment] # as above
    """The members of the group."""


class GroupHead(Resource):  # type: ignore[type-arg]
    """A Group without its members, which are never loaded to be changed."""

    __schema__ = scim2_models.Group.__schema__

    display_name: Annotated[str | None, Required.true] = None


class Role(Resource):  # type: ignore[type-arg]
    """A role of the organization, for identity providers that let their admins pick one (Okta's entitlements).

    Source: developer.okta.com/docs/guides/scim-with-entitlements, which names the schema.
    """

    __schema__ = URN(ROLE_URN)

    display_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    """The role's name, as userType takes it."""

    description: str | None = None
    """What the role is for."""


FullUser = User[EnterpriseUser]

USER_TYPE = ResourceType.from_resource(FullUser)
USER_TYPE.description = "A member of the organization"
GROUP_TYPE = ResourceType.from_resource(Group)
GROUP_TYPE.description = "A directory group"
ROLE_TYPE = ResourceType.from_resource(Role)
ROLE_TYPE.description = "A role that a member can have"
RESOURCE_TYPES = (USER_TYPE, GROUP_TYPE, ROLE_TYPE)


def published_schemas(role_names: list[str]) -> list[Schema]:
    """Return what /Schemas lists, with `role_names` as the canonical values of userType (RFC 7643 §7)."""
    user = PublishedUser.to_schema()
    user.name, user.description = "User", "A member of the organization"
    for attribute in user.attributes or []:
        if attribute.name == "userType":
            attribute.canonical_values = role_names
    group = Group.to_schema()
    group.description = "A directory group"
    role = Role.to_schema()
    role.description = "A role that a member can have"
    return [user, group, role, EnterpriseUser.to_schema()]
