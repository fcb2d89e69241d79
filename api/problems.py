"""The one translator: whatever goes wrong leaves as a problem (RFC 9457), with a code that never changes.

Nouns of ours and REST framework's exceptions each have a row in a table; anything else is our own fault and leaves as a
500 that says nothing of the inside.
"""

import logging
from collections.abc import Callable
from typing import Any

import orjson
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpResponse
from rest_framework import exceptions as rest

from api.kinds import ASK_LESS, KINDS
from apikeys.errors import (
    KeyExpired,
    KeyMissing,
    KeyNotAllowedHere,
    KeyOfWrongType,
    KeyRefused,
    KeyUnknown,
    TooManyRequests,
)
from lib import request_id
from lib.database_errors import Fault, report
from members.errors import BeyondPower, LastAdmin, UnknownRole
from members.models import Member
from scim.errors import ScimRefusal

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
REALM = 'Bearer realm="api"'


class Problem(Exception):
    """A refusal of the door itself. `errors` maps a field or parameter to what is wrong with it."""

    def __init__(self, code: str, detail: str, errors: dict[str, list[str]] | None = None, **headers: str) -> None:
        super().__init__(detail)
        self.kind = KINDS[code]
        self.detail = detail
        self.errors = errors
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def document(self) -> dict[str, Any]:
        """Return the body (RFC 9457 §3), with our `code`, `request_id` and `errors` as extension members (§3.2)."""
        body: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.kind.code,
            "request_id": request_id.current(),
        }
        return body | ({"errors": self.errors} if self.errors else {})


KEY_REFUSALS: dict[type[KeyRefused], str] = {
    KeyMissing: "missing_key",
    KeyUnknown: "invalid_key",
    KeyExpired: "expired_key",
    KeyOfWrongType: "wrong_key_type",
}

# What `scim.body` refuses to read, by its status; of the 400s, it calls "invalidSyntax" what is no JSON.
BODY_REFUSALS = {400: "invalid_body", 413: "body_too_large", 415: "unsupported_media_type"}

TRANSLATIONS: list[tuple[type[Exception], Callable[[Any], Problem]]] = [
    (Problem, lambda e: e),
    (KeyRefused, lambda e: Problem(KEY_REFUSALS[type(e)], e.detail, WWW_Authenticate=REALM)),
    (KeyNotAllowedHere, lambda e: Problem("network_not_allowed", e.detail)),
    (TooManyRequests, lambda e: Problem("too_many_requests", e.detail, Retry_After=str(e.retry_after))),
    (BeyondPower, lambda e: Problem("no_access", e.detail)),
    (LastAdmin, lambda e: Problem("last_admin", e.detail)),
    (UnknownRole, lambda e: Problem("unknown_role", e.detail)),
    (
        ScimRefusal,
        lambda e: Problem("malformed_json" if e.scim_type == "invalidSyntax" else BODY_REFUSALS[e.status], e.detail),
    ),
    (Http404, lambda e: not_found()),
    # Somebody removed the member between our look and the lock.
    (Member.DoesNotExist, lambda e: not_found()),
    (rest.MethodNotAllowed, lambda e: Problem("method_not_allowed", "Use a method that the Allow header lists.")),
    (
        rest.NotAcceptable,
        lambda e: Problem("not_acceptable", "No answer is in what is accepted: accept application/json."),
    ),
    (rest.UnsupportedMediaType, lambda e: Problem("unsupported_media_type", "Send the body as application/json.")),
    (SuspiciousOperation, lambda e: Problem("bad_request", "The request holds more than is taken, or is malformed.")),
]


def not_found() -> Problem:
    """Return the 404: the same for what never was, for what is gone, and for what is another organization's."""
    return Problem("not_found", "There is nothing at this address, or nothing that this key's organization has.")


def from_database(fault: Fault) -> Problem:
    """Return what the database refused or couldn't do."""
    if fault is Fault.CONFLICT:
        return Problem("conflict", fault.value)
    if fault is Fault.QUERY_TIMED_OUT:
        return Problem("query_too_slow", f"{fault.value} {ASK_LESS}")
    if fault is Fault.CHANGE_TIMED_OUT:
        return Problem("change_too_slow", fault.value, Retry_After=str(fault.retry_after))
    return Problem("database_unavailable", fault.value, Retry_After=str(fault.retry_after))


def translate(error: Exception) -> Problem:
    """Return the problem that `error` leaves as."""
    for kind, to_problem in TRANSLATIONS:
        if isinstance(error, kind):
            return to_problem(error)
    if fault := report(error):
        return from_database(fault)
    logger.error("an API request failed", exc_info=error)
    return Problem("internal_error", "The request failed on our side. What went wrong is in our log.")


def respond(error: Exception, context: object = None) -> HttpResponse:
    """Return the answer to a request that `error` ended; REST framework calls it with a `context` (not needed)."""
    problem = translate(error)
    return HttpResponse(
        orjson.dumps(problem.document()),
        status=problem.kind.status,
        content_type=PROBLEM_TYPE,
        headers=problem.headers,
    )
