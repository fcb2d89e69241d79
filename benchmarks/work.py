"""The work that every subject is given, as the requests that each of them understands."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from benchmarks.request import Request
from benchmarks.subject import FLOOR, IN_MEMORY, OURS, PLAIN, SCIM, USER, Person, Subject

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
PAGE = 100
ROWS = 50
CREATES = 1_000
JOINING = 100

Document = dict[str, object]
Requests = Callable[[Subject], list[Request]]
Check = Callable[[bytes], bool]
EVERYBODY = (FLOOR, PLAIN, IN_MEMORY)


def anything(body: bytes) -> bool:
    """Let every answer pass."""
    return True


@dataclass(frozen=True, slots=True)
class Work:
    """One row of the tables.

    `requests` gives what to send to a subject, `shows` whether an answer has what was asked for. `peers` are who does
    it beside us; of many organizations we do what is not `only_one`.
    """

    name: str
    requests: Requests
    peers: tuple[str, ...] = EVERYBODY
    shows: Check = anything
    only_one: bool = False

    def is_for(self, subject: Subject) -> bool:
        """Whether the subject is given this work."""
        if subject.size.organizations > 1 and self.only_one:
            return False
        return subject.name == OURS or subject.name in self.peers


# Reading --------------------------------------------------------------------------------------------------------------


def get(subject: Subject) -> list[Request]:
    return [of_user(subject, "GET", person) for person in subject.content.people]


def by_filter(attribute: str, field: str, floor_name: str) -> Requests:
    """Return the work that looks for members by an attribute, which is a Person's `field`."""

    def query(subject: Subject, value: str) -> str:
        return f"{floor_name}={value}" if subject.name == FLOOR else "filter=" + quote(f'{attribute} eq "{value}"')

    def requests(subject: Subject) -> list[Request]:
        return [
            scim(subject, person.key, "GET", f"/Users?{query(subject, getattr(person, field))}")
            for person in subject.content.people
        ]

    return requests


def by_part(attribute: str, operator: str, part: slice) -> Requests:
    """Return the work that looks for members by a part of their userName, which is also their address."""

    def requests(subject: Subject) -> list[Request]:
        return [
            scim(
                subject,
                person.key,
                "GET",
                "/Users?filter=" + quote(f'{attribute} {operator} "{person.user_name[part]}"'),
            )
            for person in subject.content.people
        ]

    return requests


def listing(query: Callable[[Subject], str]) -> Requests:
    """Return the work that lists the page for which `query` asks."""

    def requests(subject: Subject) -> list[Request]:
        path = f"/Users?count={PAGE}&{query(subject)}"
        return [scim(subject, each.key, "GET", path) for each in subject.content.organizations]

    return requests


def members_page(subject: Subject) -> list[Request]:
    content = subject.content
    return [Request("GET", f"/settings/{content.organization_id}/members", {"Cookie": f"sessionid={content.session}"})]


def finds_some(body: bytes) -> bool:
    """Whether a list has a resource."""
    return bool(json.loads(body)["Resources"])


def finds(count: int) -> Check:
    """Return the check that a list has so many resources."""
    return lambda body: len(json.loads(body)["Resources"]) == count


# Writing --------------------------------------------------------------------------------------------------------------


def patch_active(subject: Subject) -> list[Request]:
    """Deactivate everybody, then reactivate everybody.

    Requests overtake one another. With as many between the two for one person, each finds something to change.
    """
    return [
        of_user(subject, "PATCH", person, patch("replace", "active", active))
        for active in (False, True)
        for person in subject.content.people
    ]


def put(subject: Subject) -> list[Request]:
    return [
        of_user(subject, "PUT", person, user(person.user_name, person.external_id, "New {n}"))
        for person in subject.content.people
    ]


def post(subject: Subject) -> list[Request]:
    return [
        scim(subject, each.key, "POST", "/Users", user(f"new{{n}}@{each.domain}", "new-{n}", "New"))
        for each in subject.content.organizations
    ]


def membership(group: Callable[[Subject], str], operations: tuple[str, str]) -> Requests:
    """Return the work that does two operations, add and remove, with members of a group, so that it keeps its size."""

    def requests(subject: Subject) -> list[Request]:
        path = f"/Groups/{group(subject)}"
        return [
            scim(subject, person.key, "PATCH", path, patch(operation, "members", [{"value": person.id}]))
            for operation in operations
            for person in subject.content.people[:JOINING]
        ]

    return requests


def bulk(subject: Subject) -> list[Request]:
    [organization] = subject.content.organizations
    operations = [
        {
            "method": "POST",
            "path": "/Users",
            "bulkId": str(number),
            "data": user(f"b{number}x{{n}}@{organization.domain}", f"b{number}x{{n}}", "New"),
        }
        for number in range(CREATES)
    ]
    return [scim(subject, organization.key, "POST", "/Bulk", {"schemas": [BULK_REQUEST], "Operations": operations})]


def creates_all(body: bytes) -> bool:
    """Whether each operation of a bulk request has created somebody."""
    return [operation["status"] for operation in json.loads(body)["Operations"]] == ["201"] * CREATES


# Requests -------------------------------------------------------------------------------------------------------------


def scim(subject: Subject, key: str, method: str, path: str, document: Document | None = None) -> Request:
    """Return a SCIM request that an organization's key sends."""
    headers = {"Authorization": f"Bearer {key}"}
    if document is None:
        return Request(method, subject.base + path, headers)
    return Request(method, subject.base + path, headers | {"Content-Type": SCIM}, json.dumps(document))


