"""The kinds of problem: what their codes mean, and what is to be done about each."""

from dataclasses import dataclass

from lib.addresses import absolute
from lib.database_errors import Fault


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its HTTP status, a title for people, what to do about it, and a `detail` that it may have."""

    code: str
    status: int
    title: str
    remedy: str
    example: str

    @property
    def type(self) -> str:
        """The URI that names the kind, and leads to what is said about it (RFC 9457 §3.1.1)."""
        return absolute(f"/docs/api#{self.code}")


# To follow a query that takes too long.
ASK_LESS = "Ask for one user_name or external_id, search for fewer and longer words, or ask for smaller pages (limit)."

KINDS = {
    kind.code: kind
    for kind in (
        Kind(
            "wrong_host",
            400,
            "The Host header is wrong",
            "Call the address that `detail` names; a proxy must pass Host on.",
            "The Host header names no host of this service: call it at https://settings.example.com.",
        ),
        Kind(
            "https_required",
            403,
            "The request came over http",
            "Call the service over https. A proxy that ends TLS must be believed, and say that it did.",
            "This request came over http, which shows its key to the network: call https://settings.example.com.",
        ),
        Kind(
            "malformed_json",
            400,
            "The body is no JSON",
            "Send one JSON object; `detail` says what is wrong where.",
            "The body is not valid JSON: Expecting value at line 1, column 10.",
        ),
        Kind(
            "invalid_body",
            400,
            "The body is not valid",
            "`errors` says, by field, what is wrong.",
            "role: This field is required.",
        ),
        Kind(
            "unknown_parameter",
            400,
            "Unknown parameter",
            "Mend the name: `detail` lists those that there are.",
            'There is no parameter "rol" here. Valid: active, cursor, external_id, limit, role, search, user_name.',
        ),
        Kind(
            "invalid_parameter",
            400,
            "A parameter is not valid",
            "`errors` says, by parameter, what is wrong.",
            "limit: Ensure this value is less than or equal to 200.",
        ),
        Kind(
            "invalid_cursor",
            400,
            "The cursor is not valid",
            "Follow `next` and `previous` as they are, or start again.",
            "The cursor belongs to no list at this address with these filters: start again without one.",
        ),
        Kind(
            "unknown_role",
            400,
            "Unknown role",
            "Use a role's name; `detail` lists them and says which is nearest.",
            '"Admn" is not a role of this organization. Valid: Admin, Read Only, IT Admin, '
            'Procurement, Employee. Did you mean "Admin"?',
        ),
        Kind(
            "malformed_key",
            400,
            "This is no key",
            "Send the whole text of one key, and nothing else.",
            "What was sent is no key: send its whole text, and nothing else.",
        ),
        Kind(
            "query_too_slow",
            400,
            "The query takes too long",
            "Ask for less; `detail` says how.",
            f"{Fault.QUERY_TIMED_OUT.value} {ASK_LESS}",
        ),
        Kind(
            "bad_request",
            400,
            "The request is not valid",
            "Send less, or mend its form.",
            "The request holds more than is taken, or is malformed.",
        ),
        Kind(
            "missing_key",
            401,
            "No key was sent",
            "Send `Authorization: Bearer <key>`.",
            'No key was sent: add the header "Authorization: Bearer <key>".',
        ),
        Kind(
            "invalid_key",
            401,
            "The key is not valid",
            "It is mistyped or deleted: generate one in Settings > API Access.",
            "The key is not valid: it is mistyped, or it has been deleted. Generate a new one in "
            "Settings > API Access.",
        ),
        Kind(
            "expired_key",
            401,
            "The key has expired",
            "Generate a new one in Settings > API Access.",
            "API key …a1b2 expired on 2026-11-01; generate a new one in Settings > API Access.",
        ),
        Kind(
            "wrong_key_type",
            401,
            "The key is of another type",
            "Use a key of type Torii API.",
            "This is a key of type Torii SCIM: it opens the SCIM API, not the REST API.",
        ),
        Kind(
            "read_only_key",
            403,
            "The key is read-only",
            "Use a key whose permission is read-write.",
            "This key is read-only: generate one with the permission read-write to write.",
        ),
        Kind(
            "no_access",
            403,
            "The key may not do this",
            "Use a key with more access, made by somebody who has it.",
            "torii_api_ab12cd34…wxyz may not act in Members: use a key that may.",
        ),
        Kind(
            "key_without_maker",
            403,
            "Whoever made the key has no access any more",
            "Generate a new key in Settings > API Access; this one can't be revived.",
            "Ana Admin, who made this key, has no access to the settings any more, so the key has none either: "
            "generate a new one in Settings > API Access.",
        ),
        Kind(
            "network_not_allowed",
            403,
            "The key may not be used from here",
            "Call from a network for which it was generated.",
            "The key torii_api_k3y1d2ab…a1b2 may not be used from 203.0.113.9: it was generated for "
            "certain networks, which can't be changed. Generate a new key in Settings > API Access.",
        ),
        Kind(
            "not_found",
            404,
            "Not found",
            "The address or the id is wrong, or what had it is gone.",
            "There is nothing at this address, or nothing that this key's organization has.",
        ),
        Kind(
            "method_not_allowed",
            405,
            "Method not allowed",
            "Use a method that `Allow` lists.",
            "Use a method that the Allow header lists.",
        ),
        Kind(
            "not_acceptable",
            406,
            "Not acceptable",
            "Accept `application/json`.",
            "No answer is in what is accepted: accept application/json.",
        ),
        Kind(
            "last_admin",
            409,
            "The last active Admin",
            "Give another active member the Admin role first.",
            "This would leave the organization without an Admin: the last active Admin can't be "
            "demoted, deactivated or removed. Give another active member the Admin role first.",
        ),
        Kind(
            "conflict",
            409,
            "Something changed meanwhile",
            "Read it again, then decide.",
            "Something this refers to was changed meanwhile; send it again.",
        ),
        Kind(
            "body_too_large",
            413,
            "The body is too large",
            "Send less; `detail` says how much is taken.",
            "The body is larger than 1048576 bytes; send less at once.",
        ),
        Kind(
            "body_too_slow",
            408,
            "The body came too slowly",
            "Send it again, faster; `detail` says how long is waited.",
            "The body didn't arrive within 30 seconds.",
        ),
        Kind(
            "unsupported_media_type",
            415,
            "Unsupported media type",
            "Send `application/json` in UTF-8.",
            "Send the body as application/json.",
        ),
        Kind(
            "too_many_requests",
            429,
            "Too many requests",
            "Wait for as many seconds as `Retry-After` says.",
            "This key is over its limit of 25 requests a second; try again after Retry-After.",
        ),
        Kind(
            "internal_error",
            500,
            "Our fault",
            "Look whether anything changed before you try again.",
            "The request failed on our side. What went wrong is in our log.",
        ),
        Kind(
            "database_unavailable",
            503,
            "The database can't do this now",
            "Send it again after `Retry-After` seconds. Reads may work where changes don't.",
            Fault.UNAVAILABLE.value,
        ),
        Kind(
            "change_too_slow",
            503,
            "The change took too long",
            "Nothing was changed: send it again after `Retry-After` seconds, or change less at once.",
            Fault.CHANGE_TIMED_OUT.value,
        ),
        Kind(
            "overloaded",
            503,
            "Too many requests at once",
            "Send it again after `Retry-After` seconds.",
            "Too many requests are being answered; try again.",
        ),
    )
}
