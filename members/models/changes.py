"""What the audit log is told of a change of columns."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from members.models.member import Member


def describe_changes(member: "Member", plain: dict[str, Any]) -> dict[str, Any]:
    """Return the audit log's account of changed columns: `[before, after]`, of the attributes only the names."""
    changes = {name: [getattr(member, name), value] for name, value in plain.items() if name != "attributes"}
    if "attributes" in plain:
        before, after = member.attributes, plain["attributes"]
        changes["attributes"] = sorted(
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        )
    return changes
