"""The work that every peer is given, as the requests that each of them understands."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from benchmarks.client import Request
from benchmarks.peers import DOMAIN, USER, Subject

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
Requests = Callable[[Subject], list[Request]]


@dataclass(frozen=True, slots=True)
class Work:
    """One row of the table: `requests` gives what to send to a peer, `peers` who can do it beside us."""

    name: str
    requests: Requests
    peers: tuple[str, ...] = ("floor", "plain", "scim2-server")


def get(subject: Subject) -> list[Request]:
    return [Request("GET", f"/Users/{person.id}") for person in subject.people]


def by_filter(attribute: str, field: str) -> Requests:
    """Return the work that looks for members by an attribute, which is a Person's `field`."""

    def requests(subject: Subject) -> list[Request]:
        if subject.name == "floor":
            return [Request("GET", f"/Users?userName={person.user_name}") for person in subject.people]
        return [
            Request("GET", "/Users?filter=" + quote(f'{attribute} eq "{getattr(person, field)}"'))
            for person in subject.people
        ]

    return requests


def page(subject: Subject) -> list[Request]:
    return [Request("GET", "/Users?startIndex=1&count=100")]


def middle_page(subject: Subject) -> list[Request]:
    return [Request("GET", f"/Users?startIndex={subject.size // 2}&count=100")]


def patch_active(subject: Subject) -> list[Request]:
    """Deactivate and reactivate one after the other, so that every request changes something."""
    return [
        Request("PATCH", f"/Users/{person.id}", patch({"op": "replace", "path": "active", "value": active}))
        for person in subject.people
        for active in (False, True)
    ]


def put(subject: Subject) -> list[Request]:
    return [Request("PUT", f"/Users/{person.id}", user(person.user_name, "New {n}")) for person in subject.people]


def post(subject: Subject) -> list[Request]:
    return [Request("POST", "/Users", user(f"new{{n}}@{DOMAIN}", "New"))]


def join_group(size: Callable[[Subject], int]) -> Requests:
    """Return the work that adds a member to a group of a size, and takes them out again so that it keeps its size."""

    def requests(subject: Subject) -> list[Request]:
        group, found = subject.groups[size(subject)], []
        for person in subject.people[:100]:
            member = [{"value": person.id}]
            found += [
                Request("PATCH", f"/Groups/{group}", patch({"op": "add", "path": "members", "value": member})),
                Request("PATCH", f"/Groups/{group}", patch({"op": "remove", "path": "members", "value": member})),
            ]
        return found

    return requests


def bulk(subject: Subject) -> list[Request]:
    operations: list[dict[str, object]] = [
        {
            "method": "POST",
            "path": "/Users",
            "bulkId": str(number),
            "data": json.loads(user(f"b{number}x{{n}}@{DOMAIN}")),
        }
        for number in range(1000)
    ]
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
    return [Request("POST", "/Bulk", json.dumps(body))]


def patch(operation: dict[str, object]) -> str:
    """Return the body of a PATCH."""
    return json.dumps({"schemas": [PATCH_OP], "Operations": [operation]})


def user(user_name: str, given_name: str = "New") -> str:
    """Return a user as Okta sends one."""
    return json.dumps(
        {
            "schemas": [USER],
            "userName": user_name,
            "name": {"givenName": given_name, "familyName": "Person"},
            "emails": [{"value": user_name, "primary": True, "type": "work"}],
            "active": True,
        }
    )


ALONE: tuple[str, ...] = ()

WORKS = [
    Work("GET by id", get),
    Work("filter userName eq", by_filter("userName", "user_name")),
    # As its documentation sets it up, django-scim2 filters by userName, name and active alone.
    Work("filter externalId eq", by_filter("externalId", "external_id"), ("floor", "scim2-server")),
    Work("filter emails.value eq", by_filter("emails.value", "user_name"), ("floor", "scim2-server")),
    Work("list of 100, first page", page, ("plain", "scim2-server")),
    Work("list of 100, in the middle", middle_page, ("plain", "scim2-server")),
    Work("PATCH active", patch_active),
    Work("PUT", put, ("plain", "scim2-server")),
    Work("POST", post, ("plain", "scim2-server")),
    Work("add to a group of 10", join_group(lambda subject: 10), ALONE),
    Work("add to the largest group", join_group(lambda subject: max(subject.groups)), ALONE),
    Work("Bulk of 1,000 creates", bulk, ALONE),
]
