"""The URNs under which older connectors know our schemas, read as ours.

SCIM 1.1 called them `urn:scim:schemas:core:1.0` and `urn:scim:schemas:extension:enterprise:1.0`; drafts of 2.0, and
connectors written from them, use `2.0`, with or without `urn:ietf:params:` in front and `:User` behind. URNs are
matched in any case (RFC 8141 §2.2).
"""

import re
from functools import lru_cache
from typing import Any

from scim2_models import Resource

from scim.schemas import ENTERPRISE_URN

Model = type[Resource[Any]]

LONGEST_NAME = 1000
DIALECT = re.compile(
    r"urn:(?:ietf:params:)?scim:schemas:(?P<schema>core|extension:enterprise):[12]\.0"
    r"(?::(?P<type>User|Group))?(?::(?P<attribute>.+))?",
    re.IGNORECASE | re.DOTALL,
)


def in_our_words(name: str, model: Model) -> str:
    """Return a URN, or an attribute's name behind a URN, with the schema of `model` or its extension as we call it.

    What names neither is left as it is.
    """
    return translated(name, model) if name[:4].lower() == "urn:" and len(name) <= LONGEST_NAME else name


@lru_cache(maxsize=512)
def translated(name: str, model: Model) -> str:
    """Return what `in_our_words` returns for a URN that isn't too long to be remembered."""
    found = DIALECT.fullmatch(name)
    if found is None:
        return name
    core = str(model.__schema__)
    ours = core if found["schema"].lower() == "core" else ENTERPRISE_URN
    if ours != core and ours not in model.get_extension_models():
        return name
    if found["type"] and found["type"].lower() != ours.rpartition(":")[2].lower():
        return name
    return f"{ours}:{found['attribute']}" if found["attribute"] else ours


def schemas_in_our_words(schemas: Any, model: Model) -> Any:
    """Return the `schemas` of a resource, each as we call it; a single one may come without a list around it."""
    named = [schemas] if isinstance(schemas, str) else schemas
    if not isinstance(named, list):
        return schemas
    return [in_our_words(name, model) if isinstance(name, str) else name for name in named]
