"""The ids in addresses: one spelling each, so that a resource has one address."""

from uuid import UUID

from api.problems import not_found


def parse_uuid(text: str) -> UUID | None:
    """Return the UUID that `text` spells in the usual form, in any case; else None."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None


def require_uuid(text: str) -> UUID:
    """Return the UUID that `text` spells. Raises the 404: what is no id is nobody's id."""
    parsed = parse_uuid(text)
    if parsed is None:
        raise not_found()
    return parsed
