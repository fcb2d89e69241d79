"""Pages of a list that may be a million rows long: each begins after, or ends before, an id that the reader has seen.

Nothing is skipped over or counted, so the ten-thousandth page costs what the first one does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

PAGE_SIZE = 50

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, the newest first; `newer` and `older` say whether there are pages on either side."""

    rows: list[Row]
    newer: bool
    older: bool


def page_of(rows: QuerySet[Row, Row], query: Mapping[str, Any]) -> Page[Row]:
    """Return the page of `rows` that `query` asks for: `after` an id, `before` one, or the first."""
    if before := parse_id(query.get("before")):
        found = list(rows.filter(pk__gt=before).order_by("pk")[: PAGE_SIZE + 1])
        return Page(found[PAGE_SIZE - 1 :: -1], newer=len(found) > PAGE_SIZE, older=True)
    after = parse_id(query.get("after"))
    if after:
        rows = rows.filter(pk__lt=after)
    found = list(rows.order_by("-pk")[: PAGE_SIZE + 1])
    return Page(found[:PAGE_SIZE], newer=after is not None, older=len(found) > PAGE_SIZE)


def parse_id(text: str | None) -> UUID | None:
    """Return the id that `text` spells, or None."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
