"""`/Bulk`: many operations in one request (RFC 7644 §3.7).

Each operation goes through the view that a request of its own would go through, so that it means the same and is as
atomic; they share nothing but the connection. Operations that refer to others by `bulkId:…` wait for them.

Each operation is committed by itself, so if the database disturbs one, that one is run again (`lib.rerun`), and has the
time of a request of its own (`lib.time_limit`).

One kind is what bulk requests are for, users to create, hundreds in a row. These go to `members.models.batch`, which
adds them together, with the outcome that they would have had one by one; what it leaves goes the way of its own.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apikeys.limits import charge_key
from lib.rerun import run_unit
from lib.time_limit import TimedOut, TimeLimit
from members.directory import DirectoryProfile
from members.models import Member
from members.models.batch import add_members
from scim.adapters import MemberAdapter, base_url
from scim.authentication import ScimRequest
from scim.body import inspect, inspect_depth, read_object
from scim.bulk_operation import Operation, resolved, without_references
from scim.errors import ScimRefusal, error_response, translate
from scim.query import whole_number
from scim.representation import GROUPS, member_document, member_row
from scim.schemas import BULK_REQUEST_URN, BULK_RESPONSE_URN, USER_URN
from scim.views.base import Document, ScimView, answers_in_scim, render
from scim.views.groups import GroupsView
from scim.views.resources import ResourceView, rendered
from scim.views.roles import RolesView
from scim.views.users import UsersView

VIEWS: dict[str, type[ResourceView]] = {
    "users": UsersView,
    "groups": GroupsView,
    "roles": RolesView,
}

# So many users are created together: at twice as many each costs hardly less, and the transaction is twice as long.
BATCH = 200
OPERATIONS_PER_REQUEST = 25
# How many times that of a single request all operations of a request may take.
TIMEOUTS = 10


class Job:
    """The operations of one request, carried out in an order in which each finds what it refers to.

    Where resources refer to each other in a circle (RFC 7644 §3.7.1), the first is created without its references and
    gets them at the end.
    """

    def __init__(
        self, request: ScimRequest, operations: list[Operation], errors_allowed: int, limit: TimeLimit
    ) -> None:
        self.request = request
        self.operations = operations
        self.errors_allowed = errors_allowed
        self.limit = limit
        self.ids: dict[str, str] = {}
        self.results: dict[int, Document] = {}
        self.errors = 0
        self.incomplete: list[int] = []

    def run(self) -> list[Document]:
        """Carry the operations out and return their results in the order of the request.

        After `failOnErrors` errors the rest is left undone and unmentioned (RFC 7644 §3.7.3).
        """
        waiting = list(enumerate(self.operations))
        while waiting and not self._stopped():
            to_come = {operation.bulk_id for _, operation in waiting if operation.method == "POST"}
            ready = [number for number, operation in waiting if not operation.waits_for & to_come]
            if not ready:
                self._break_circle(next(number for number, operation in waiting if operation.method == "POST"), to_come)
            for numbers in self._together(ready):
                if len(numbers) > 1:
                    self._create_users(numbers)
                elif not self._stopped():
                    self._finish(numbers[0], self._answer(self.operations[numbers[0]]))
            waiting = [(number, operation) for number, operation in waiting if number not in self.results]
        for number in self.incomplete:
            self._complete(number)
        return [self.results[number] for number in sorted(self.results)]

    def _stopped(self) -> bool:
        return bool(self.errors_allowed) and self.errors >= self.errors_allowed

    def _together(self, ready: list[int]) -> Iterator[list[int]]:
        """Yield the operations in their order: users to create up to `BATCH` at once, anything else alone.

        What is yielded is carried out before the next is asked for, so that it is known which bulkIds are taken.
        """
        batch: dict[str, int] = {}
        for number in ready:
            operation = self.operations[number]
            if batch and (len(batch) == BATCH or operation.bulk_id in batch or not self._creates_user(operation)):
                yield list(batch.values())
                batch = {}
            if self._creates_user(operation):
                batch[operation.bulk_id] = number
            else:
                yield [number]
        if batch:
            yield list(batch.values())

    def _creates_user(self, operation: Operation) -> bool:
        """Whether the operation is a POST of a user that nothing stands in the way of.

        With `failOnErrors` none is taken for one: how far a batch may go shows only when its operations have failed.
        """
        return (
            operation.method == "POST"
            and not operation.fault
            and operation.endpoint == "users"
            and operation.bulk_id not in self.ids
            and operation.waits_for <= self.ids.keys()
            and not self.errors_allowed
        )

    def _create_users(self, numbers: list[int]) -> None:
        """Create users together."""
        profiles: dict[int, DirectoryProfile] = {}
        for number in numbers:
            try:
                profiles[number] = self._profile(self.operations[number])
            except Exception as error:  # noqa: BLE001 - the translator tells ours from the caller's faults
                self._finish(number, translate(error))
        organization, actor = self.request.organization, self.request.actor
        added = add_members(organization, list(profiles.values()), source=Member.Source.SCIM, by=actor)
        try:
            with self._time_limit():
                for number, member in zip(profiles, added, strict=True):
                    self._finish(number, self._created(member) if member else self._answer(self.operations[number]))
        except TimedOut as error:
            for number in profiles.keys() - self.results.keys():
                self._finish(number, translate(error))

    def _profile(self, operation: Operation) -> DirectoryProfile:
        """Read the data of a POST as `read_object` and the adapter would."""
        document = resolved(operation.data, self.ids) if operation.waits_for else dict(operation.data)
        inspect(document)
        if not any(name.lower() == "schemas" for name in document):
            document["schemas"] = [USER_URN]
        return MemberAdapter(None, request=self.request).from_dict(document)

    def _created(self, member: Member) -> HttpResponse:
        """Return what a POST that made this member answers with; nobody is in a group yet."""
        document = member_document(member_row(member) | {GROUPS: []}, base_url(self.request))
        return rendered(document, 201, document["meta"])

    def _break_circle(self, number: int, to_come: set[str]) -> None:
        """Create the resource of a POST without its references to what is still to come."""
        operation = self.operations[number]
        rest = without_references(operation.data, to_come) or {}
        waits_for = operation.waits_for - to_come
        self._finish(number, self._answer(replace(operation, data=rest, waits_for=waits_for)))
        if operation.bulk_id in self.ids:
            self.incomplete.append(number)

    def _complete(self, number: int) -> None:
        """Give a resource its references; one that can't have them is not to be, as if its POST had failed."""
        operation = self.operations[number]
        path = f"{operation.path.strip('/')}/{self.ids[operation.bulk_id]}"
        completed = self._answer(replace(operation, method="PUT", path=path, version=""))
        if completed.status_code >= 400:
            self._perform(Operation("DELETE", path, "", "", None))
            self._finish(number, completed)
        else:
            self.results[number]["version"] = completed.headers["ETag"]

    def _answer(self, operation: Operation) -> HttpResponseBase:
        if operation.fault:
            return error_response(400, operation.fault, "invalidValue")
        if operation.method == "POST" and operation.bulk_id in self.ids:
            return error_response(400, "Another operation has the same bulkId.", "invalidValue")
        if missing := sorted(operation.waits_for - self.ids.keys()):
            return error_response(409, f"No operation with the bulkId {missing[0][:60]} succeeded.")
        return self._perform(operation)

    def _perform(self, operation: Operation) -> HttpResponseBase:
        """Send the operation through the view of its endpoint, as a request of its own and a unit of its own."""
        return run_unit(lambda: self._send_in_time(operation))

    def _send_in_time(self, operation: Operation) -> HttpResponseBase:
        with self._time_limit():
            return self._send(operation)

    def _time_limit(self) -> TimeLimit:
        """Return the limit for an operation or a batch: that of a request of its own, within that of this request."""
        return TimeLimit(settings.REQUEST_TIMEOUT_MACHINES, is_for_change=True, within=self.limit)

    def _send(self, operation: Operation) -> HttpResponseBase:
        path = resolved(operation.path, self.ids).strip("/")
        endpoint, _, identifier = path.partition("/")
        request = HttpRequest()
        request.method = operation.method
        request.path = request.path_info = self.request.path_info
        if operation.version:
            request.META["HTTP_IF_MATCH"] = operation.version
        request._body = json.dumps(resolved(operation.data, self.ids)).encode()
        for name in ("api_key", "organization", "actor"):
            setattr(request, name, getattr(self.request, name))
        request.seek = None  # type: ignore[attr-defined]
        arguments = {"uuid": identifier} if identifier else {}
        view = VIEWS[endpoint.lower()]()
        view.setup(request, **arguments)
        return answers_in_scim(getattr(view, operation.method.lower()))(request, **arguments)

    def _finish(self, number: int, response: HttpResponseBase) -> None:
        """Record the result of an operation (RFC 7644 §3.7)."""
        operation = self.operations[number]
        result: Document = {"method": operation.method} if operation.method else {}
        if operation.bulk_id:
            result["bulkId"] = operation.bulk_id
        location = response.headers.get("Location")
        if location is None and operation.method != "POST" and operation.path:
            location = f"{base_url(self.request)}/{resolved(operation.path, self.ids).strip('/')}"
        if location:
            result["location"] = location
        if "ETag" in response.headers:
            result["version"] = response.headers["ETag"]
        result["status"] = str(response.status_code)
        if response.status_code >= 400 and isinstance(response, HttpResponse):
            self.errors += 1
            result["response"] = orjson.loads(response.content)
        elif operation.method == "POST" and location:
            self.ids[operation.bulk_id] = location.rpartition("/")[2]
        self.results[number] = result


