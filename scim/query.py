"""What a list is asked for (RFC 7644 §3.4.2, RFC 9865): filter, order, page and projection.

The parameters come in the URL or in a SearchRequest; names in the latter are matched in any case, as attributes are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from scim.errors import ScimRefusal
from scim.projection import Projection
from scim.sorting import Sort

LAST_INDEX = 2**31


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A page of what meets `filter`, in the order `sort`.

    The page holds `count` resources: from the 1-based `start_index` on or, when there is a `cursor`, from that place
    on; an empty cursor stands for the first page.
    """

    filter: str
    sort: Sort
    start_index: int
    count: int
    cursor: str | None
    projection: Projection

    @property
    def is_first_page(self) -> bool:
        """Whether the page is the first one by number, in the order of age, and not empty."""
        return self.start_index == 1 and self.count > 0 and self.cursor is None and not self.sort.by

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "ListQuery":
        """Read the parameters. Raises a 400 `invalidValue` for a value of another type."""
        params = {name.lower(): value for name, value in params.items()}
        page_size = whole_number(params, "count", settings.SCIM_PAGE_SIZE)
        return cls(
            filter=text(params, "filter"),
            sort=Sort.of(text(params, "sortBy"), text(params, "sortOrder")),
            start_index=min(max(whole_number(params, "startIndex", 1), 1), LAST_INDEX),
            count=min(max(page_size, 0), settings.SCIM_PAGE_SIZE_MAX),
            cursor=None if params.get("cursor") is None else text(params, "cursor"),
            projection=Projection.of(params.get("attributes"), params.get("excludedattributes")),
        )


def text(params: Mapping[str, Any], name: str) -> str:
    """Return the text of a parameter, empty if it is absent."""
    value = params.get(name.lower()) or ""
    if not isinstance(value, str):
        raise ScimRefusal(400, f"{name} must be a string.", "invalidValue")
    return value.strip()


def whole_number(params: Mapping[str, Any], name: str, default: int) -> int:
    """Return the whole number in a parameter, or `default` if it is absent."""
    value = params.get(name.lower())
    if value is None or value == "":
        return default
    try:
        if (isinstance(value, str) and len(value) < 20) or (isinstance(value, int) and not isinstance(value, bool)):
            return int(value)
    except ValueError:
        pass
    raise ScimRefusal(400, f"{name} must be a whole number.", "invalidValue")
