"""How the API is described: what every operation has in common, and the OpenAPI document made from all of them."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.serializers import Serializer

from api.examples import EXAMPLES, REQUEST_ID
from api.kinds import KINDS
from api.parameters import PAGE_SIZE, PAGE_SIZE_MAX, PageParameters, Parameters
from api.problems import PROBLEM_TYPE, REALM, Problem
from api.serializers import ProblemSerializer

F = TypeVar("F", bound=Callable[..., Any])

ORGANIZATION = "Organization"
MEMBERS = "Members"
ROLES = "Roles"
GROUPS = "Groups"
API_KEYS = "API keys"
AUDIT_LOG = "Audit log"
LEAKED_KEYS = "Leaked keys"
SCHEMA = "Schema"

TAGS = {
    ORGANIZATION: "The organization that the key is of.",
    MEMBERS: "The people in the organization: who they are, which role they have, whether they are let in.",
    ROLES: "What members can be, and what that gives access to.",
    GROUPS: "Directory groups. Only an identity provider changes them.",
    API_KEYS: "What may be told of keys. No key can make, rotate or delete one: that is done in Settings > API Access.",
    AUDIT_LOG: "Who did what to what, when and from where. It only grows.",
    LEAKED_KEYS: "Where anybody who finds a key in public reports it.",
    SCHEMA: "This description, for programs.",
}

INTRODUCTION = """\
What an admin of an organization can read and do in its settings, for scripts.

**Authentication.** Every request carries a key of type Torii API as `Authorization: Bearer <key>`. The key says which
organization it is about; what another organization has is a 404, like what never was. A key whose permission is
read-only reads; one that is read-write changes things too.{limit} the answer is a 429, and `Retry-After` says how many
seconds to wait.

**Requests.** JSON in UTF-8, up to {body} bytes. A query parameter that the operation doesn't have, or that is given
twice, is a 400: a filter with a typo in its name would otherwise find everything. Times are RFC 3339, in answers always
UTC.

**Paging.** A list answers with `results`, {page_size} of them unless `limit` (up to {page_size_max}) says otherwise,
and with the URLs of the `next` and the `previous` page, null where there is none. Follow them as they are. Whatever is
added or removed meanwhile, nothing else is left out or comes twice.

**Problems.** Whatever goes wrong leaves as `application/problem+json` (RFC 9457). `detail` says in words what is wrong
with this request, `errors` with which field or parameter. Programs go by `code`, which never changes. A method that an
address doesn't have is a 405 with `Allow`.
"""

NO_NUL = r"^[^\u0000]*$"
KEY_ID_PATTERN = "[0-9a-z]{8}"


def uuid_of(name: str, text: str) -> OpenApiParameter:
    """Return the path parameter `name`, a UUID."""
    return OpenApiParameter(name, OpenApiTypes.UUID, OpenApiParameter.PATH, description=text)


UUID_OF_MEMBER = uuid_of("member_id", "The member's `id`.")
UUID_OF_ROLE = uuid_of("role_id", "The role's `id`.")
UUID_OF_GROUP = uuid_of("group_id", "The group's `id`.")
UUID_OF_EVENT = uuid_of("event_id", "The event's `id`.")
KEY_ID = OpenApiParameter(
    "key_id", str, OpenApiParameter.PATH, description="The key's `key_id`.", pattern=f"^{KEY_ID_PATTERN}$"
)
RESPONSE_HEADERS = (
    OpenApiParameter(
        "WWW-Authenticate",
        str,
        OpenApiParameter.HEADER,
        required=True,
        response=[401],
        description="How to come in.",
        enum=[REALM],
    ),
    OpenApiParameter(
        "Retry-After",
        int,
        OpenApiParameter.HEADER,
        required=True,
        response=[429, 503],
        description="After how many seconds to try again.",
    ),
)

EVERYWHERE = ("wrong_host", "https_required", "unknown_parameter", "bad_request", "not_acceptable", "internal_error")
WITH_KEY = (
    "missing_key",
    "invalid_key",
    "expired_key",
    "wrong_key_type",
    "network_not_allowed",
    "no_access",
    "key_without_maker",
    "too_many_requests",
    "database_unavailable",
    "overloaded",
)
IN_LISTS = ("invalid_parameter", "invalid_cursor")
WITH_BODY = ("malformed_json", "invalid_body", "body_too_large", "body_too_slow", "unsupported_media_type")


def operation(
    operation_id: str,
    tag: str,
    summary: str,
    answer: Any,
    *,
    parameters: type[Parameters] = Parameters,
    path: OpenApiParameter | None = None,
    request: type[Serializer[Any]] | None = None,
    also: tuple[str, ...] = (),
    keyed: bool = True,
) -> Callable[[F], F]:
    """Describe a view's method, whose docstring is the description.

    `answer` is the serializer of the 200, or a raw schema. The problems it may answer with follow from what it takes;
    `also` are the codes of others.
    """

    def describe(method: F) -> F:
        codes = (*EVERYWHERE, *also)
        if keyed:
            codes += WITH_KEY
        if keyed:
            codes += ("query_too_slow",) if method.__name__ == "get" else ("read_only_key", "change_too_slow")
        if issubclass(parameters, PageParameters):
            codes += IN_LISTS
        if path:
            codes += ("not_found",)
        if request:
            codes += WITH_BODY
        described: Any = extend_schema(
            operation_id=operation_id,
            summary=summary,
            tags=[tag],
            parameters=[*([path] if path else []), *([parameters] if parameters().fields else []), *RESPONSE_HEADERS],
            request=request,
            responses={200: OpenApiResponse(answer, summary + "."), **problems(codes)},
            examples=examples(operation_id),
        )
        return described(method)  # type: ignore[no-any-return]

    return describe


def examples(operation_id: str) -> list[OpenApiExample]:
    """Return the examples of an operation's request and answer."""
    found = []
    for kind, value in EXAMPLES.get(operation_id, {}).items():
        asked = kind == "request"
        found.append(
            OpenApiExample(
                operation_id + ("_request" if asked else ""),
                value=value,
                request_only=asked,
                response_only=not asked,
                status_codes=None if asked else ["200"],
            )
        )
    return found


