"""The operations of a bulk request (RFC 7644 §3.7): what each is to do, and which of the others it refers to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scim.body import inspect
from scim.errors import ScimRefusal

METHODS = ("POST", "PUT", "PATCH", "DELETE")
ENDPOINTS = ("users", "groups", "roles")
FILTERED_PATH = 10

# A reference is a whole string, a segment of a path, or a quoted value in a filtered path.
REFERENCE = re.compile(r'(?:^|(?<=["/]))bulkId:([^"/]+)')


@dataclass(slots=True)
class Operation:
    """One operation: what it is to do, and the bulkIds of the operations that it has to wait for."""

    method: str
    path: str
    bulk_id: str
    version: str
    data: Any
    fault: str = ""
    waits_for: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, document: Any) -> "Operation":
        """Read an operation; what is wrong with it becomes its `fault`, for it fails alone (RFC 7644 §3.7.3)."""
        parts = {name.lower(): value for name, value in document.items()} if isinstance(document, dict) else {}
        texts = {name: parts.get(name) or "" for name in ("method", "path", "bulkid", "version")}
        wrong = [name for name, value in texts.items() if not is_name(value)]
        method, path, bulk_id, version = ("" if name in wrong else value for name, value in texts.items())
        operation = cls(method.upper(), path, bulk_id, version, parts.get("data"))
        operation.waits_for = set(references(operation.path)) | set(references(operation.data))
        operation.fault = f"{wrong[0]} must be a string that can be stored." if wrong else operation._fault()
        return operation

    @property
    def endpoint(self) -> str:
        """What the path names, in lower case: a key of ENDPOINTS, unless there is a fault."""
        return self.path.strip("/").partition("/")[0].lower()

    @property
    def cost(self) -> int:
        """What the operation costs, measured by what it costs to create a user.

        A filtered path into a user's attributes takes the resource models, and a copy of the values, as long as ten.
        """
        if self.method != "PATCH" or self.endpoint != "users" or not isinstance(self.data, dict):
            return 1
        lists = [item for name, item in self.data.items() if name.lower() == "operations" and isinstance(item, list)]
        return 1 + FILTERED_PATH * sum(filtered_paths(operation) for operations in lists for operation in operations)

    def _fault(self) -> str:
        if self.method not in METHODS:
            return f"method must be one of {', '.join(METHODS)}."
        identifier = self.path.strip("/").partition("/")[2]
        if self.endpoint not in ENDPOINTS:
            return "path must be /Users, /Groups or /Roles, with an id behind it unless the method is POST."
        if (self.method == "POST") == bool(identifier):
            return "A POST names an endpoint, every other method a resource of it."
        if self.method == "POST" and not self.bulk_id:
            return "A POST needs a bulkId."
        if self.method != "DELETE" and not isinstance(self.data, dict):
            return "data must be the object that a request of its own would send."
        return ""


def is_name(value: Any) -> bool:
    """Whether this is a string that may stand in an answer."""
    try:
        inspect(value)
    except ScimRefusal:
        return False
    return isinstance(value, str)


def filtered_paths(operation: Any) -> int:
    """Return the number of filtered paths in an operation of a PATCH, as its path or as names in its value."""
    if not isinstance(operation, dict):
        return 0
    parts = {name.lower(): value for name, value in operation.items()}
    names = parts["value"] if isinstance(parts.get("value"), dict) else ()
    return sum("[" in name for name in (parts.get("path"), *names) if isinstance(name, str))


def references(value: Any) -> Iterator[str]:
    """Yield the bulkIds that `value` refers to, wherever in it."""
    if isinstance(value, str):
        if "bulkId:" in value:
            yield from REFERENCE.findall(value)
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from references(item)


def resolved(value: Any, ids: dict[str, str]) -> Any:
    """Return `value` with every reference in `ids` replaced by the id of the resource that it refers to."""
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: ids.get(match[1], match[0]), value)
    if isinstance(value, dict):
        return {name: resolved(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, ids) for item in value]
    return value


def without_references(value: Any, to_come: set[str]) -> Any:
    """Return `value` without what refers to one of `to_come` or is empty then, None if all of it goes."""
    if isinstance(value, str):
        return None if to_come.intersection(references(value)) else value
    if isinstance(value, dict):
        kept = {name: item for name, part in value.items() if (item := without_references(part, to_come)) is not None}
        return kept or (None if value else value)
    if isinstance(value, list):
        items = [item for part in value if (item := without_references(part, to_come)) is not None]
        return items or (None if value else value)
    return value
