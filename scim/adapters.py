"""The adapters between SCIM resources and members: what comes in becomes a profile, what goes out comes from a row.

An adapter writes nothing: the profile goes to the one verb of `members` that does, under the lock of that verb.
"""

from typing import Any, ClassVar

import orjson
from django.conf import settings
from django_scim.adapters import SCIMMixin
from scim2_models import Context, InvalidValueException, PatchOp, TooManyException

from lib.addresses import absolute
from members.directory import DirectoryProfile, GroupProfile, RoleProfile
from members.models import Member
from scim.body import inspect
from scim.end_of_access import user_name_to_keep
from scim.leniency import check_values, conform, conform_operations
from scim.membership import MembershipChange
from scim.patching import apply_patch
from scim.plain import changed, plain_changes, plain_user
from scim.representation import (
    GROUPS,
    directory_attributes,
    group_document,
    group_row,
    member_document,
    member_row,
    members_of,
    role_document,
    role_row,
)
from scim.roles import role_to_give
from scim.schemas import GROUP_URN, POLICY, ROLE_URN, USER_URN, FullUser, GroupHead, Role

COLUMN_LENGTH = 254
ROLE_NAME_LENGTH = 60
ROLE_DESCRIPTION_LENGTH = 200

# Stands for the userType of the member while a PATCH is applied: no request can hold a NUL, so that what is still there
# afterwards was not spoken of.
UNTOUCHED = "\0"


def get_member_model() -> type[Member]:
    """Return what SCIM calls the user model: a member, not the login identity behind it."""
    return Member


def base_url(request: Any) -> str:
    """Return the base URL that `request` came in under, as the outside knows it: `/scim/v2`, also below `/v1.0`."""
    prefix = request.path_info.partition("/scim/v2")[0]
    return absolute(f"{prefix}/scim/v2")


class Adapter(SCIMMixin):
    """What both adapters share. `obj` is the member or group, None where there is none yet."""

    id_field = "pk"
    urn: ClassVar[str]
    endpoint: ClassVar[str]

    @property
    def base(self) -> str:
        """The base URL of every location in the answer."""
        return base_url(self.request)

    @property
    def location(self) -> str:
        """The URL of the resource."""
        return f"{self.base}/{self.endpoint}/{self.id}"

    def version(self) -> str:
        """Return the entity tag of the resource as it is."""
        return str(self.to_dict()["meta"]["version"])


