"""What identity providers get wrong, put right before anything is validated: decided here and nowhere else.

An attribute comes to where it belongs: Microsoft Entra sends `manager` without its schema, and custom attributes with
the schema before their names; older connectors call the schemas by other names (`scim.dialects`). Its value takes the
attribute's shape: OneLogin sends `emails` as one object, Entra a manager as a bare id or a list and a role as JSON in a
string. A value that fits no part of its attribute is refused here, where it would be lost. tests/scim/payloads holds
what each of them sends. What the resource models themselves tolerate is in `scim.schemas.POLICY`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from inspect import isclass
from typing import Any

from django.conf import settings
from scim2_models import (
    ComplexAttribute,
    Extension,
    InvalidPathException,
    InvalidValueException,
    Path,
    Resource,
    SCIMException,
)

from scim.dialects import in_our_words, schemas_in_our_words

Document = dict[str, Any]
Model = type[Resource[Any]]

JSON_IN_STRINGS = ("roles", "entitlements")

# Words for booleans, as the resource models read them too.
BOOLEANS = dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True)
BOOLEANS |= dict.fromkeys(("false", "f", "no", "n", "off", "0"), False)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a path leads to: one value or `many`, plain or `is_complex`, or all of an extension (`is_extension`).

    `has_value` says that a plain value stands for the `value` of a complex one, `unpacks` that it may be JSON in a
    string, `is_inside` that the path leads to a part of each value of a list.
    """

    many: bool = False
    is_complex: bool = False
    has_value: bool = False
    is_extension: bool = False
    is_boolean: bool = False
    is_inside: bool = False
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
    parts = target.model_fields if isclass(target) and issubclass(target, ComplexAttribute) else None
    return Shape(
        many=binding.is_multivalued and binding.sub_field_name is None and parsed.value_filter is None,
        is_complex=parts is not None,
        has_value=parts is not None and "value" in parts,
        is_boolean=target is bool,
        is_inside=binding.is_multivalued and binding.sub_field_name is not None and parsed.value_filter is None,
        unpacks=binding.field_name in JSON_IN_STRINGS,
    )


def conform(document: Document, model: Model) -> Document:
    """Return the attributes of a resource, each where it belongs and in its shape."""
    placed: Document = {}
    for name, value in document.items():
        if name.lower() == "schemas":
            placed[name] = schemas_in_our_words(value, model)
        else:
            place(placed, qualified(name, model), value, model)
    return placed


def place(placed: Document, name: str, value: Any, model: Model) -> None:
    """Put the attribute `name` into `placed`; the URN of a schema before it, or around it, says whose it is."""
    core = f"{model.__schema__}:"
    if name.lower().startswith(core.lower()):
        name = name[len(core) :]
    if name.lower() == str(model.__schema__).lower():
        for inner, item in attributes_in(value, name).items():
            place(placed, qualified(inner, model), item, model)
        return
    for urn in model.get_extension_models():
        inside: Document = {}
        if name.lower() == urn.lower():
            inside = attributes_in(value, name)
        elif name.lower().startswith(f"{urn.lower()}:"):
            inside = {name[len(urn) + 1 :]: value}
        else:
            continue
        placed.setdefault(urn, {})
        placed[urn] |= {inner: shaped(item, model, f"{urn}:{inner}") for inner, item in inside.items()}
        return
    placed[name] = shaped(value, model, name)


def attributes_in(value: Any, urn: str) -> Document:
    """Return the attributes under the URN of a schema. Raises InvalidValueException for what is no object."""
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise InvalidValueException(detail=f"{urn} is a schema: send an object with its attributes.")
    return value


@lru_cache(maxsize=512)
def qualified(path: str, model: Model) -> str:
    """Return `path` with the URN of an extension before it, if only that extension knows what it names."""
    if path.lower().startswith("urn:"):
        return in_our_words(path, model)
    if len(path) > LONGEST_PATH or is_known(path, model):
        return path
    owners = [urn for urn in model.get_extension_models() if is_known(f"{urn}:{path}", model)]
    return f"{owners[0]}:{path}" if owners else path


def without_needless_filter(path: str, model: Model) -> str:
    """Return `path` without a filter on an attribute that has one value only: Entra's `manager[value eq "…"]`."""
    attribute, bracket, rest = path.partition("[")
    attribute = qualified(attribute, model)
    if not bracket:
        return path
    shape = shape_of(model, attribute)
    return attribute + rest.rpartition("]")[2] if shape.is_complex and not shape.many else path


def is_known(path: str, model: Model) -> bool:
    """Whether `path` names something in `model`."""
    try:
        return Path[model](path).resolve() is not None  # type: ignore[valid-type]
    except SCIMException:
        return False


def shaped(value: Any, model: Model, path: str) -> Any:
    """Return `value` in the shape of what `path` names. Raises InvalidValueException for one that would be lost."""
    if len(path) > LONGEST_PATH:
        return value
    shape = shape_of(model, path)
    if shape.is_extension:
        is_object = isinstance(value, dict)
        return {name: shaped(item, model, f"{path}:{name}") for name, item in value.items()} if is_object else value
    if value is None or (shape == PLAIN):
        return value
    if shape.many:
        entries = value if isinstance(value, list) else [value]
        check_values(path, entries)
        return with_one_primary([entry_of(item, shape, path) for item in entries])
    if shape.is_complex:
        single = only_one(value, path)
        return None if single in ("", []) else entry_of(single, shape, path)
    if shape.is_boolean:
        return as_boolean(value)
    return unpacked({"value": value})["value"] if shape.unpacks else value


