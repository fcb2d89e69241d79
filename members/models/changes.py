"""What is said of a write: to the audit log, and of a constraint that refused it."""

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError

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


def constraint_of(error: IntegrityError) -> str:
    """Return the name of the constraint that `error` is about, as far as the database tells; never its text."""
    diagnostics = getattr(error.__cause__, "diag", None)
    if diagnostics is not None:
        return diagnostics.constraint_name or ""
    text = str(error)
    return text.partition("index '")[2].partition("'")[0]
