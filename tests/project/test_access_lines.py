"""Each request leaves one line, which says what an operator asks and repeats nothing personal."""

import json
from contextlib import closing
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.test import Client, RequestFactory

from lib import request_id
from members.models import Member, Organization
from tests.conftest import ACME, SETUP, new_key
from torii_settings.access import AccessLog
from torii_settings.refusals import Refusal, refused

pytestmark = pytest.mark.django_db

CANARY = "canary%40acme.example"

Lines = list[dict[str, Any]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Lines:
    """Return the access lines that the test's requests leave."""
    written: Lines = []
    settings.ACCESS_LOG = True
    monkeypatch.setattr("torii_settings.access.write_line", lambda line: written.append(json.loads(line)))
    return written


HANDLER = WSGIHandler()


def django(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer as Django does, without the signals by which it would leave the test's connection."""
    with closing(WSGIRequest(environ)) as request:
        response = HANDLER.get_response(request)
    body = list(response)
    for closer in vars(response)["_resource_closers"]:
        closer()
    start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
    return body


class Call:
    """A request to the whole application, and what it was answered."""

    def __init__(self, path: str, method: str = "GET", application: Any = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        environ = RequestFactory().generic(method, path, headers=named).environ
        self.environ = environ | {"REMOTE_ADDR": "203.0.113.9"}
        body = AccessLog(application or django)(self.environ, self.start)
        self.body = b"".join(body)

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        self.status, self.headers = int(status[:3]), dict(headers)
        assert len(headers) == len(self.headers) + max(0, sum(name == "Set-Cookie" for name, _ in headers) - 1)


def with_key(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_a_line_says_what_an_operator_asks(lines: Lines, acme: Organization, ana: Member):
    new = new_key(acme)
    call = Call(f"/scim/v2/Users/{ana.pk}?attributes=userName", X_Request_Id="one", **with_key(new.text))

    (line,) = lines
    assert line.pop("timestamp").endswith("Z")
    assert 0 < line.pop("ms") < 60_000
    assert line == {
        "level": "info",
        "logger": "access",
        "event": "request",
        "door": "scim",
        "method": "GET",
        "route": "/scim/v2/Users/<uuid>",
        "status": 200,
        "key": new.api_key.key_id,
        "organization": acme.public_id,
        "client": "203.0.113.9",
        "request_id": "one",
        "bytes": len(call.body),
    }


@pytest.mark.parametrize(
    ("path", "door", "route", "status"),
    [
        ("/scim/v2/Users", "scim", "/scim/v2/Users", 401),
        ("/scim/v2", "scim", "/scim/v2", 401),
        ("/scim/v2/Users/.search", "scim", "/scim/v2/Users/.search", 401),
        ("/v1.0/scim/v2/Groups/" + CANARY, "scim", "/v1.0/scim/v2/Groups/<uuid>", 401),
        ("/scim/v2/" + CANARY, "scim", "/scim/v2/", 404),
        ("/v1.0/members/" + CANARY, "api", "/v1.0/members/<member_id>", 401),
        ("/v1.0/" + CANARY, "api", "/v1.0/", 404),
        ("/v1.0/members", "api", "/v1.0/members", 401),
        ("/settings/", "web", "/settings/", 302),
        ("/settings/" + CANARY, "web", None, 302),
        ("/settings/members/01a21e51-59a7-7b22-9078-497a3a777743", "web", "/settings/members/<member_id>", 302),
        (f"{ACME}/members", "web", "/settings/<organization_id>/members", 302),
        (f"{ACME}/" + CANARY, "web", None, 302),
        ("/" + CANARY, "web", None, 404),
        ("/accounts/login/", "web", "/accounts/login/", 200),
        ("/admin/members/member/", "staff", "/admin/members/member/", 302),
        ("/static/settings.css", "static", None, 200),
        ("/healthz", "health", "/healthz", 200),
    ],
)
def test_each_door_has_its_name_and_routes_have_no_values(
    lines: Lines, path: str, door: str, route: str | None, status: int
):
    call = Call(f"{path}?filter={CANARY}&x=canary")
    (line,) = lines
    assert (line["door"], line["route"], line["status"]) == (door, route, status)
    assert line["bytes"] == len(call.body)
    assert line["request_id"] == call.headers["X-Request-Id"]
    assert "canary" not in json.dumps(line)


def test_a_key_that_is_refused_is_named_all_the_same(lines: Lines, acme: Organization, settings: Any):
    new = new_key(acme)
    acme.disable_scim(by=SETUP)
    # Counted in this process alone: a Redis that is slow for once would leave the limit to it half way.
    settings.REDIS_URL = ""
    settings.BAD_KEY_LIMIT = 1
    for _ in range(2):
        Call("/scim/v2/Users", **with_key(new.text))
    new.api_key.delete_key(by=SETUP)
    Call("/scim/v2/Users", **with_key(new.text))

    refused = [(line["status"], line["key"], line["organization"]) for line in lines]
    key_id = new.api_key.key_id
    assert refused == [(403, key_id, acme.public_id), (429, key_id, acme.public_id), (401, None, None)]


def test_a_page_names_the_organization(lines: Lines, acme: Organization, ana: Member, sign_in: Any):
    Call(f"{ACME}/members/", Cookie=sign_in(ana).cookies.output(header="", sep=";"))
    assert [(line["organization"], line["key"]) for line in lines] == [(acme.public_id, None)]


def test_a_request_that_fails_on_our_side_leaves_its_line(
    lines: Lines, acme: Organization, monkeypatch: pytest.MonkeyPatch
):
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("scim.views.users.UsersView.page", broken)
    Call("/scim/v2/Users", **with_key(new_key(acme).text))
    assert [line["status"] for line in lines] == [500]


def test_what_is_refused_before_any_view_is_asked_has_its_id_and_its_line(lines: Lines):
    def refuse(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        answer = refused(environ, Refusal(413, "Too large."))
        start_response(answer.status, answer.headers)
        return [answer.body]

    for path, door in (("/scim/v2/Users/x", "scim"), ("/v1.0/members", "api"), ("/settings/", "web")):
        lines.clear()
        call = Call(path, application=refuse, X_Request_Id="mine")
        assert call.headers["X-Request-Id"] == "mine"
        assert [(line["door"], line["status"], line["request_id"]) for line in lines] == [(door, 413, "mine")]
        assert door == "web" or b"mine" in call.body


def test_a_request_that_is_answered_again_goes_by_one_id_and_leaves_one_line(lines: Lines):
    seen: list[str] = []

    def twice(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        for _ in range(2):
            body = django(environ.copy(), lambda *_: seen.append(request_id.known()))
        start_response("200 OK", [])
        return body

    call = Call("/healthz", application=twice)
    assert seen == [call.headers["X-Request-Id"]] * 2
    assert len(lines) == 1


def test_one_request_is_not_taken_for_the_one_before(lines: Lines, acme: Organization):
    def nothing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("503 Service Unavailable", [])
        return [b""]

    Call("/scim/v2/Users", **with_key(new_key(acme).text))
    Call("/scim/v2/Users", application=nothing)
    assert [line["key"] is None for line in lines] == [False, True]


def test_no_line_is_written_where_they_are_turned_off(lines: Lines, settings: Any):
    settings.ACCESS_LOG = False
    Call("/healthz")
    assert lines == []


def test_the_test_client_is_answered_with_the_same_header(client: Client):
    assert client.get("/healthz", headers={"X-Request-Id": "one"})["X-Request-Id"] == "one"
