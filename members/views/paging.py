"""Pages of a list that may be a million rows long: each begins after, or ends before, an id that the reader has seen.

Nothing is skipped over or counted, so the ten-thousandth page costs what the first one does. A list may come in parts,
each of which an index has in order: a database that is asked for a few rows of several parts at once may well read all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import F, Model, Q, QuerySet

from lib.matching import first_matches

PAGE_SIZE = 50

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, the newest first; `newer` and `older` say whether there are pages on either side."""

    rows: list[Row]
    newer: bool
    older: bool


def page_of(parts: Sequence[QuerySet[Row, Row]], condition: Q, query: Mapping[str, Any]) -> Page[Row]:
    """Return the page of those in all `parts` together who meet `condition`.

    `query` asks for the page `after` an id, `before` one, or the first.
    """
    if before := parse_id(query.get("before")):
        found = first_of([rows.filter(pk__gt=before) for rows in parts], condition, newest=False)
        return Page(found[PAGE_SIZE - 1 :: -1], newer=len(found) > PAGE_SIZE, older=True)
    after = parse_id(query.get("after"))
    if after:
        parts = [rows.filter(pk__lt=after) for rows in parts]
    found = first_of(parts, condition, newest=True)
    return Page(found[:PAGE_SIZE], newer=after is not None, older=len(found) > PAGE_SIZE)


def first_of(parts: Sequence[QuerySet[Row, Row]], condition: Q, *, newest: bool) -> list[Row]:
    """Return the first matches in `parts`: a page, and one more to see if another follows."""
    found = [row for rows in parts for row in matches_in(rows, condition, newest=newest)]
    return sorted(found, key=lambda row: row.pk, reverse=newest)[: PAGE_SIZE + 1]


def matches_in(rows: QuerySet[Row, Row], condition: Q, *, newest: bool) -> QuerySet[Row, Row]:
    """Return the first matches in one part; without a condition, an index has them in order."""
    if not condition:
        return rows.order_by("-pk" if newest else "pk")[: PAGE_SIZE + 1]
    order = F("pk").desc() if newest else F("pk").asc()
    found = first_matches(rows, condition, [order], 0, PAGE_SIZE + 1, counted=False)
    return rows.filter(pk__in=found.keys)


def parse_id(text: str | None) -> UUID | None:
    """Return the id that `text` spells, or None."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