def charge(request: ScimRequest, cost: int) -> None:
    """Charge the key for what a bulk request costs. Raises a 413 for more than `SCIM_BULK_COST_LIMIT`.

    So many users are created in the time of one request that `OPERATIONS_PER_REQUEST` of them count as one.
    """
    limit = settings.SCIM_BULK_COST_LIMIT
    if limit and cost > limit:
        raise ScimRefusal(
            413,
            f"These operations cost {cost}, where {limit} is the limit: each costs 1, and 10 more for each path with a "
            "filter. Send fewer at once.",
        )
    charge_key(request.api_key.pk, cost // OPERATIONS_PER_REQUEST)


class BulkView(ScimView):
    """`/Bulk`."""

    http_method_names = ("post", "options")

    def post(self, request: ScimRequest) -> HttpResponse:
        """Return the BulkResponse. Raises a 413 for more than `SCIM_BULK_LIMIT` operations."""
        document = {
            name.lower(): value
            for name, value in read_object(request, BULK_REQUEST_URN, inspects=inspect_depth).items()
        }
        operations = document.get("operations")
        if not isinstance(operations, list):
            raise ScimRefusal(400, "A bulk request needs Operations, a list.", "invalidValue")
        limit = settings.SCIM_BULK_LIMIT
        if limit and len(operations) > limit:
            raise ScimRefusal(413, f"A bulk request may hold {limit} operations, not {len(operations)}; send several.")
        jobs = [Operation.of(operation) for operation in operations]
        charge(request, sum(job.cost for job in jobs))
        errors_allowed = whole_number(document, "failOnErrors", 0)
        # Each operation has its own time, as a request of its own, and all have this together.
        with TimeLimit(TIMEOUTS * settings.REQUEST_TIMEOUT_MACHINES, is_for_change=True) as time_limit:
            job = Job(request, jobs, max(errors_allowed, 0), time_limit)
            return render({"schemas": [BULK_RESPONSE_URN], "Operations": job.run()})
