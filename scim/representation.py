"""Builds what we answer with: a member or a group as a SCIM document, straight from a row.

No model is validated on the way out: a dict made by hand costs a hundredth of that, and the tests compare it with the
schema instead. A member's groups come with the member's row, as an array in one more column.
"""

import datetime as dt
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from members.models import Group, GroupMembership, Member, Organization, Role
from scim.filters.names import full_name
from scim.schemas import GROUP_URN, ROLE_URN, USER_URN

MEMBER_COLUMNS = (
    "id",
    "user_name",
    "external_id",
    "given_name",
    "family_name",
    "display_name",
    "attributes",
    "role__name",
    "created_at",
    "updated_at",
    "deactivated_at",
)
GROUPS = "group_names"
GROUP_COLUMNS = ("id", "display_name", "external_id", "created_at", "updated_at")
ROLE_COLUMNS = ("public_id", "name", "description", "external_id", "created_at", "updated_at")

Row = dict[str, Any]


def member_row(member: Member) -> Row:
    """Return the columns of `member` as `values(*MEMBER_COLUMNS)` gives them."""
    return {name: getattr(member, name) for name in MEMBER_COLUMNS if name != "role__name"} | {
        "role__name": member.role.name
    }


def group_row(group: Group) -> Row:
    """Return the columns of `group` as `values(*GROUP_COLUMNS)` gives them."""
    return {name: getattr(group, name) for name in GROUP_COLUMNS}


def moment(value: dt.datetime) -> str:
    """Return an instant as a SCIM dateTime in UTC (RFC 7643 §2.3.5), to the microsecond that filters compare."""
    return value.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def version(*parts: Any) -> str:
    """Return the weak entity tag (RFC 7644 §3.14) of a resource that `parts` are all of that can change in it."""
    digest = blake2b(orjson.dumps(parts), digest_size=12).digest()
    return f'W/"{urlsafe_b64encode(digest).decode()}"'


def meta(resource_type: str, row: Row, location: str, tag: str = "") -> dict[str, str]:
    """Return the `meta` attribute of a row."""
    found = {
        "resourceType": resource_type,
        "created": moment(row["created_at"]),
        "lastModified": moment(row["updated_at"]),
        "location": location,
    }
    if tag:
        found["version"] = tag
    return found


def directory_attributes(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a User that only a directory changes: all but the role, and what we assign."""
    attributes: dict[str, Any] = row["attributes"]
    document: dict[str, Any] = {"userName": row["user_name"]}
    name = dict(attributes.get("name", {}))
    for column, key in (("given_name", "givenName"), ("family_name", "familyName")):
        if row[column]:
            name[key] = row[column]
    if row["external_id"]:
        document["externalId"] = row["external_id"]
    if row["display_name"]:
        document["displayName"] = row["display_name"]
    document |= attributes
    if name:
        document["name"] = name
    document["active"] = row["deactivated_at"] is None
    return document


def member_document(row: Row, base: str) -> dict[str, Any]:
    """Return a row of MEMBER_COLUMNS as a SCIM User whose URLs start with `base`.

    The groups are part of what a version stands for, so there is one only if the row has them too, under GROUPS.
    """
    identifier = str(row["id"])
    extensions = [name for name in row["attributes"] if name.startswith("urn:")]
    document: dict[str, Any] = {"schemas": [USER_URN, *extensions], "id": identifier} | directory_attributes(row)
    document["userType"] = row["role__name"]
    tag = ""
    if GROUPS in row:
        groups = [group_of_member(group_id, name, base) for group_id, name in row[GROUPS] or ()]
        if groups:
            document["groups"] = groups
        tag = version(row["updated_at"], row["role__name"], groups)
    document["meta"] = meta("User", row, f"{base}/Users/{identifier}", tag)
    return document


def group_of_member(group_id: str, name: str, base: str) -> dict[str, str]:
    """Return a value of the `groups` attribute (RFC 7643 §4.1.2)."""
    # SQLite keeps them without hyphens.
    identifier = group_id if "-" in group_id else str(UUID(group_id))
    return {"value": identifier, "$ref": f"{base}/Groups/{identifier}", "display": name, "type": "direct"}


def group_document(row: Row, base: str, members: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Return a row of GROUP_COLUMNS as a SCIM Group whose URLs start with `base`.

    `members` is None if nobody wants to know; of a group without any it is empty, and is sent so: authentik fills only
    groups that have the attribute.

    The version stands for the membership too, whose every change touches the row; it does not for the members' names,
    which are theirs, so that nobody has to read 100,000 of them to tell it.
    """
    identifier = str(row["id"])
    document: dict[str, Any] = {"schemas": [GROUP_URN], "id": identifier, "displayName": row["display_name"]}
    if row["external_id"]:
        document["externalId"] = row["external_id"]
    if members is not None:
        document["members"] = members
    tag = version(row["updated_at"], row["display_name"], row["external_id"])
    document["meta"] = meta("Group", row, f"{base}/Groups/{identifier}", tag)
    return document


def members_of(
    organization: Organization, group_ids: list[UUID], base: str, *, with_names: bool = False, most: int = 0
) -> dict[UUID, list[dict[str, str]]]:
    """Return the `members` attribute (RFC 7643 §4.2) of the groups, or of the first of them.

    One query reads all if there are no more than `most` members in all. Else the groups are read one after the other,
    until there are as many; the first is always among them. Names are another table's, so they are read only for
    whoever asks for them.
    """
    memberships = GroupMembership.objects.filter(organization=organization, group_id__in=group_ids)
    names: list[Any] = [full_name("member")] if with_names else []
    rows = memberships.order_by("group_id", "member_id").values_list("group_id", "member_id", *names)
    if most and len(group_ids) > 1:
        rows = rows[: most + 1]
    read = list(rows)
    if rows.query.is_sliced and len(read) > most:
        return first_members_of(organization, group_ids, base, with_names=with_names, most=most)
    found: dict[UUID, list[dict[str, str]]] = {group_id: [] for group_id in group_ids}
    for group_id, member_id, *name in read:
        value = {"value": str(member_id), "$ref": f"{base}/Users/{member_id}", "type": "User"}
        if with_names:
            (value["display"],) = name
        found[group_id].append(value)
    return found


def first_members_of(
    organization: Organization, group_ids: list[UUID], base: str, *, with_names: bool, most: int
) -> dict[UUID, list[dict[str, str]]]:
    """Return the members of the first groups, one query for each, until there are `most` of them."""
    found: dict[UUID, list[dict[str, str]]] = {}
    left = most
    for group_id in group_ids:
        if found and left <= 0:
            break
        found |= members_of(organization, [group_id], base, with_names=with_names)
        left -= len(found[group_id])
    return found


def role_row(role: Role) -> Row:
    """Return the columns of `role` as `values(*ROLE_COLUMNS)` gives them."""
    return {name: getattr(role, name) for name in ROLE_COLUMNS}


def role_document(row: Row, base: str) -> dict[str, Any]:
    """Return a row of ROLE_COLUMNS as a Role whose URLs start with `base`."""
    identifier = str(row["public_id"])
    document = {"schemas": [ROLE_URN], "id": identifier, "displayName": row["name"]}
    for column, name in (("external_id", "externalId"), ("description", "description")):
        if row[column]:
            document[name] = row[column]
    tag = version(row["updated_at"], row["name"], row["description"], row["external_id"])
    return document | {"meta": meta("Role", row, f"{base}/Roles/{identifier}", tag)}
