"""What identity providers get wrong, put right before anything is validated: decided here and nowhere else.

An attribute comes to where it belongs: Microsoft Entra sends `manager` without its schema, and custom attributes with
the schema before their names. Its value takes the attribute's shape: OneLogin sends `emails` as one object, Entra a
manager as a bare id or a list and a role as JSON in a string. tests/scim/payloads holds what each of them sends. What
the resource models themselves tolerate is in `scim.schemas.POLICY`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from inspect import isclass
from typing import Any

from scim2_models import ComplexAttribute, Extension, Path, Resource, SCIMException

Document = dict[str, Any]
Model = type[Resource[Any]]

JSON_IN_STRINGS = ("roles", "entitlements")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a path leads to: one value or `many`, plain or `is_complex`, or all of an extension (`is_extension`).

    `unpacks` says that a value may be JSON in a string.
    """

    many: bool = False
    is_complex: bool = False
    is_extension: bool = False
    unpacks: bool = False


PLAIN = Shape()
LONGEST_PATH = 1000


@lru_cache(maxsize=512)
def shape_of(model: Model, path: str) -> Shape:
    """Return the shape of what `path` names in `model`; what names nothing is left for validation to judge."""
    try:
        parsed = Path[model](path)  # type: ignore[valid-type]
        owner, binding = parsed.model, parsed.resolve()
    except SCIMException:
        return PLAIN
    if owner is not None and issubclass(owner, Extension):
        return Shape(is_extension=True)
    if binding is None:
        return PLAIN
    target = binding.target_type
    return Shape(
        many=binding.is_multivalued and binding.sub_field_name is None and parsed.value_filter is None,
        is_complex=isclass(target) and issubclass(target, ComplexAttribute),
        unpacks=binding.field_name in JSON_IN_STRINGS,
    )


def conform(document: Document, model: Model) -> Document:
    """Return the attributes of a resource, each where it belongs and in its shape."""
    placed: Document = {}
    for name, value in document.items():
        place(placed, qualified(name, model), value, model)
    return placed


def place(placed: Document, name: str, value: Any, model: Model) -> None:
    """Put the attribute `name` into `placed`; the URN of a schema before it, or around it, says whose it is."""
    core = f"{model.__schema__}:"
    if name.lower().startswith(core.lower()):
        name = name[len(core) :]
    if name.lower() == str(model.__schema__).lower() and isinstance(value, dict):
        for inner, item in value.items():
            place(placed, inner, item, model)
        return
    for urn in model.get_extension_models():
        inside: Document = {}
        if name.lower() == urn.lower() and isinstance(value, dict):
            inside = value
        elif name.lower().startswith(f"{urn.lower()}:"):
            inside = {name[len(urn) + 1 :]: value}
        else:
            continue
        # What stands there already may be null, or no object at all.
        before = placed.get(urn)
        shaped_inside = {inner: shaped(item, model, f"{urn}:{inner}") for inner, item in inside.items()}
        placed[urn] = (before if isinstance(before, dict) else {}) | shaped_inside
        return
    placed[name] = shaped(value, model, name)


@lru_cache(maxsize=512)
def qualified(path: str, model: Model) -> str:
    """Return `path` with the URN of an extension before it, if only that extension knows what it names."""
    if len(path) > LONGEST_PATH or path.lower().startswith("urn:") or is_known(path, model):
        return path
    owners = [urn for urn in model.get_extension_models() if is_known(f"{urn}:{path}", model)]
    return f"{owners[0]}:{path}" if owners else path


def without_needless_filter(path: str, model: Model) -> str:
    """Return `path` without a filter on an attribute that has one value only: Entra's `manager[value eq "…"]`."""
    attribute, bracket, rest = path.partition("[")
    attribute = qualified(attribute, model)
    if not bracket or len(path) > LONGEST_PATH or shape_of(model, attribute) != Shape(is_complex=True):
        return path
    return attribute + rest.rpartition("]")[2]


def is_known(path: str, model: Model) -> bool:
    """Whether `path` names something in `model`."""
    try:
        return Path[model](path).resolve() is not None  # type: ignore[valid-type]
    except SCIMException:
        return False


