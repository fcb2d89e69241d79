"""Ends somebody's access, whatever else the request says.

An identity provider that takes access away says so once: a refusal because of another attribute would leave the person
where they are. So whatever comes with `active: false` can't prevent it. A userName that can't be updated is left as it
is. If anything else in the request is refused, the deactivation alone is carried out.
"""

import re
from collections.abc import Iterator
from typing import Any

from scim.dialects import in_our_words
from scim.leniency import as_boolean, is_schema_of
from scim.schemas import USER_URN, FullUser

# Microsoft Entra frees the name of a deleted user by putting the object id, 32 hex digits, before it.
OBJECT_ID = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)


def user_name_to_keep(sent: str, current: str, *, active: bool | None) -> str:
    """Return the userName that a change means: the current one where it ends access or only says that Entra did."""
    is_marked = OBJECT_ID.fullmatch(sent[:32]) is not None and sent[32:].lower() == current.lower()
    return current if is_marked or active is False else sent


def ends_access(document: Any) -> bool:
    """Whether the last word of the body of a PUT or PATCH on `active` is false, in any form that it may come in."""
    return list(words_on_active(document))[-1:] == [False]


def words_on_active(document: Any) -> Iterator[Any]:
    """Yield what is said of `active`, in order.

    The attributes of a SCIM 1.1 PATCH stand in the body itself, as those of a PUT do.
    """
    if not isinstance(document, dict):
        return
    yield from among_attributes(document)
    for name, operations in document.items():
        if name.lower() == "operations" and isinstance(operations, list):
            for operation in operations:
                yield from in_operation(operation)


def in_operation(operation: Any) -> Iterator[Any]:
    """Yield what an operation of a PATCH sets `active` to."""
    if not isinstance(operation, dict):
        return
    parts = {name.lower(): value for name, value in operation.items()}
    path, value = parts.get("path") or "", parts.get("value")
    if str(parts.get("op")).lower() not in ("add", "replace") or not isinstance(path, str):
        return
    if path and not is_schema_of(path.strip(), FullUser):
        yield from among_attributes({path: value})
    else:
        for attributes in value if isinstance(value, list) else [value]:
            yield from among_attributes(attributes)


def among_attributes(attributes: Any) -> Iterator[Any]:
    """Yield what an object of attributes says of `active`, also under the URN of the User schema."""
    if not isinstance(attributes, dict):
        return
    for name, value in attributes.items():
        ours = in_our_words(name.strip(), FullUser).lower()
        if ours.removeprefix(f"{USER_URN.lower()}:") == "active":
            yield as_boolean(value)
        elif is_schema_of(ours, FullUser):
            yield from among_attributes(value)
