"""`/Bulk`: many operations in one request (RFC 7644 §3.7).

Each operation goes through the view that a request of its own would go through, so that it means the same and is as
atomic; they share nothing but the connection. Operations that refer to others by `bulkId:…` wait for them.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from scim.adapters import base_url
from scim.authentication import ScimRequest
from scim.body import read_object
from scim.errors import ScimRefusal, error_response
from scim.query import whole_number
from scim.schemas import BULK_REQUEST_URN, BULK_RESPONSE_URN
from scim.views.base import Document, ScimView, answers_in_scim, render
from scim.views.groups import GroupsView
from scim.views.resources import ResourceView
from scim.views.roles import RolesView
from scim.views.users import UsersView

METHODS = ("POST", "PUT", "PATCH", "DELETE")
ENDPOINTS: dict[str, type[ResourceView]] = {
    "users": UsersView,
    "groups": GroupsView,
    "roles": RolesView,
}

# A reference is a whole string, a segment of a path, or a quoted value in a filtered path.
REFERENCE = re.compile(r'(?:^|(?<=["/]))bulkId:([^"/]+)')


@dataclass(slots=True)
class Operation:
    """One operation: what it is to do, and the bulkIds of the operations that it has to wait for."""

    method: str
    path: str
    bulk_id: str
    version: str
    data: Any
    fault: str = ""
    waits_for: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, document: Any) -> "Operation":
        """Read an operation; what is wrong with it becomes its `fault`, for it fails alone (RFC 7644 §3.7.3)."""
        parts = {name.lower(): value for name, value in document.items()} if isinstance(document, dict) else {}
        texts = {name: parts.get(name) or "" for name in ("method", "path", "bulkid", "version")}
        wrong = [name for name, value in texts.items() if not isinstance(value, str)]
        method, path, bulk_id, version = ("" if name in wrong else value for name, value in texts.items())
        operation = cls(method.upper(), path, bulk_id, version, parts.get("data"))
        operation.waits_for = set(references(operation.path)) | set(references(operation.data))
        operation.fault = f"{wrong[0]} must be a string." if wrong else operation._fault()
        return operation

    def _fault(self) -> str:
        if self.method not in METHODS:
            return f"method must be one of {', '.join(METHODS)}."
        endpoint, _, identifier = self.path.strip("/").partition("/")
        if endpoint.lower() not in ENDPOINTS:
            return "path must be /Users, /Groups or /Roles, with an id behind it unless the method is POST."
        if (self.method == "POST") == bool(identifier):
            return "A POST names an endpoint, every other method a resource of it."
        if self.method == "POST" and not self.bulk_id:
            return "A POST needs a bulkId."
        if self.method != "DELETE" and not isinstance(self.data, dict):
            return "data must be the object that a request of its own would send."
        return ""


def references(value: Any) -> Iterator[str]:
    """Yield the bulkIds that `value` refers to, wherever in it."""
    if isinstance(value, str):
        yield from REFERENCE.findall(value)
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from references(item)


def resolved(value: Any, ids: dict[str, str]) -> Any:
    """Return `value` with every reference in `ids` replaced by the id of the resource that it refers to."""
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: ids.get(match[1], match[0]), value)
    if isinstance(value, dict):
        return {name: resolved(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, ids) for item in value]
    return value


def without_references(value: Any, to_come: set[str]) -> Any:
    """Return `value` without what refers to one of `to_come` or is empty then, None if all of it goes."""
    if isinstance(value, str):
        return None if to_come.intersection(references(value)) else value
    if isinstance(value, dict):
        kept = {name: item for name, part in value.items() if (item := without_references(part, to_come)) is not None}
        return kept or (None if value else value)
    if isinstance(value, list):
        items = [item for part in value if (item := without_references(part, to_come)) is not None]
        return items or (None if value else value)
    return value


class Job:
    """The operations of one request, carried out in an order in which each finds what it refers to.

    Where resources refer to each other in a circle (RFC 7644 §3.7.1), the first is created without its references and
    gets them at the end.
    """

    def __init__(self, request: ScimRequest, operations: list[Operation], errors_allowed: int) -> None:
        self.request = request
        self.operations = operations
        self.errors_allowed = errors_allowed
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
            for number in ready:
                if not self._stopped():
                    self._finish(number, self._answer(self.operations[number]))
            waiting = [(number, operation) for number, operation in waiting if number not in self.results]
        for number in self.incomplete:
            self._complete(number)
        return [self.results[number] for number in sorted(self.results)]

    def _stopped(self) -> bool:
        return bool(self.errors_allowed) and self.errors >= self.errors_allowed

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
        """Send the operation through the view of its endpoint, as a request of its own."""
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
        arguments = {"uuid": identifier} if identifier else {}
        view = ENDPOINTS[endpoint.lower()]()
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


class BulkView(ScimView):
    """`/Bulk`."""

    http_method_names = ("post", "options")

    def post(self, request: ScimRequest) -> HttpResponse:
        """Return the BulkResponse. Raises a 413 for more than `SCIM_BULK_LIMIT` operations."""
        document = {name.lower(): value for name, value in read_object(request, BULK_REQUEST_URN).items()}
        operations = document.get("operations")
        if not isinstance(operations, list):
            raise ScimRefusal(400, "A bulk request needs Operations, a list.", "invalidValue")
        limit = settings.SCIM_BULK_LIMIT
        if limit and len(operations) > limit:
            raise ScimRefusal(413, f"A bulk request may hold {limit} operations, not {len(operations)}; send several.")
        errors_allowed = whole_number(document, "failOnErrors", 0)
        job = Job(request, [Operation.of(operation) for operation in operations], max(errors_allowed, 0))
        return render({"schemas": [BULK_RESPONSE_URN], "Operations": job.run()})
