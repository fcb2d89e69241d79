"""The one translator: whatever goes wrong leaves as a SCIM error (RFC 7644 §3.12).

Nouns of ours, scim2-models' exceptions, pydantic's findings and django-scim2's exceptions each have a row in a table;
anything else is our own fault and leaves as a 500 that says nothing of the inside.
"""

import logging
from collections.abc import Callable
from typing import Any

import orjson
from django.core.exceptions import TooManyFieldsSent, ValidationError as DjangoValidationError
from django.http import Http404, HttpResponse
from django_scim.constants import SCIM_CONTENT_TYPE
from django_scim.exceptions import SCIMException as DjangoScimException
from pydantic import ValidationError
from scim2_models import Error, InvalidValueException, SCIMException

from apikeys.errors import KeyNotAllowedHere, KeyRefused, TooManyRequests
from lib import request_id
from lib.database_errors import Fault, report
from lib.plain_text import shortened, with_short_quotes
from members import errors as members

logger = logging.getLogger(__name__)

REALM = 'Bearer realm="scim"'
# To follow a query that takes too long (RFC 7644 §3.12, "tooMany").
ASK_LESS = (
    "Filter by id, userName, externalId or emails.value with eq or sw, which an index answers; make the filter "
    "narrower, ask for smaller pages (count), or sort by nothing."
)


class ScimRefusal(Exception):
    """A refusal of the door itself: `status` is the HTTP status, `scim_type` a keyword of RFC 7644 Table 9 or empty."""

    def __init__(self, status: int, detail: str, scim_type: str = "", **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.scim_type = scim_type
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


MEMBER_ERRORS: dict[type[members.MemberError], tuple[int, str]] = {
    members.UserNameTaken: (409, "uniqueness"),
    members.UserNameImmutable: (400, "mutability"),
    members.UserNameInvalid: (400, "invalidValue"),
    members.UnknownRole: (400, "invalidValue"),
    members.UnknownGroupMember: (400, "invalidValue"),
    members.LastAdmin: (400, "mutability"),
    members.RoleNameTaken: (409, "uniqueness"),
    members.RoleLocked: (400, "mutability"),
    members.RoleInUse: (409, ""),
    members.BeyondPower: (403, ""),
    members.AdminNotAssignable: (400, "invalidValue"),
}


# What refuses the content of a request, unless it is a ScimRefusal with another status than 400.
CONTENT_REFUSALS = (
    ScimRefusal,
    members.MemberError,
    DjangoValidationError,
    SCIMException,
    ValidationError,
    DjangoScimException,
)


def refuses_content(error: Exception) -> bool:
    """Whether `error` says that something in the body of a request can't be."""
    return isinstance(error, CONTENT_REFUSALS) and translate(error).status_code == 400


def error_response(
    status: int, detail: str, scim_type: str = "", headers: dict[str, str] | None = None
) -> HttpResponse:
    """Return a SCIM error; `status` is a string in the body (RFC 7644 §3.12).

    `detail` ends in the request id: identity providers show their admins nothing else that says which request it was.
    """
    detail = f"{shortened(detail)} (request id {request_id.current()})"
    body = {"schemas": [str(Error.__schema__)], "status": str(status), "detail": detail}
    if scim_type:
        body["scimType"] = scim_type
    return HttpResponse(orjson.dumps(body), status=status, content_type=SCIM_CONTENT_TYPE, headers=headers or {})


def from_validation(error: ValidationError) -> HttpResponse:
    """Return the first of pydantic's findings; `detail` names the attribute, and a value only if it is an operation."""
    first = Error.from_validation_errors(error)[0]
    detail = with_short_quotes(first.detail or "The request is not valid.")
    return error_response(first.status or 400, detail, first.scim_type or "")


def from_scim(error: SCIMException) -> HttpResponse:
    """Return scim2-models' exception; where a PATCH wrapped pydantic's findings, those say it better."""
    if isinstance(error, InvalidValueException) and isinstance(error.__cause__, ValidationError):
        return from_validation(error.__cause__)
    return error_response(error.status, with_short_quotes(error.detail), error.scim_type)


def from_member(error: members.MemberError) -> HttpResponse:
    """Return what members refused."""
    status, scim_type = MEMBER_ERRORS.get(type(error), (400, "invalidValue"))
    attribute = "userType " if isinstance(error, members.UnknownRole) else ""
    return error_response(status, f"{attribute}{error.detail}", scim_type)


def from_database(fault: Fault) -> HttpResponse:
    """Return what the database refused or couldn't do."""
    if fault is Fault.CONFLICT:
        return error_response(409, fault.value)
    if fault is Fault.QUERY_TIMED_OUT:
        return error_response(400, f"{fault.value} {ASK_LESS}", "tooMany")
    return error_response(503, fault.value, headers={"Retry-After": str(fault.retry_after)})


TRANSLATIONS: list[tuple[type[Exception], Callable[[Any], HttpResponse]]] = [
    (ScimRefusal, lambda e: error_response(e.status, e.detail, e.scim_type, e.headers)),
    (members.MemberError, from_member),
    (DjangoValidationError, lambda e: error_response(400, " ".join(e.messages), "invalidValue")),
    (SCIMException, from_scim),
    (ValidationError, from_validation),
    (KeyRefused, lambda e: error_response(401, e.detail, headers={"WWW-Authenticate": REALM})),
    (KeyNotAllowedHere, lambda e: error_response(403, e.detail)),
    (TooManyRequests, lambda e: error_response(429, e.detail, headers={"Retry-After": str(e.retry_after)})),
    (DjangoScimException, lambda e: error_response(int(e.status), e.detail, e.scim_type or "")),
    (TooManyFieldsSent, lambda e: error_response(400, "The URL has too many parameters.", "invalidValue")),
    (Http404, lambda e: error_response(404, "There is nothing at this address.")),
]


def translate(error: Exception) -> HttpResponse:
    """Return the SCIM error that `error` leaves as."""
    for kind, to_response in TRANSLATIONS:
        if isinstance(error, kind):
            return to_response(error)
    if fault := report(error):
        return from_database(fault)
    logger.error("a SCIM request failed", exc_info=error)
    return error_response(500, "The request failed on our side; it is safe to send it again.")
