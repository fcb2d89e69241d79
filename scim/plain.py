"""What identity providers send nearly always: Users of plain values, which are taken as they are.

The resource models take a millisecond or two to validate a User, as long as all the rest of a write. They judge and
mend what is unusual: other spellings of a name, nulls and empty strings, values of another type, what is read only,
references, roles. A document without anything unusual says the same before as after, so it skips them. Whatever is not
plain goes to the models, whole; tests/scim/test_plain.py sends the same to both.
"""

from typing import Any

from scim.schemas import ENTERPRISE_URN, PATCH_URN, USER_URN

Document = dict[str, Any]

# Attributes whose values are strings of any kind, in the order in which the models have them; userType apart, which
# is a role's name and part of a User, but is left to the models in a PATCH.
NAME_PARTS = ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
STRINGS = ("externalId", "userName", "displayName", "nickName", "title", "preferredLanguage", "locale", "timezone")
ENTERPRISE = ("employeeNumber", "costCenter", "organization", "division", "department")
ENTRY_TYPES = {
    "emails": {"work", "home", "other"},
    "phoneNumbers": {"work", "home", "mobile", "fax", "pager", "other"},
}
ATTRIBUTES = {"schemas", "name", "userType", "active", ENTERPRISE_URN, *STRINGS, *ENTRY_TYPES}

BOOLEANS = {"true": True, "false": False}
PATHS = {
    **{name: (name, "") for name in STRINGS if name != "userName"},
    **{f"name.{part}": ("name", part) for part in NAME_PARTS},
}


def plain_user(document: Document) -> Document | None:
    """Return what the models would make of a User that is POSTed or PUT, None if that is for them to say."""
    if not document.keys() <= ATTRIBUTES or "userName" not in document:
        return None
    extension = document.get(ENTERPRISE_URN)
    expected = [USER_URN] if extension is None else [USER_URN, ENTERPRISE_URN]
    if document.get("schemas") != expected:
        return None
    user: Document = {}
    for name, value in document.items():
        if name in ENTRY_TYPES:
            is_plain = are_entries(value, ENTRY_TYPES[name])
        elif name == "name":
            is_plain = are_strings(value, NAME_PARTS)
        elif name == ENTERPRISE_URN:
            is_plain = are_strings(value, ENTERPRISE)
        elif name == "active":
            is_plain = isinstance(value, bool)
        elif name == "schemas":
            continue
        else:
            is_plain = is_text(value)
        if not is_plain:
            return None
        user[name] = value
    return user


def plain_changes(document: Document) -> list[tuple[str, str, Any]] | None:
    """Return what a PATCH of a User sets: attribute, sub-attribute or "", and value; None if the models are to tell."""
    if document.keys() != {"schemas", "Operations"} or document["schemas"] != [PATCH_URN]:
        return None
    changes = []
    for operation in document["Operations"]:
        op, path, value = operation.get("op"), operation.get("path"), operation.get("value")
        if not isinstance(op, str) or op.lower() not in ("add", "replace"):
            return None
        if len(operation) == 3 and isinstance(path, str):
            values = {path: value}
        elif operation.keys() == {"op", "value"} and isinstance(value, dict) and value:
            values = value
        else:
            return None
        for path, value in values.items():
            if path == "active" and isinstance(value, (bool, str)):
                value = value if isinstance(value, bool) else BOOLEANS.get(value.lower())
                if value is None:
                    return None
                changes.append(("active", "", value))
            elif path in PATHS and is_text(value):
                changes.append((*PATHS[path], value))
            else:
                return None
    return changes


def changed(user: Document, changes: list[tuple[str, str, Any]]) -> Document:
    """Return `user` with `changes`; it stays as it is."""
    user = dict(user)
    for name, part, value in changes:
        user[name] = (user.get(name) or {}) | {part: value} if part else value
    return user


def is_text(value: Any) -> bool:
    """Whether this is a string that says something."""
    return isinstance(value, str) and bool(value)


def are_strings(value: Any, names: tuple[str, ...]) -> bool:
    """Whether this is an object with strings under some of these names."""
    return isinstance(value, dict) and bool(value) and all(name in names and is_text(value[name]) for name in value)


def are_entries(value: Any, types: set[str]) -> bool:
    """Whether these are values of an attribute that has several, one of them primary at most."""
    if not isinstance(value, list) or not value:
        return False
    primary = 0
    for entry in value:
        if not isinstance(entry, dict) or not is_text(entry.get("value")):
            return False
        for name, item in entry.items():
            if name == "primary":
                is_plain = isinstance(item, bool)
                primary += item is True
            elif name == "type":
                is_plain = isinstance(item, str) and item in types
            else:
                is_plain = name in ("value", "display") and is_text(item)
            if not is_plain:
                return False
    return primary <= 1
