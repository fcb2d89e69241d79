"""What identity providers send nearly always: Users of plain values, which are taken as they are.

The resource models take a millisecond or two to validate a User, as long as all the rest of a write. They judge and
mend what is unusual: other spellings of a name, nulls and empty strings, values of another type, what is read only,
references, roles. A document without anything unusual says the same before as after, so it skips them. Whatever is not
plain goes to the models, whole; tests/scim/test_plain.py sends the same to both.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from scim.schemas import ENTERPRISE_URN, PATCH_URN, USER_URN

Document = dict[str, Any]
# An attribute, a sub-attribute or "", and the value to set.
Change = tuple[str, str, Any]

STRINGS = ("externalId", "userName", "displayName", "nickName", "title", "preferredLanguage", "locale", "timezone")
NAME_PARTS = ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
ENTERPRISE = ("employeeNumber", "costCenter", "organization", "division", "department")
ENTRY_TYPES = {
    "emails": {"work", "home", "other"},
    "phoneNumbers": {"work", "home", "mobile", "fax", "pager", "other"},
}
# More are left to `scim.leniency`, which knows the limit.
MOST_VALUES = 20
BOOLEANS = {"true": True, "false": False}


def is_text(value: Any) -> bool:
    """Whether this is a string that says something."""
    return isinstance(value, str) and value != ""


def is_boolean(value: Any) -> bool:
    """Whether this is true or false, and not a word for it."""
    return isinstance(value, bool)


def are_texts(names: tuple[str, ...], value: Any) -> bool:
    """Whether this is an object with strings under some of these names."""
    return isinstance(value, dict) and value != {} and all(name in names and is_text(value[name]) for name in value)


def are_entries(types: set[str], value: Any) -> bool:
    """Whether these are values of an attribute that has several, at most one of them primary."""
    return (
        isinstance(value, list)
        and value != []
        and len(value) <= MOST_VALUES
        and all(is_entry(types, entry) for entry in value)
        and sum(entry.get("primary", False) for entry in value) <= 1
    )


def is_entry(types: set[str], entry: Any) -> bool:
    """Whether this is one value of such an attribute."""
    return (
        isinstance(entry, dict)
        and "value" in entry
        and entry.keys() <= {"value", "display", "type", "primary"}
        and is_text(entry["value"])
        and is_text(entry.get("display", "-"))
        and is_boolean(entry.get("primary", False))
        and ("type" not in entry or (isinstance(entry["type"], str) and entry["type"] in types))
    )


# What makes the value of an attribute plain. A PATCH of userType is left to the models, which tell whether it is gone.
CHECKS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys([*STRINGS, "userType"], is_text),
    **{name: partial(are_entries, types) for name, types in ENTRY_TYPES.items()},
    "name": partial(are_texts, NAME_PARTS),
    "active": is_boolean,
    ENTERPRISE_URN: partial(are_texts, ENTERPRISE),
}
PATHS = {
    **{name: (name, "") for name in STRINGS if name != "userName"},
    **{f"name.{part}": ("name", part) for part in NAME_PARTS},
}


def plain_user(document: Document) -> Document | None:
    """Return what the models would make of a User that is POSTed or PUT, None if that is for them to say."""
    user = {name: value for name, value in document.items() if name != "schemas"}
    expected = [USER_URN, ENTERPRISE_URN] if ENTERPRISE_URN in user else [USER_URN]
    is_plain = (
        "userName" in user
        and document.get("schemas") == expected
        and all(name in CHECKS and CHECKS[name](value) for name, value in user.items())
    )
    return user if is_plain else None


def plain_changes(document: Document) -> list[Change] | None:
    """Return what a PATCH of a User sets, None if that is for the models to say."""
    if document.keys() != {"schemas", "Operations"} or document["schemas"] != [PATCH_URN]:
        return None
    found = [change for operation in document["Operations"] for change in changes_of(operation)]
    return None if None in found else [change for change in found if change]


def changes_of(operation: Document) -> Iterator[Change | None]:
    """Yield what an operation sets, None for what isn't plain."""
    op, path, value = operation.get("op"), operation.get("path"), operation.get("value")
    if not isinstance(op, str) or op.lower() not in ("add", "replace"):
        yield None
    elif operation.keys() == {"op", "path", "value"} and isinstance(path, str):
        yield change_of(path, value)
    elif operation.keys() == {"op", "value"} and isinstance(value, dict) and value:
        yield from (change_of(name, item) for name, item in value.items())
    else:
        yield None


def change_of(path: str, value: Any) -> Change | None:
    """Return what it means to set this path to this value; Entra sends booleans as words."""
    if path == "active":
        active = BOOLEANS.get(value.lower()) if isinstance(value, str) else value
        return (path, "", active) if is_boolean(active) else None
    return (*PATHS[path], value) if path in PATHS and is_text(value) else None


def changed(user: Document, changes: list[Change]) -> Document:
    """Return `user` with `changes`; it stays as it is."""
    user = dict(user)
    for name, part, value in changes:
        user[name] = (user.get(name) or {}) | {part: value} if part else value
    return user
