"""Builds what we answer with: a member or a group as a SCIM document, straight from a row.

No model is validated on the way out: a dict made by hand costs a hundredth of that, and the tests compare it with the
schema instead.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from members.models import Group, GroupMembership, Member, Organization
from scim.schemas import GROUP_URN, USER_URN

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
GROUP_COLUMNS = ("id", "display_name", "external_id", "created_at", "updated_at")

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


def meta(resource_type: str, row: Row, location: str) -> dict[str, str]:
    """Return the `meta` attribute of a row."""
    return {
        "resourceType": resource_type,
        "created": moment(row["created_at"]),
        "lastModified": moment(row["updated_at"]),
        "location": location,
    }


def member_document(row: Row, base: str, groups: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Return a row of MEMBER_COLUMNS as a SCIM User whose URLs start with `base`."""
    identifier = str(row["id"])
    attributes: dict[str, Any] = row["attributes"]
    extensions = [name for name in attributes if name.startswith("urn:")]
    document: dict[str, Any] = {"schemas": [USER_URN, *extensions], "id": identifier, "userName": row["user_name"]}
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
    document["userType"] = row["role__name"]
    if groups:
        document["groups"] = groups
    document["meta"] = meta("User", row, f"{base}/Users/{identifier}")
    return document


def groups_of(organization: Organization, member_ids: Iterable[UUID], base: str) -> dict[UUID, list[dict[str, str]]]:
    """Return the `groups` attribute (RFC 7643 §4.1.2) of each of the members who are in one; one query."""
    found: dict[UUID, list[dict[str, str]]] = {}
    memberships = GroupMembership.objects.filter(organization=organization, member_id__in=list(member_ids)).order_by(
        "group_id"
    )
    for member_id, group_id, name in memberships.values_list("member_id", "group_id", "group__display_name"):
        value = {"value": str(group_id), "$ref": f"{base}/Groups/{group_id}", "display": name, "type": "direct"}
        found.setdefault(member_id, []).append(value)
    return found


def group_document(row: Row, base: str, members: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Return a row of GROUP_COLUMNS as a SCIM Group whose URLs start with `base`."""
    identifier = str(row["id"])
    document: dict[str, Any] = {"schemas": [GROUP_URN], "id": identifier, "displayName": row["display_name"]}
    if row["external_id"]:
        document["externalId"] = row["external_id"]
    if members:
        document["members"] = members
    document["meta"] = meta("Group", row, f"{base}/Groups/{identifier}")
    return document


def members_of(organization: Organization, group_ids: Iterable[UUID], base: str) -> dict[UUID, list[dict[str, str]]]:
    """Return the `members` attribute (RFC 7643 §4.2) of each of the groups that have any; one query."""
    found: dict[UUID, list[dict[str, str]]] = {}
    memberships = GroupMembership.objects.filter(organization=organization, group_id__in=list(group_ids)).order_by(
        "member_id"
    )
    for group_id, member_id in memberships.values_list("group_id", "member_id"):
        value = {"value": str(member_id), "$ref": f"{base}/Users/{member_id}", "type": "User"}
        found.setdefault(group_id, []).append(value)
    return found
