"""What every endpoint is: opened by a key, and answering in SCIM whatever goes wrong."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, ClassVar

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View
from django_scim.constants import SCIM_CONTENT_TYPE
from django_scim.views import SCIMView as DjangoScimView

from apikeys.seek import Seek
from lib.plain_text import quoted
from scim.authentication import ScimRequest, let_in
from scim.errors import error_response, translate

Document = dict[str, Any]

GZIP = GZipMiddleware(lambda request: HttpResponse())
# What is shorter, Django's middleware leaves as it is; it would look at each answer for longer than most take to make.
WORTHWHILE = 200


def answers_in_scim(view: Callable[..., Any]) -> Callable[..., HttpResponse]:
    """Turn whatever `view` raises into a SCIM error, and answer in the media type and encoding asked for.

    The length is told here, since machines' requests skip the middleware that would (`torii_settings.middleware`).
    """

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = view(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the translator tells ours from the caller's faults
            response = translate(error)
        if response.has_header("Content-Type") and wants_plain_json(request.META.get("HTTP_ACCEPT", "")):
            response["Content-Type"] = "application/json"
        if response.status_code not in (204, 304):
            compress(request, response)
            response.headers["Content-Length"] = str(len(response.content))
        return response

    return answered


def compress(request: HttpRequest, response: HttpResponse) -> None:
    """Compress what is long enough, for a client that takes gzip."""
    if len(response.content) < WORTHWHILE:
        return
    if "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", ""):
        GZIP.process_response(request, response)
    else:
        response.headers["Vary"] = "Accept-Encoding"


@lru_cache(maxsize=64)
def wants_plain_json(accept: str) -> bool:
    """Whether an Accept header names application/json and neither SCIM's own type nor any (RFC 7644 §3.8)."""
    types = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return "application/json" in types and not types & {SCIM_CONTENT_TYPE, "*/*", "application/*"}


def render(document: Document, status: int = 200, **headers: str) -> HttpResponse:
    """Return `document` as `application/scim+json`."""
    return HttpResponse(orjson.dumps(document), status=status, content_type=SCIM_CONTENT_TYPE, headers=headers)


class ScimView(DjangoScimView):
    """An endpoint that only a SCIM key opens, unless it declares otherwise."""

    opened_by: ClassVar[str] = "SCIM key"
    request: ScimRequest

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Return the view; any error leaves it as a SCIM error."""
        return csrf_exempt(answers_in_scim(super().as_view(**initkwargs)))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Call the method's handler for whom `enter` lets in."""
        self.enter(request, **kwargs)
        return View.dispatch(self, request, *args, **kwargs)

    def enter(self, request: HttpRequest, **kwargs: Any) -> None:
        """Let the request in by its key, or raise the refusal."""
        let_in(request, self.seek(request, **kwargs))

    @classmethod
    def seek(cls, request: HttpRequest, uuid: str | None = None) -> Seek | None:
        """Return what the look-up of the key is to read along, if that answers the request."""
        return None

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer 405 with the methods that are allowed."""
        allowed = ", ".join(self._allowed_methods())
        return error_response(
            405, f"{quoted(request.method or '')} is not allowed here; allowed: {allowed}.", headers={"Allow": allowed}
        )


@csrf_exempt
@answers_in_scim
def not_found(request: HttpRequest) -> HttpResponse:
    """Answer 404 for an address below the base URL where nothing is."""
    return error_response(404, f"There is nothing at {quoted(request.path_info)}.")
