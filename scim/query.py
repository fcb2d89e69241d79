"""What a list is asked for: filter, page and projection (RFC 7644 §3.4.2), from the URL or from a SearchRequest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from scim.errors import ScimRefusal
from scim.filters import compile_filter
from scim.filters.attributes import AttributeMap
from scim.projection import Projection
from scim.schemas import LIST_URN

LAST_INDEX = 2**31


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A page of what meets `filter`: `count` resources from the 1-based `start_index` on."""

    filter: str
    start_index: int
    count: int
    projection: Projection

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "ListQuery":
        """Read the parameters. Raises a 400 `invalidValue` for a number that is none."""
        page_size = whole_number(params, "count", settings.SCIM_PAGE_SIZE)
        return cls(
            filter=text(params, "filter"),
            start_index=min(max(whole_number(params, "startIndex", 1), 1), LAST_INDEX),
            count=min(max(page_size, 0), settings.SCIM_PAGE_SIZE_MAX),
            projection=Projection.of(params.get("attributes"), params.get("excludedAttributes")),
        )

    def page(self, rows: QuerySet[Any], attributes: AttributeMap) -> tuple[int, list[dict[str, Any]]]:
        """Return the total and the page of `rows`, a queryset of `values()`.

        Rows come in the order of their ids, which is that of their creation. The total is counted only when the page
        itself does not tell it.
        """
        if self.filter:
            rows = rows.filter(compile_filter(self.filter, attributes))
        first = self.start_index - 1
        page = list(rows.order_by("id")[first : first + self.count]) if self.count else []
        if len(page) < self.count and (page or first == 0):
            return first + len(page), page
        return rows.count(), page

    def response(self, total: int, documents: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the ListResponse."""
        return {
            "schemas": [LIST_URN],
            "totalResults": total,
            "startIndex": self.start_index,
            "itemsPerPage": len(documents),
            "Resources": [self.projection.apply(document) for document in documents],
        }


def text(params: Mapping[str, Any], name: str) -> str:
    """Return the text of a parameter, empty if it is absent."""
    value = params.get(name) or ""
    if not isinstance(value, str):
        raise ScimRefusal(400, f"{name} must be a string.", "invalidValue")
    return value.strip()


def whole_number(params: Mapping[str, Any], name: str, default: int) -> int:
    """Return the whole number in a parameter, or `default` if it is absent."""
    value = params.get(name)
    if value is None or value == "":
        return default
    try:
        if (isinstance(value, str) and len(value) < 20) or (isinstance(value, int) and not isinstance(value, bool)):
            return int(value)
    except ValueError:
        pass
    raise ScimRefusal(400, f"{name} must be a whole number.", "invalidValue")
