"""What becomes of a group's members: the operations of a PATCH folded into who is added and who is removed.

Operations on `members` come in the forms that Okta and Microsoft Entra send: `add` with a list, `remove` with
`members[value eq "…"]` or with a list in `value`, `replace` with the whole list, and path-less objects.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from scim2_models import InvalidPathException, InvalidValueException, NoTargetException, Path, TooManyException
from scim2_models.path import CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator

from scim.dialects import in_our_words
from scim.leniency import attributes_by_path, is_schema_of
from scim.schemas import GROUP_URN, Group

MEMBERS = "members"
# What nearly every directory sends needs no syntax tree.
SELECTS_ONE = re.compile(r'members\[value eq "([0-9a-f-]{36})"\]')


def member_id(value: Any) -> UUID:
    """Return the id in a member's `value`. Raises InvalidValueException."""
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidValueException(
            detail=f'"{str(value)[:60]}" is not the id of a member: send the id that POST /Users answered with.'
        ) from None


def member_ids(value: Any) -> set[UUID]:
    """Return the ids in a list of members, one member, or bare ids."""
    if value is None:
        return set()
    entries = value if isinstance(value, list) else [value]
    return {
        member_id(next((item for name, item in entry.items() if name.lower() == "value"), None))
        if isinstance(entry, dict)
        else member_id(entry)
        for entry in entries
    }


@dataclass(slots=True)
class MembershipChange:
    """Who is added and who removed; `replaced` is the whole membership once something replaced it.

    `filtered` is how many characters of filters have been read.
    """

    replaced: set[UUID] | None = None
    added: set[UUID] = field(default_factory=set)
    removed: set[UUID] = field(default_factory=set)
    filtered: int = 0

    def replace(self, value: Any) -> None:
        """Make `value` the whole membership."""
        self.replaced, self.added, self.removed = member_ids(value), set(), set()

    def add(self, ids: set[UUID]) -> None:
        """Add members."""
        if self.replaced is not None:
            self.replaced |= ids
        self.added |= ids
        self.removed -= ids

    def remove(self, ids: set[UUID]) -> None:
        """Remove members; those who aren't there are no error."""
        if self.replaced is not None:
            self.replaced -= ids
        self.removed |= ids
        self.added -= ids

    def take_whole(self, document: dict[str, Any]) -> dict[str, Any]:
        """Make the `members` of a Group the whole membership, and return the Group without them."""
        attributes = dict(attributes_by_path(document, Group))
        mine = [name for name in attributes if without_urn(name) == MEMBERS]
        self.replace([])
        for name in mine:
            self.replace(attributes.pop(name))
        return attributes

    def take_from(self, operations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Fold the operations on `members` into this change, in their order, and return the others."""
        return [rest for operation in operations if (rest := self._take(operation))]

    def _take(self, operation: dict[str, Any]) -> dict[str, Any] | None:
        """Return what of `operation` is not about members, or None."""
        parts = {name.lower(): value for name, value in operation.items()}
        op, path, value = str(parts.get("op", "")).lower(), parts.get("path"), parts.get("value")
        if (not path or is_schema_of(path, Group)) and isinstance(value, dict):
            attributes = dict(attributes_by_path(value, Group))
            mine = [name for name in attributes if without_urn(name) == MEMBERS]
            for name in mine:
                self._apply(op, "", attributes[name])
            rest = {name: item for name, item in attributes.items() if name not in mine}
            return {"op": op, "value": rest} if rest or not mine else None
        if isinstance(path, str) and without_urn(path).split("[")[0].split(".")[0] == MEMBERS:
            self._apply(op, path, value)
            return None
        return {"op": parts.get("op")} | {name: parts[name] for name in ("path", "value") if name in parts}

    def _apply(self, op: str, path: str, value: Any) -> None:
        selected = self._selected(path)
        if op == "add" and selected is None:
            self.add(member_ids(value))
        elif op == "replace" and selected is None:
            self.replace(value)
        elif op == "remove":
            self._remove(selected, value)
        elif op in ("add", "replace"):
            raise InvalidPathException(detail="A member has nothing that could be changed: add or remove members.")
        else:
            raise InvalidValueException(detail=f'"{op[:40]}" is not a PATCH operation: add, remove or replace.')

    def _selected(self, path: str) -> set[UUID] | None:
        """Return the ids that a path selects. Raises TooManyException for more than `SCIM_FILTER_LIMIT` of filters."""
        if one := SELECTS_ONE.fullmatch(without_urn(path)):
            return {member_id(one[1])}
        self.filtered += len(path.partition("[")[2])
        if 0 < settings.SCIM_FILTER_LIMIT < self.filtered:
            limit = settings.SCIM_FILTER_LIMIT
            raise TooManyException(detail=f"The filters on members are longer than {limit} bytes: send a list instead.")
        return selected_ids(path)

    def _remove(self, selected: set[UUID] | None, value: Any) -> None:
        if selected is not None:
            self.remove(selected)
        elif value is None:
            self.replace([])
        else:
            self.remove(member_ids(value))


def without_urn(path: str) -> str:
    """Return `path` in lower case, without the Group schema's URN before it."""
    return in_our_words(path.strip(), Group).lower().removeprefix(f"{GROUP_URN.lower()}:")


def selected_ids(path: str) -> set[UUID] | None:
    """Return the ids that `members[value eq "…" or …]` selects, None if the path selects nothing.

    Raises InvalidPathException for a path of another form, NoTargetException for another selection.
    """
    if not path or without_urn(path) == MEMBERS:
        return None
    value_filter = Path[Group](path).value_filter
    if value_filter is None:
        raise InvalidPathException(detail=f"{path[:100]} can't be changed: name members, or members[value eq …].")
    return compared_ids(value_filter)


def compared_ids(node: FilterNode) -> set[UUID]:
    """Return the ids in `value eq "…"` terms joined by `or`."""
    if isinstance(node, LogicalExpr) and node.op == LogicalOperator.or_:
        return set().union(*(compared_ids(term) for term in node.terms))
    if isinstance(node, Comparison) and node.op == CompareOperator.eq and node.attr_path.attr.lower() == "value":
        return {member_id(node.value)}
    raise NoTargetException(detail='Members are selected by their id: members[value eq "…"].')