def of_user(subject: Subject, method: str, person: Person, document: Document | None = None) -> Request:
    """Return a request for one member."""
    return scim(subject, person.key, method, f"/Users/{person.id}", document)


def patch(operation: str, path: str, value: object) -> Document:
    """Return the body of a PATCH."""
    return {"schemas": [PATCH_OP], "Operations": [{"op": operation, "path": path, "value": value}]}


def user(user_name: str, external_id: str, given_name: str) -> Document:
    """Return a user as Okta sends one."""
    return {
        "schemas": [USER],
        "userName": user_name,
        "externalId": external_id,
        "name": {"givenName": given_name, "familyName": "Person"},
        "emails": [{"value": user_name, "primary": True, "type": "work"}],
        "active": True,
    }


# The rows -------------------------------------------------------------------------------------------------------------

GET = Work("GET by id", get)
BY_USER_NAME = Work("filter userName eq", by_filter("userName", "user_name", "userName"), shows=finds(1))
# As its documentation sets it up, django-scim2 filters by userName, name and active alone.
BY_EXTERNAL_ID = Work(
    "filter externalId eq", by_filter("externalId", "external_id", "externalId"), (FLOOR, IN_MEMORY), finds(1)
)
BY_EMAIL = Work("filter emails.value eq", by_filter("emails.value", "user_name", "email"), (FLOOR, IN_MEMORY), finds(1))
FIRST_PAGE = Work("list of 100, first page", listing(lambda subject: "startIndex=1"), (PLAIN, IN_MEMORY), finds(PAGE))
# django-scim2 reads all rows for each page, so that its first says everything.
MIDDLE_PAGE = Work(
    "list of 100, in the middle",
    listing(lambda subject: f"startIndex={subject.size.members // 2}"),
    (IN_MEMORY,),
    finds(PAGE),
    only_one=True,
)
CURSOR_PAGE = Work(
    "list of 100, by cursor at the end",
    listing(lambda subject: f"cursor={subject.content.cursor}"),
    (),
    finds(PAGE),
    only_one=True,
)
# A userName is user0012345@acme.example: a hundred begin as one does, some ten hold its number.
BEGINNING = Work("filter userName sw", by_part("userName", "sw", slice(9)), (), finds_some, only_one=True)
HOLDING = Work("filter emails.value co", by_part("emails.value", "co", slice(5, 12)), (), finds_some, only_one=True)
SORTED = Work(
    "list of 100, sorted by displayName", listing(lambda subject: "sortBy=displayName"), (), finds(PAGE), only_one=True
)
RECENT = Work(
    "list of 100, the last modified",
    listing(lambda subject: "sortBy=meta.lastModified&sortOrder=descending"),
    (),
    finds(PAGE),
    only_one=True,
)
SEARCHES = (BEGINNING, HOLDING, SORTED, RECENT)
PATCH = Work("PATCH active", patch_active)
PUT = Work("PUT profile", put)
SMALL_GROUP = Work(
    "group of 10: add or remove one",
    membership(lambda subject: subject.content.small_group, ("add", "remove")),
    (),
    only_one=True,
)
LARGE_GROUP = Work(
    "group of 100,000 (or all): the same",
    membership(lambda subject: subject.content.large_group, ("remove", "add")),
    (),
    only_one=True,
)
MEMBERS_PAGE = Work("Members page", members_page, (), lambda body: body.count(b"<tr") > ROWS, only_one=True)
POST = Work("POST", post, (PLAIN, IN_MEMORY))
BULK_CREATES = Work("Bulk of 1,000 creates", bulk, (), creates_all, only_one=True)

# Works that are compared with each other stand together and have their turns together. Those who create come last, so
# that till then there are as many members as the tables say; and alone, as a Bulk adds thousands that POST isn't about.
TOGETHER = [
    [GET], [BY_USER_NAME], [BY_EXTERNAL_ID], [BY_EMAIL], [FIRST_PAGE, CURSOR_PAGE], [MIDDLE_PAGE],
    [BEGINNING, HOLDING], [SORTED, RECENT], [PATCH], [PUT],
    [SMALL_GROUP, LARGE_GROUP], [MEMBERS_PAGE], [POST], [BULK_CREATES],
]  # fmt: skip
WORKS = [work for works in TOGETHER for work in works]


def look_ups(subject: Subject) -> list[Request]:
    """Return what a directory sends before it changes anything: is this person there, and as what?"""
    pairs = zip(BY_USER_NAME.requests(subject), get(subject), strict=True)
    return [request for pair in pairs for request in pair]


def scans(subject: Subject) -> list[Request]:
    """Return one request for each further key that reads all members: nothing indexes what it asks for."""
    query = "filter=" + quote('title co "no such title"')
    return [scim(subject, key, "GET", f"/Users?{query}") for key in subject.content.more_keys]


def mixed(subject: Subject) -> list[Request]:
    """Return what directories send all day: look-ups most of all, then changes, now and then a list."""
    found, [page, *_] = look_ups(subject), FIRST_PAGE.requests(subject)
    requests = []
    for number, change in enumerate(patch_active(subject)):
        place = 2 * number % len(found)
        requests += [*found[place : place + 2], change]
        if number % 5 == 0:
            requests.append(page)
    return requests