def problems(codes: tuple[str, ...]) -> dict[Any, OpenApiResponse]:
    """Return the answers that problems with these codes leave as, by status."""
    by_status: dict[int, list[str]] = {}
    for code in KINDS:
        if code in codes:
            by_status.setdefault(KINDS[code].status, []).append(code)
    return {
        (status, PROBLEM_TYPE): OpenApiResponse(
            ProblemSerializer,
            " ".join(f"`{code}`: {KINDS[code].title}." for code in found),
            [OpenApiExample(code, value=example(code)) for code in found],
        )
        for status, found in by_status.items()
    }


def example(code: str) -> dict[str, Any]:
    """Return a problem with this code, the same in every schema."""
    return Problem(code, KINDS[code].example).document() | {"request_id": REQUEST_ID}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells that a key is sent as a bearer token; registered by being made, and every view imports this module."""

    target_class = "api.authentication.KeyAuthentication"
    name = "api_key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the security scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "torii_api_…",
            "description": "A key of type Torii API, generated in Settings > API Access.",
        }


def finish(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add to the document what is about all of it; drf-spectacular calls this with what it made."""
    result = tidied(result)
    result["info"]["description"] = introduction()
    result["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    schemas = result["components"]["schemas"]
    for name in ("RoleName", "Leak"):
        schemas[name]["additionalProperties"] = False
    operations = [each for methods in result["paths"].values() for each in methods.values()]
    asked = [parameter["schema"] for each in operations for parameter in each.get("parameters", [])]
    for text in (*asked, schemas["RoleName"]["properties"]["role"]):
        # What no column holds is refused.
        if text["type"] == "string" and not text.keys() & {"enum", "format", "pattern"}:
            text["pattern"] = NO_NUL
    return result


def tidied(part: Any) -> Any:
    """Return a part of the document without what tells nothing: marks of drf-spectacular's own, an `allOf` of one."""
    if isinstance(part, list):
        return [tidied(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {name: tidied(value) for name, value in part.items() if name not in ("readOnly", "x-spec-enum-id")}
    return kept["allOf"][0] if kept.keys() == {"allOf"} and len(kept["allOf"]) == 1 else kept


def introduction() -> str:
    """Return what is true of all operations, in Markdown."""
    rate, burst = settings.KEY_RATE_LIMIT, settings.KEY_RATE_BURST
    limit = f" A key may be used {rate} times a second, {burst} at once; past that" if rate else " Past its limit"
    return INTRODUCTION.format(
        limit=limit, page_size=PAGE_SIZE, page_size_max=PAGE_SIZE_MAX, body=settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    )
