"""`attributes` and `excludedAttributes` (RFC 7644 §3.9): which parts of a document are sent.

`id` and `schemas` always are. Names are compared without regard to case; a name that doesn't exist selects nothing.
"""

from dataclasses import dataclass
from typing import Any

from scim.errors import ScimRefusal
from scim.schemas import GROUP_URN, ROLE_URN, USER_URN

ALWAYS = {"id", "schemas"}
CORE_PREFIXES = tuple(f"{urn.lower()}:" for urn in (USER_URN, GROUP_URN, ROLE_URN))

Keys = tuple[str, ...]


def keys_of(name: str) -> Keys:
    """Return the lower-case keys that lead to an attribute: `name.givenName`, `urn:…:User:manager.value`."""
    name = name.strip().lower()
    for prefix in CORE_PREFIXES:
        name = name.removeprefix(prefix)
    if not name.startswith("urn:"):
        return tuple(name.split("."))
    # "2.0" holds a dot of its own: only what follows the last colon is an attribute, unless it names the schema.
    head, _, tail = name.rpartition(":")
    return (name,) if head.endswith(":2.0") else (head, *tail.split("."))


@dataclass(frozen=True, slots=True)
class Projection:
    """What to send: the attributes asked for, or all but the excluded ones."""

    included: frozenset[Keys] = frozenset()
    excluded: frozenset[Keys] = frozenset()

    @classmethod
    def of(cls, attributes: Any, excluded: Any) -> "Projection":
        """Read the two parameters, each a comma-separated text or a list of names. Raises a 400 `invalidValue`."""
        return cls(frozenset(map(keys_of, names(attributes))), frozenset(map(keys_of, names(excluded))))

    def wants(self, name: str) -> bool:
        """Whether any of the top-level attribute `name` is sent."""
        keys = (name.lower(),)
        if self.included:
            return any(path[:1] == keys for path in self.included)
        return keys not in self.excluded

    def names(self, *keys: str) -> bool:
        """Whether the attribute that `keys` lead to is asked for by name."""
        return keys in self.included

    def apply(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return what of `document` is sent."""
        if self.included:
            document = keep(document, self.included, ALWAYS)
        elif self.excluded:
            document = drop(document, self.excluded, ALWAYS)
        return document


def names(value: Any) -> list[str]:
    """Return the attribute names in a parameter. Raises a 400 `invalidValue` for what is neither a text nor a list."""
    found = value.split(",") if isinstance(value, str) else value or []
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ScimRefusal(400, "attributes and excludedAttributes are lists of attribute names.", "invalidValue")
    return [name for name in found if name.strip()]


def deeper(paths: frozenset[Keys], key: str) -> frozenset[Keys]:
    """Return what `paths` say of the values under `key`."""
    return frozenset(path[1:] for path in paths if path[0] == key and len(path) > 1)


def keep(value: Any, paths: frozenset[Keys], always: set[str]) -> Any:
    """Return only what `paths` lead to."""
    if isinstance(value, list):
        return [part for part in (keep(item, paths, always) for item in value) if part != {}]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, item in value.items():
        key = name.lower()
        if key in always or (key,) in paths:
            kept[name] = item
        elif inner := deeper(paths, key):
            part = keep(item, inner, set())
            if part not in ({}, []):
                kept[name] = part
    return kept


def drop(value: Any, paths: frozenset[Keys], always: set[str]) -> Any:
    """Return all but what `paths` lead to."""
    if isinstance(value, list):
        return [drop(item, paths, always) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: drop(item, inner, set()) if (inner := deeper(paths, name.lower())) else item
        for name, item in value.items()
        if name.lower() in always or (name.lower(),) not in paths
    }
