"""What the server itself refuses, before any view is asked, answered in the format of the door that was called."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string

from api.problems import Problem, respond
from scim.errors import error_response
from torii_settings.middleware import MACHINE_PATHS
from torii_settings.policy import EVERYWHERE, ON_PAGES

SCIM_PATHS = ("/scim/", "/v1.0/scim/")
PROBLEMS = {
    400: "invalid_body",
    408: "body_too_slow",
    413: "body_too_large",
    429: "too_many_requests",
    503: "overloaded",
}
HEALTH_PATHS = ("/healthz", "/readyz")


class Answer(NamedTuple):
    """A complete answer, as WSGI takes it (PEP 3333)."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


class Refusal(Exception):
    """A request that the server refuses; after some of them the connection can't be used again.

    `code` is that of the REST API's problem, where the status alone doesn't say which.
    """

    def __init__(
        self, status: int, detail: str, *, code: str = "", retry_after: int | None = None, closes: bool = False
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code or PROBLEMS[status]
        self.retry_after = retry_after
        self.closes = closes


def refused(environ: dict[str, Any], refusal: Refusal) -> Answer:
    """Return the answer to a refused request."""
    path: str = environ.get("PATH_INFO", "")
    response = door_of(path)(refusal)
    for name, value in (EVERYWHERE if path.startswith(MACHINE_PATHS) else ON_PAGES).items():
        response.headers.setdefault(name, value)
    response.headers["Content-Length"] = str(len(response.content))
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    if refusal.closes:
        response.headers["Connection"] = "close"
    return Answer(f"{response.status_code} {response.reason_phrase}", list(response.items()), response.content)


def door_of(path: str) -> Callable[[Refusal], HttpResponse]:
    """Return what writes a refusal for the door at `path`."""
    if path.startswith(SCIM_PATHS):
        return scim_error
    if path.startswith("/v1.0/"):
        return problem
    return health if path in HEALTH_PATHS else page


def scim_error(refusal: Refusal) -> HttpResponse:
    """Return a SCIM error (RFC 7644 §3.12)."""
    return error_response(refusal.status, refusal.detail)


def problem(refusal: Refusal) -> HttpResponse:
    """Return a problem document (RFC 9457)."""
    return respond(Problem(refusal.code, refusal.detail))


def health(refusal: Refusal) -> HttpResponse:
    """Return what health checks answer when the service isn't ready."""
    return JsonResponse({"status": "unavailable", "detail": refusal.detail}, status=refusal.status)


def page(refusal: Refusal) -> HttpResponse:
    """Return a page that needs neither session nor database."""
    # Under a wrong name nothing of ours is found, so its links name the right one.
    text = render_to_string("refused.html", {"detail": refusal.detail, "base_url": settings.BASE_URL})
    return HttpResponse(text, status=refusal.status)
