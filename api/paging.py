"""Pages of a list, by cursor: nothing is counted or skipped over, so the last page costs what the first does.

REST framework's cursors are plain text that anybody can write. Here they are signed, and good only for the
organization, the address and the filters that they were made for.
"""

from typing import Any

from django.core.signing import BadSignature, Signer
from django.db.models import F, Q, QuerySet
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from api.problems import Problem
from lib.addresses import absolute
from lib.matching import first_matches


class Pages(CursorPagination):
    """A page in an order whose first field tells rows apart, or nearly so."""

    template = None

    def __init__(self, request: Request, ordering: tuple[str, ...], limit: int, scope: str) -> None:
        self.request = request
        self.ordering = ordering
        self.page_size = limit
        self.signer = Signer(salt=f"api.cursor:{scope}", sep="~")

    def get_page_size(self, request: Request) -> int:
        """Return the size that was asked for, and found valid."""
        return int(self.page_size or 0)

    def read(self, rows: QuerySet[Any], condition: Q) -> list[Any]:
        """Return a page of those `rows` that meet `condition`. Raises a Problem for a cursor that isn't this list's."""
        found = rows.filter(pk__in=self.first_keys(rows, condition)) if condition else rows
        return list(self.paginate_queryset(found, self.request) or [])

    def first_keys(self, rows: QuerySet[Any], condition: Q) -> list[Any]:
        """Return the primary keys of the matches on this page, in the order of `rows`, and of one match more.

        REST framework would have PostgreSQL walk along the order until it has a page of them, however far that is.
        """
        cursor = self.decode_cursor(self.request)
        backward = cursor is not None and cursor.reverse
        if cursor is not None and cursor.position is not None:
            rows = rows.filter(**{f"pk__{'lt' if backward else 'gt'}": cursor.position})
        order = F("pk").desc() if backward else F("pk").asc()
        return first_matches(rows, condition, [order], 0, self.get_page_size(self.request) + 1, counted=False).keys

    def document(self, results: Any) -> dict[str, Any]:
        """Return the page as it is answered."""
        return {"results": results, "next": self.get_next_link(), "previous": self.get_previous_link()}

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the cursor in the request, or None. Raises a Problem for one that isn't this list's."""
        text = request.query_params.get("cursor")
        if text is None:
            return None
        try:
            offset, reverse, position = self.signer.unsign_object(text)
        except BadSignature:
            raise Problem(
                "invalid_cursor",
                "The cursor belongs to no list at this address with these filters: start again without one.",
                {"cursor": ["Follow next and previous as they are."]},
            ) from None
        return Cursor(offset, reverse, position)

    def encode_cursor(self, cursor: Cursor) -> str:
        """Return the URL of the page that begins at `cursor`; it starts with `BASE_URL`, whatever Host says."""
        text = self.signer.sign_object([cursor.offset, cursor.reverse, cursor.position])
        return replace_query_param(absolute(self.request.get_full_path()), "cursor", text)
