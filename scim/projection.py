"""`attributes` and `excludedAttributes` (RFC 7644 §3.9): which parts of a document are sent.

`id` and `schemas` always are. Names are compared without regard to case; a name that doesn't exist selects nothing.
What is asked for becomes a tree once for each request, and every document is walked along it: a list of 200 resources
costs the same whether three names are asked for or a hundred.
"""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from scim.errors import ScimRefusal
from scim.schemas import GROUP_URN, ROLE_URN, USER_URN

ALWAYS = frozenset({"id", "schemas"})
NOTHING: frozenset[str] = frozenset()
CORE_PREFIXES = tuple(f"{urn.lower()}:" for urn in (USER_URN, GROUP_URN, ROLE_URN))


@dataclass(slots=True)
class Branch:
    """What is asked for of a value: all of it (`whole`), or the parts under these lower-case names."""

    whole: bool = False
    parts: dict[str, "Branch"] = field(default_factory=dict)

    def add(self, keys: list[str]) -> None:
        """Ask for what `keys` lead to."""
        branch = self
        for key in keys:
            branch = branch.parts.setdefault(key, Branch())
        branch.whole = True


def keys_of(name: str) -> list[str]:
    """Return the lower-case keys that lead to an attribute: `name.givenName`, `urn:…:User:manager.value`.

    No attribute has parts that have parts, so what follows a second dot selects nothing.
    """
    name = name.strip().lower()
    for prefix in CORE_PREFIXES:
        name = name.removeprefix(prefix)
    if not name.startswith("urn:"):
        return name.split(".", 2)
    # "2.0" holds a dot of its own: only what follows the last colon is an attribute, unless it names the schema.
    head, _, tail = name.rpartition(":")
    return [name] if head.endswith(":2.0") else [head, *tail.split(".", 2)]


@dataclass(frozen=True, slots=True)
class Projection:
    """What to send: the attributes asked for, or all but the excluded ones."""

    included: Branch | None = None
    excluded: Branch | None = None

    @classmethod
    def of(cls, attributes: Any, excluded: Any) -> "Projection":
        """Read the two parameters, each a comma-separated text or a list of names. Raises a 400 `invalidValue`."""
        return cls(tree(attributes), tree(excluded))

    def wants(self, name: str) -> bool:
        """Whether any of the top-level attribute `name` is sent."""
        if self.included:
            return name.lower() in self.included.parts
        branch = self.excluded.parts.get(name.lower()) if self.excluded else None
        return branch is None or not branch.whole

    def names(self, attribute: str, part: str) -> bool:
        """Whether a part of an attribute is asked for by name."""
        branch = self.included.parts.get(attribute) if self.included else None
        return branch is not None and part in branch.parts and branch.parts[part].whole

    def apply(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return what of `document` is sent."""
        if self.included:
            document = keep(document, self.included, ALWAYS)
        elif self.excluded:
            document = drop(document, self.excluded, ALWAYS)
        return document


def tree(value: Any) -> Branch | None:
    """Return what a parameter asks for, None if it names nothing.

    Raises a 400 `invalidValue` for what is neither a text nor a list of names, or for more than `SCIM_NAMES_LIMIT`.
    """
    limit = settings.SCIM_NAMES_LIMIT
    found = value.split(",", limit or -1) if isinstance(value, str) else value or []
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ScimRefusal(400, "attributes and excludedAttributes are lists of attribute names.", "invalidValue")
    if limit and len(found) > limit:
        detail = f"attributes and excludedAttributes hold {limit} names at most; leave them out to get all."
        raise ScimRefusal(400, detail, "invalidValue")
    root = Branch()
    for name in found:
        if name.strip():
            root.add(keys_of(name))
    return root if root.parts else None


def keep(value: Any, branch: Branch, always: frozenset[str] = NOTHING) -> Any:
    """Return only what is asked for."""
    if isinstance(value, list):
        return [part for part in (keep(item, branch, always) for item in value) if part != {}]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, item in value.items():
        key = name.lower()
        inner = branch.parts.get(key)
        if key in always or (inner is not None and inner.whole):
            kept[name] = item
        elif inner is not None:
            part = keep(item, inner)
            if part not in ({}, []):
                kept[name] = part
    return kept


def drop(value: Any, branch: Branch, always: frozenset[str] = NOTHING) -> Any:
    """Return all but what is asked for."""
    if isinstance(value, list):
        return [drop(item, branch, always) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, item in value.items():
        inner = branch.parts.get(name.lower())
        if inner is None or name.lower() in always:
            kept[name] = item
        elif not inner.whole:
            kept[name] = drop(item, inner)
    return kept
