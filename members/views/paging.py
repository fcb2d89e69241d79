"""Pages of a list that may be a million rows long: each begins after, or ends before, an id that the reader has seen.

Nothing is skipped over or counted, so the ten-thousandth page costs what the first one does. A list may come in parts,
each of which an index has in order: a database that is asked for a few rows of several parts at once may well read all.
"""

from collections.abc import Mapping, Sequence
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


def page_of(parts: Sequence[QuerySet[Row, Row]], query: Mapping[str, Any]) -> Page[Row]:
    """Return the page of all `parts` together that `query` asks for: `after` an id, `before` one, or the first."""
    if before := parse_id(query.get("before")):
        found = first_of([rows.filter(pk__gt=before).order_by("pk") for rows in parts], newest=False)
        return Page(found[PAGE_SIZE - 1 :: -1], newer=len(found) > PAGE_SIZE, older=True)
    after = parse_id(query.get("after"))
    if after:
        parts = [rows.filter(pk__lt=after) for rows in parts]
    found = first_of([rows.order_by("-pk") for rows in parts], newest=True)
    return Page(found[:PAGE_SIZE], newer=after is not None, older=len(found) > PAGE_SIZE)


def first_of(parts: list[QuerySet[Row, Row]], *, newest: bool) -> list[Row]:
    """Return the first rows of `parts`, each of which is in order: a page, and one more to see if another follows."""
    found = [row for rows in parts for row in rows[: PAGE_SIZE + 1]]
    return sorted(found, key=lambda row: row.pk, reverse=newest)[: PAGE_SIZE + 1]


def parse_id(text: str | None) -> UUID | None:
    """Return the id that `text` spells, or None."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