def check_values(path: str, values: list[Any], before: Sequence[Any] = ()) -> None:
    """Raise InvalidValueException for more than `SCIM_VALUES_LIMIT` values, unless there were as many `before`."""
    limit = settings.SCIM_VALUES_LIMIT
    if limit and len(values) > max(limit, len(before)):
        raise InvalidValueException(detail=f"{path[:100]} has {len(values)} values; send {limit} at most.")


def only_one(value: Any, path: str) -> Any:
    """Return a single value, which may come in a list. Raises InvalidValueException for several."""
    if not isinstance(value, list) or not value:
        return value
    if len(value) > 1:
        raise InvalidValueException(detail=f"{path[:100]} has one value, not {len(value)}.")
    return value[0]


def entry_of(item: Any, shape: Shape, path: str) -> Any:
    """Return one value of a complex attribute: a plain one becomes its `value`.

    Raises InvalidValueException for a plain one where the attribute is all parts and has no `value`.
    """
    if not shape.is_complex:
        return item
    if isinstance(item, str) and item and not shape.has_value:
        raise InvalidValueException(detail=f"{path[:100]} has several parts: send an object that names them.")
    entry = {"value": item} if isinstance(item, str) else item
    return unpacked(entry) if shape.unpacks and isinstance(entry, dict) else entry


def as_boolean(value: Any) -> Any:
    """Return the boolean that `value` is a word for, alone in a list or in an object's `value`; else `value`."""
    inner = value
    if isinstance(inner, list) and len(inner) == 1:
        inner = inner[0]
    if isinstance(inner, dict) and len(inner) == 1:
        ((name, item),) = inner.items()
        inner = item if name.lower() == "value" else inner
    return BOOLEANS.get(str(inner).strip().lower(), value) if isinstance(inner, (str, int)) else value


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

    An empty path, or the URN of the resource's own schema, is none. A value without a path may have paths into a list
    as its names, as Entra sends them (`emails[type eq "work"].value`): each becomes an operation of its own. A remove
    takes what its path leads to; the old value that Entra sends beside it says something only where the path is a whole
    list.
    """
    parts = {name.lower(): value for name, value in operation.items()}
    path, value = parts.get("path"), parts.get("value")
    if isinstance(path, str) and path:
        check_path(path)
        path = parts["path"] = qualified(without_needless_filter(path, model), model)
    if path in (None, "") or is_schema_of(path, model):
        parts.pop("path", None)
        yield from conform_attributes(parts, value, model)
        return
    if isinstance(path, str) and "value" in parts:
        if str(parts.get("op")).lower() == "remove":
            select(parts, shape_of(model, path))
        else:
            parts["value"] = shaped(value, model, path)
    yield parts


def check_path(path: str) -> None:
    """Raise InvalidPathException for a path that is longer than any that means something."""
    if len(path) > LONGEST_PATH:
        raise InvalidPathException(detail=f"A path is longer than {LONGEST_PATH} characters.")


def conform_attributes(parts: Document, value: Any, model: Model) -> Iterator[Document]:
    """Yield what an operation without a path means: its `value` names the attributes, and may come in a list."""
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if not isinstance(value, dict):
        yield parts
        return
    named = dict(attributes_by_path(value, model))
    for name in named:
        check_path(name)
    into_lists = {name: item for name, item in named.items() if leads_into_a_list(name, model)}
    whole = {name: item for name, item in named.items() if name not in into_lists}
    if whole or not into_lists:
        yield parts | {"value": {name: shaped(item, model, name) for name, item in whole.items()}}
    for name, item in into_lists.items():
        yield parts | {"path": name, "value": shaped(item, model, name)}


def attributes_by_path(value: Document, model: Model) -> Iterator[tuple[str, Any]]:
    """Yield the names and values in an object, those under the URN of the resource's own schema too."""
    for name, item in value.items():
        path = qualified(name, model)
        if is_schema_of(path, model):
            yield from attributes_by_path(attributes_in(item, name), model)
        else:
            yield path, item


def is_schema_of(path: Any, model: Model) -> bool:
    """Whether `path` is the URN of the resource's own schema."""
    return isinstance(path, str) and in_our_words(path, model).lower() == str(model.__schema__).lower()


def leads_into_a_list(path: str, model: Model) -> bool:
    """Whether `path` leads to values of an attribute that has several, or to a part of them."""
    return "[" in path or ("." in path and shape_of(model, path).is_inside)


def select(remove: Document, shape: Shape) -> None:
    """Leave in a remove the values that it selects: those of a whole list, as they were sent, else none."""
    value = remove.pop("value")
    if shape.many and value is not None:
        remove["value"] = [entry_of(item, shape, "value") for item in (value if isinstance(value, list) else [value])]