class MemberAdapter(Adapter):
    """A member as a SCIM User."""

    resource_type = "User"
    url_name = "scim:users"
    urn = USER_URN
    endpoint = "Users"

    def to_dict(self) -> dict[str, Any]:
        """Return the User (RFC 7643 §4.1)."""
        return member_document(member_row(self.obj) | {GROUPS: self.obj.group_names}, self.base)

    def from_dict(self, document: dict[str, Any]) -> DirectoryProfile:
        """Return the profile that a POST or PUT describes.

        A PUT without userName keeps it, as it does any immutable attribute that is left out (RFC 7644 §3.5.1). Raises
        pydantic's ValidationError or InvalidValueException.
        """
        if self.obj is not None and not any(name.lower() == "username" for name in document):
            document["userName"] = self.obj.user_name
        user = plain_user(document)
        if user is None:
            context = Context.RESOURCE_CREATION_REQUEST if self.obj is None else Context.RESOURCE_REPLACEMENT_REQUEST
            model = FullUser.model_validate(conform(document, FullUser), scim_ctx=context, scim_policy=POLICY)
            user = dumped(model)
            if "user_type" in model.model_fields_set:
                user["userType"] = model.user_type or ""
        return self.profile_of(user, is_replacement=True)

    def handle_operations(self, document: dict[str, Any]) -> DirectoryProfile:
        """Return the profile that a PATCH makes of the member (RFC 7644 §3.5.2)."""
        check_operations(document, most=settings.SCIM_PATCH_LIMIT)
        changes = plain_changes(document)
        if changes is None:
            return self.profile_of(self.patched(document), is_replacement=False)
        return self.profile_of(changed(directory_attributes(vars(self.obj)), changes), is_replacement=False)

    def patched(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the User that the models make of the member by a PATCH, with a userType if it was spoken of.

        A userType that is gone afterwards was removed.
        """
        document["Operations"] = conform_operations(document["Operations"], FullUser)
        patch = PatchOp[FullUser].model_validate(document, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY)
        # A client that sends back what it read is told of no mutability; who doesn't is spared the query.
        repeated = any(name in str(document["Operations"]).lower() for name in ("groups", "meta"))
        current = self.to_dict() if repeated else member_document(member_row(self.obj), self.base)
        current["userType"] = UNTOUCHED
        model = FullUser.model_validate(current, scim_policy=POLICY)
        apply_patch(patch, model)
        user = dumped(model)
        if model.user_type != UNTOUCHED:
            user["userType"] = model.user_type or ""
        # A filter in a path may have spelled what no body can hold, and made it a value.
        inspect(user)
        return user

    def ended(self) -> DirectoryProfile:
        """Return the profile of the member as they are, but without access."""
        member = self.obj
        return DirectoryProfile(
            user_name=member.user_name,
            external_id=member.external_id,
            given_name=member.given_name,
            family_name=member.family_name,
            display_name=member.display_name,
            attributes=member.attributes,
            active=False,
        )

    def profile_of(self, user: dict[str, Any], *, is_replacement: bool) -> DirectoryProfile:
        """Return the profile of a User; one without userType doesn't speak of the role, an empty one takes it back."""
        rest = dict(user)
        active = rest.pop("active", None)
        user_name = rest.pop("userName", "")
        if self.obj is not None:
            user_name = user_name_to_keep(user_name, self.obj.user_name, active=active)
        user_type = rest.pop("userType").strip() if "userType" in rest else None
        check_attributes(rest, self.obj.attributes if self.obj else {})
        name = dict(rest.pop("name", {}))
        profile = DirectoryProfile(
            user_name=user_name,
            external_id=rest.pop("externalId", ""),
            given_name=name.pop("givenName", ""),
            family_name=name.pop("familyName", ""),
            display_name=rest.pop("displayName", ""),
            active=active,
            role_name=role_to_give(
                self.request.organization, self.obj, user_type, rest.get("roles", []), is_replacement=is_replacement
            ),
            attributes=rest | ({"name": name} if name else {}),
        )
        check_lengths(
            externalId=profile.external_id,
            givenName=profile.given_name,
            familyName=profile.family_name,
            displayName=profile.display_name,
        )
        return profile


class GroupAdapter(Adapter):
    """A group as a SCIM Group."""

    resource_type = "Group"
    url_name = "scim:groups"
    urn = GROUP_URN
    endpoint = "Groups"

    def to_dict(self, *, with_members: bool = True, with_names: bool = False) -> dict[str, Any]:
        """Return the Group (RFC 7643 §4.2)."""
        members = None
        if with_members:
            found = members_of(self.obj.organization, [self.obj.pk], self.base, with_names=with_names)
            members = found.get(self.obj.pk, [])
        return group_document(group_row(self.obj), self.base, members)

    def version(self) -> str:
        """Return the entity tag of the group as it is."""
        return str(self.to_dict(with_members=False)["meta"]["version"])

    def from_dict(self, document: dict[str, Any]) -> GroupProfile:
        """Return the profile that a POST or PUT describes; `members` is the whole membership."""
        members = MembershipChange()
        document = members.take_whole(document)
        context = Context.RESOURCE_CREATION_REQUEST if self.obj is None else Context.RESOURCE_REPLACEMENT_REQUEST
        head = GroupHead.model_validate(conform(document, GroupHead), scim_ctx=context, scim_policy=POLICY)
        return group_profile_of(head, members)

    def handle_operations(self, document: dict[str, Any]) -> GroupProfile:
        """Return the profile that a PATCH makes of the group.

        Operations on `members` are taken out and folded into what is added and removed, so that the members of a large
        group are never loaded.
        """
        # What is left once the members are taken out is what costs; authentik sends a group's members one operation
        # each, in requests of the size that /ServiceProviderConfig gives for bulk ones.
        check_operations(document, most=settings.SCIM_BULK_LIMIT)
        members = MembershipChange()
        document["Operations"] = members.take_from(document.pop("Operations"))
        check_number(document["Operations"], settings.SCIM_PATCH_LIMIT)
        document["Operations"] = conform_operations(document["Operations"], GroupHead)
        current = group_document(group_row(self.obj), self.base)
        head = GroupHead.model_validate(current, scim_policy=POLICY)
        if document["Operations"]:
            patch = PatchOp[GroupHead].model_validate(
                document, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY
            )
            patch.patch(head, scim_policy=POLICY)
        return group_profile_of(head, members)


class RoleAdapter(Adapter):
    """A role as a SCIM Role."""

    resource_type = "Role"
    id_field = "public_id"
    url_name = "scim:roles"
    urn = ROLE_URN
    endpoint = "Roles"

    def to_dict(self) -> dict[str, Any]:
        """Return the Role."""
        return role_document(role_row(self.obj), self.base)

    def from_dict(self, document: dict[str, Any]) -> RoleProfile:
        """Return the profile that a POST or PUT describes."""
        context = Context.RESOURCE_CREATION_REQUEST if self.obj is None else Context.RESOURCE_REPLACEMENT_REQUEST
        return role_profile_of(Role.model_validate(conform(document, Role), scim_ctx=context, scim_policy=POLICY))

    def handle_operations(self, document: dict[str, Any]) -> RoleProfile:
        """Return the profile that a PATCH makes of the role."""
        check_operations(document, most=settings.SCIM_PATCH_LIMIT)
        document["Operations"] = conform_operations(document["Operations"], Role)
        patch = PatchOp[Role].model_validate(document, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY)
        role = Role.model_validate(self.to_dict(), scim_policy=POLICY)
        patch.patch(role, scim_policy=POLICY)
        return role_profile_of(role)


def dumped(user: FullUser) -> dict[str, Any]:
    """Return what of a validated User is kept; a password is thrown away, and so is what only we assign."""
    kept = user.model_dump(scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    for name in ("schemas", "password", "userType"):
        kept.pop(name, None)
    return kept


def check_operations(document: dict[str, Any], *, most: int) -> None:
    """Put the operations under "Operations", however it was spelled.

    Raises InvalidValueException unless they are a list of objects, TooManyException past `most` of them.
    """
    spelled = next((name for name in document if name.lower() == "operations"), "Operations")
    operations = document.pop(spelled, None)
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        raise InvalidValueException(detail="A PATCH needs Operations, a list of objects with op, path and value.")
    if not operations:
        raise InvalidValueException(detail="A PATCH needs at least one operation.")
    check_number(operations, most)
    document["Operations"] = operations


def check_number(operations: list[Any], most: int) -> None:
    """Raise TooManyException for more than `most` operations; 0 lets any number through."""
    if most and len(operations) > most:
        raise TooManyException(detail=f"A PATCH may hold {most} operations, not {len(operations)}; send several.")


def group_profile_of(head: GroupHead, members: MembershipChange) -> GroupProfile:
    """Return the profile of a validated Group. Raises InvalidValueException for a displayName that is empty."""
    name = (head.display_name or "").strip()
    if not name:
        raise InvalidValueException(detail="displayName must not be empty.")
    check_lengths(displayName=name, externalId=head.external_id or "")
    return GroupProfile(
        display_name=name,
        external_id=head.external_id or "",
        replace_members=members.replaced,
        add_members=members.added,
        remove_members=members.removed,
    )


def role_profile_of(role: Role) -> RoleProfile:
    """Return the profile of a validated Role. Raises InvalidValueException for a displayName that is empty."""
    profile = RoleProfile((role.display_name or "").strip(), role.description or "", role.external_id or "")
    if not profile.name:
        raise InvalidValueException(detail="displayName must not be empty.")
    check_lengths(ROLE_NAME_LENGTH, displayName=profile.name)
    check_lengths(ROLE_DESCRIPTION_LENGTH, description=profile.description)
    check_lengths(externalId=profile.external_id)
    return profile


def check_attributes(attributes: dict[str, Any], before: dict[str, Any]) -> None:
    """Raise InvalidValueException for what is more than a member may hold.

    That is `SCIM_VALUES_LIMIT` values of an attribute and `SCIM_ATTRIBUTES_LIMIT` bytes in all. Who holds more from
    `before` there was a limit may keep it, or hold less.
    """
    for name, value in attributes.items():
        if isinstance(value, list):
            check_values(name, value, before.get(name) or [])
    limit = settings.SCIM_ATTRIBUTES_LIMIT
    size = len(orjson.dumps(attributes)) if limit else 0
    if size > limit and size > len(orjson.dumps(before)):
        raise InvalidValueException(detail=f"The attributes of a user are larger than {limit} bytes: leave some out.")


def check_lengths(most: int = COLUMN_LENGTH, **values: str) -> None:
    """Raise InvalidValueException for a string of more than `most` characters, which its column can't hold."""
    for name, value in values.items():
        if len(value) > most:
            raise InvalidValueException(detail=f"{name} is longer than {most} characters.")