def shaped(value: Any, model: Model, path: str) -> Any:
    """Return `value` in the shape of what `path` names."""
    if len(path) > LONGEST_PATH:
        return value
    shape = shape_of(model, path)
    if shape.is_extension:
        is_object = isinstance(value, dict)
        return {name: shaped(item, model, f"{path}:{name}") for name, item in value.items()} if is_object else value
    if value is None or (shape == PLAIN):
        return value
    if shape.many:
        return with_one_primary([entry_of(item, shape) for item in (value if isinstance(value, list) else [value])])
    if shape.is_complex:
        single = value[0] if isinstance(value, list) and value else value
        return None if single in ("", []) else entry_of(single, shape)
    return unpacked({"value": value})["value"] if shape.unpacks else value


def entry_of(item: Any, shape: Shape) -> Any:
    """Return one value of a complex attribute: a plain one becomes its `value`."""
    if not shape.is_complex:
        return item
    entry = {"value": item} if isinstance(item, str) else item
    return unpacked(entry) if shape.unpacks and isinstance(entry, dict) else entry


def with_one_primary(entries: list[Any]) -> list[Any]:
    """Return the values of an attribute, of which only the first that is primary stays so (RFC 7643 §2.4).

    PingFederate marks two when two mapped addresses are the same one.
    """
    found = False
    for number, entry in enumerate(entries):
        if isinstance(entry, dict) and str(entry.get("primary")).lower() == "true":
            if found:
                entries[number] = entry | {"primary": False}
            found = True
    return entries


def unpacked(entry: Document) -> Document:
    """Return an app role of Entra's as RFC 7643 has it.

    Its name is in `displayName`; a PATCH has both in a JSON object in a string (AppRoleAssignmentsComplex).
    """
    text, inside = entry.get("value"), {}
    if isinstance(text, str) and text.lstrip().startswith("{"):
        try:
            inside = json.loads(text)
        except (ValueError, RecursionError):
            return entry
    if not isinstance(inside, dict):
        return entry
    display = inside.get("displayName") or entry.get("displayName")
    found = {"value": inside.get("value") or inside.get("id"), "display": entry.get("display") or display}
    return entry | {name: item for name, item in found.items() if isinstance(item, str)}


def conform_operations(operations: list[Document], model: Model) -> list[Document]:
    """Return the operations of a PATCH, each with its value in the shape of what it is written to."""
    return [conformed for operation in operations for conformed in conform_operation(operation, model)]


def conform_operation(operation: Document, model: Model) -> Iterator[Document]:
    """Yield what `operation` means.

    An empty path is none. A value without a path may have filtered paths as its names, as Entra sends them
    (`emails[type eq "work"].value`): each becomes an operation of its own. A remove takes what its path leads to; the
    old value that Entra sends beside it says something only where the path is a whole list.
    """
    parts = {name.lower(): value for name, value in operation.items()}
    path, value = parts.get("path"), parts.get("value")
    if path == "":
        del parts["path"]
    if path not in (None, ""):
        if isinstance(path, str):
            path = parts["path"] = qualified(without_needless_filter(path, model), model)
            if "value" in parts and str(parts.get("op")).lower() == "remove":
                select(parts, shape_of(model, path[:LONGEST_PATH]))
            elif "value" in parts:
                parts["value"] = shaped(value, model, path)
        yield parts
    elif isinstance(value, dict):
        filtered = {name: item for name, item in value.items() if "[" in name}
        plain = {qualified(name, model): item for name, item in value.items() if name not in filtered}
        if plain or not filtered:
            yield parts | {"value": {name: shaped(item, model, name) for name, item in plain.items()}}
        for name, item in filtered.items():
            yield parts | {"path": name, "value": shaped(item, model, name)}
    else:
        yield parts


def select(remove: Document, shape: Shape) -> None:
    """Leave in a remove the values that it selects: those of a whole list, as they were sent, else none."""
    value = remove.pop("value")
    if shape.many and value is not None:
        remove["value"] = [entry_of(item, shape) for item in (value if isinstance(value, list) else [value])]
