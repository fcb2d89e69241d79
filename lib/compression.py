"""Pages are compressed, all but those that show a secret.

A page that holds a secret beside text that a request chose would tell the secret by its length (BREACH). Django pads
each answer by a random length, which makes that slow and not impossible; so a secret is never compressed at all. CSRF
tokens are masked anew in every answer.
"""

from typing import TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

Response = TypeVar("Response", bound=HttpResponseBase)

MARK = "holds_secret"


def never_compressed(response: Response) -> Response:
    """Return `response`, which holds a secret, marked so that it is sent as it is."""
    setattr(response, MARK, True)
    return response


class Compression(GZipMiddleware):
    """Compresses an answer for a client that takes gzip, unless it is small, compressed already or holds a secret."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Return the answer, compressed if it may be."""
        if hasattr(response, MARK):
            return response
        compressed: HttpResponseBase = super().process_response(request, response)
        return compressed
