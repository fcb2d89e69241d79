"""Requests that outlive what disturbs the database: each is a unit of work (`lib.rerun`), at every door.

Until a request has committed something, nothing has come of it: it has not been answered, and what it did is rolled
back. So it is answered anew, from the request as it came. A bulk request commits each of its operations, so these are
units of their own (`scim.views.bulk`).
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http.response import HttpResponseBase

from lib.rerun import run_unit


class UndisturbedHandler(WSGIHandler):
    """Django's handler, which answers a request again when the database was disturbed."""

    def get_response(self, request: Any) -> HttpResponseBase:
        """Return the answer."""
        requests, get_response = as_it_came(request), super().get_response
        return run_unit(lambda: get_response(next(requests)))


def as_it_came(request: WSGIRequest) -> Iterator[WSGIRequest]:
    """Yield the request, and then copies of what it was at first: views and middleware leave their mark on it."""
    environ = request.environ.copy()
    yield request
    while True:
        # A body has been read into memory (`torii_settings.body`). Without one, there is nothing to rewind.
        if isinstance(environ["wsgi.input"], BytesIO):
            environ["wsgi.input"].seek(0)
        yield type(request)(environ.copy())
