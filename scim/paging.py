"""Lists: what meets a filter, in order, a page at a time, of one resource type or of all of them at once.

One resource type is one query. Several (the search at the root, RFC 7644 §3.4.2.1) are a UNION of their ids and sort
keys, from which the page is taken; only its rows are read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db.models import F, Q, QuerySet, Value
from django.db.models.lookups import GreaterThan, LessThan
from orjson import Fragment

from lib.matching import first_matches, row_comparison
from scim.cursor import Cursor, scope_of
from scim.filters import EVERYTHING, compile_filter
from scim.filters.attributes import AttributeMap
from scim.projection import Projection
from scim.query import ListQuery
from scim.schemas import LIST_URN
from scim.sorting import KEY

Row = dict[str, Any]
Document = dict[str, Any]

RESOURCE_ID = "resource_id"
SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Source:
    """The resources of one type that a list draws from.

    `rows` is a queryset of `values()` with the columns that `documents` makes resources of; where those would be far
    larger than a page may be, it makes only the first of them. `resources` are the same
    without columns: to count them or to skip some, nobody needs their roles and groups. `id_column` holds their ids,
    which are in the order of their creation. `count` returns how many there are, if that is known without counting.
    """

    attributes: AttributeMap
    resources: QuerySet[Any, Any]
    rows: QuerySet[Any, Row]
    id_column: str
    documents: Callable[[list[Row], Projection], list[Document]]
    count: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """The order of `rows`: by the sort key if there is one, then by id."""

    id_column: str
    keyed: bool
    descending: bool

    def columns(self) -> list[Any]:
        """Return what to order by."""
        if self.descending:
            return [*([F(KEY).desc(nulls_first=True)] if self.keyed else []), F(self.id_column).desc()]
        return [*([F(KEY).asc(nulls_last=True)] if self.keyed else []), F(self.id_column).asc()]

    def behind(self, key: Any, identifier: UUID) -> list[Q]:
        """Return the conditions for the rows that follow the one with this key and id.

        There are two where resources with and without a key follow. Their rows are to be read one after the other: for
        each of them alone, PostgreSQL enters an index at the right place.
        """
        sign, follows = ("<", LessThan) if self.descending else (">", GreaterThan)
        later = Q(follows(F(self.id_column), Value(identifier)))
        if not self.keyed:
            return [later]
        with_key, without_key = Q(**{f"{KEY}__isnull": False}), Q(**{f"{KEY}__isnull": True})
        if key is None:
            return [later & without_key, with_key] if self.descending else [later & without_key]
        among_keys = Q(row_comparison([F(KEY), F(self.id_column)], sign, [Value(key), Value(identifier)]))
        return [among_keys] if self.descending else [among_keys, without_key]


class Listing:
    """What `query` finds in `sources`; `scope` tells one list from another, so that a cursor is good for one."""

    def __init__(self, query: ListQuery, sources: list[Source], *scope: Any) -> None:
        self.query = query
        self.sources = sources
        self.scope = scope_of(*scope, query.filter, query.sort)
        maps = [source.attributes for source in sources]
        self.keys = query.sort.keys(maps) if query.sort.by else []
        self.filters = [
            compile_filter(query.filter, each, also=(*maps[:number], *maps[number + 1 :]))
            if query.filter
            else EVERYTHING
            for number, each in enumerate(maps)
        ]

    def _keyed(self, number: int, resources: Any) -> Any:
        """Return a source's resources or rows with the key that they are sorted by."""
        if not self.keys:
            return resources
        key = self.keys[number]
        return resources.filter(key.among).annotate(**{KEY: key.expression})

    def _meeting(self, number: int, resources: Any) -> Any:
        """Return those of a source's resources or rows that meet the filter, with the key that they are sorted by."""
        return self._keyed(number, resources.filter(self.filters[number].condition))

    def response(self) -> Document:
        """Return the ListResponse."""
        answer = self._page() if self.query.cursor is None else self._page_by_cursor(self.query.cursor)
        return list_response(**answer)

    def _page(self) -> Document:
        """Return the page from `startIndex` on. The total is counted only if reading the page does not tell it."""
        first, count = self.query.start_index - 1, self.query.count
        descending = self.query.sort.descending
        page, total = self._stretch(Q(), first, count, descending=descending) if count else ([], None)
        if total is None:
            complete = len(page) < count and (page or first == 0)
            total = first + len(page) if complete else self._total()
        _, documents = self._fitting(page)
        return {"totalResults": total, "startIndex": first + 1, **list_of(documents)}

    def _page_by_cursor(self, text: str) -> Document:
        """Return the page at a cursor. The first page counts the total, and cursors carry it to the others.

        One row more than the page holds is read, to see whether there is another page.
        """
        count = self.query.count
        cursor = Cursor.read(text, self.scope) if text else None
        backward = cursor is not None and cursor.backward
        descending = self.query.sort.descending != backward
        rows: list[Row] = []
        total: int | None = None
        if cursor is None:
            rows, total = self._stretch(Q(), 0, count + 1, descending=descending) if count else ([], None)
        elif count:
            rows, total = self._behind(cursor, count + 1, descending=descending), cursor.total
        page, documents = self._fitting(rows[:count])
        more = len(rows) > len(page)
        if backward:
            page.reverse()
            documents.reverse()
        if total is None:
            total = self._total()
        answer = {"totalResults": total, **list_of(documents)}
        if page and (more or backward):
            answer["nextCursor"] = self._cursor(page[-1], total, backward=False)
        if page and (more if backward else cursor is not None):
            answer["previousCursor"] = self._cursor(page[0], total, backward=True)
        return answer

    def _behind(self, cursor: Cursor, count: int, *, descending: bool) -> list[Row]:
        """Return `count` rows behind the place of a cursor."""
        key = cursor.key
        if key is not None and self.keys:
            key = self.keys[0].expression.output_field.to_python(key)
        rows: list[Row] = []
        for condition in self._order(self._place_column(), descending=descending).behind(key, cursor.id):
            if len(rows) < count:
                rows += self._stretch(condition, 0, count - len(rows), descending=descending)[0]
        return rows

    def _stretch(self, condition: Q, first: int, count: int, *, descending: bool) -> tuple[list[Row], int | None]:
        """Return `count` rows from the one at `first` on, of those that meet a condition on their place in the order.

        Also return how many there are in all, if that came along.
        """
        if len(self.sources) > 1:
            return list(self._union(condition, descending=descending)[first : first + count]), None
        source, compiled = self.sources[0], self.filters[0]
        order = self._order(self._place_column(), descending=descending).columns()
        rows = self._meeting(0, source.rows).filter(condition).order_by(*order)
        if not self.query.filter or compiled.finds_few:
            if first == 0:
                return list(rows[:count]), None
            return list(rows.filter(pk__in=self._skipping(first, count, descending=descending))), None
        places = self._keyed(0, source.resources).filter(condition)
        found = first_matches(places, compiled.condition, order, first, count, counted=not condition)
        return list(rows.filter(pk__in=found.keys)) if found.keys else [], found.total

    def _skipping(self, first: int, count: int, *, descending: bool) -> Any:
        """Return the ids of a page of the only source, from the one at `first` on, of a list that needs no search.

        To skip rows the database reads them, so what it skips are ids alone: mostly an index.
        """
        places = self.keys[0].places if self.keys and not self.query.filter else None
        if places is None:
            order = self._order(self._place_column(), descending=descending)
            skipped, column = self._meeting(0, self.sources[0].resources), "pk"
        else:
            order, skipped, column = self._order("member_id", descending=descending), places, "member_id"
        return skipped.order_by(*order.columns()).values(column)[first : first + count]

    def _total(self) -> int:
        """Return how many resources there are."""
        return sum(self._count(number, source) for number, source in enumerate(self.sources))

    def _count(self, number: int, source: Source) -> int:
        if source.count and not self.query.filter:
            return source.count()
        return int(self._meeting(number, source.resources).count())

    def _place_column(self) -> str:
        """Return the column of ids that stands beside the sort key."""
        if len(self.sources) > 1:
            return RESOURCE_ID
        return (self.keys[0].id_column if self.keys else "") or self.sources[0].id_column

    def _order(self, id_column: str, *, descending: bool) -> Order:
        return Order(id_column, bool(self.keys), descending)

    def _union(self, condition: Q, *, descending: bool) -> Any:
        """Return the ids and sort keys of what several sources have, in order."""
        named = (SOURCE, RESOURCE_ID, *([KEY] if self.keys else []))
        branches = [
            self._meeting(number, source.rows)
            .annotate(**{SOURCE: Value(number), RESOURCE_ID: F(source.id_column)})
            .filter(condition)
            .order_by()
            .values(*named)
            for number, source in enumerate(self.sources)
        ]
        union = branches[0].union(*branches[1:], all=True)
        return union.order_by(*self._order(RESOURCE_ID, descending=descending).columns())

    def _fitting(self, rows: list[Row]) -> tuple[list[Row], list[Fragment]]:
        """Return the rows whose resources fit on a page of `SCIM_PAGE_BYTES`, and those resources as they are sent.

        The first always fits: a client that asks for what follows has to get somewhere.
        """
        found = self._documents(rows)
        documents: list[Fragment] = []
        size = 0
        for number, document in enumerate(found):
            if document is None:
                continue
            text = orjson.dumps(self.query.projection.apply(document))
            size += len(text)
            if documents and 0 < settings.SCIM_PAGE_BYTES < size:
                return rows[:number], documents
            documents.append(Fragment(text))
        return rows[: len(found)], documents

    def _documents(self, page: list[Row]) -> list[Document | None]:
        """Return the resources in `page`, or the first of them; None stands for one that was removed meanwhile.

        Those of several sources are read by their ids.
        """
        if len(self.sources) == 1:
            return list(self.sources[0].documents(page, self.query.projection))
        by_id: dict[UUID, Document | None] = {row[RESOURCE_ID]: None for row in page}
        for number, source in enumerate(self.sources):
            if ids := [row[RESOURCE_ID] for row in page if row[SOURCE] == number]:
                there = {row[source.id_column]: row for row in source.rows.filter(**{f"{source.id_column}__in": ids})}
                rows = [there[identifier] for identifier in ids if identifier in there]
                documents = source.documents(rows, self.query.projection)
                for row in rows[len(documents) :]:
                    del by_id[row[source.id_column]]
                by_id |= {row[source.id_column]: document for row, document in zip(rows, documents, strict=False)}
        return [by_id[row[RESOURCE_ID]] for row in takewhile(lambda row: row[RESOURCE_ID] in by_id, page)]

    def _cursor(self, row: Row, total: int, *, backward: bool) -> str:
        name = RESOURCE_ID if len(self.sources) > 1 else self.sources[0].id_column
        return Cursor(row.get(KEY), row[name], backward, total).text(self.scope)


def whole_list(query: ListQuery, documents: list[Document]) -> Document:
    """Return the ListResponse to `query` if `documents` are all that it finds, and fit on its first page."""
    projected = [query.projection.apply(document) for document in documents]
    return list_response(totalResults=len(documents), startIndex=1, **list_of(projected))


def list_response(**answer: Any) -> Document:
    """Return a ListResponse."""
    return {"schemas": [LIST_URN], **answer}


def list_of(documents: Sequence[Document | Fragment]) -> Document:
    """Return the part of a ListResponse that holds the resources."""
    return {"itemsPerPage": len(documents), "Resources": documents}
