"""Whatever goes wrong is a problem with a code; nothing of the inside is told, and only our own fault is a 500."""

import gzip
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError
from django.test import Client

from api.kinds import KINDS
from members.models import Member, Organization
from tests.api.client import Script, assert_problem


@pytest.mark.parametrize("path", ["", "nothing", "members/", "members/x/y", "../settings", "é", "members%00"])
def test_an_address_where_nothing_is_is_a_404(script: Script, path: str) -> None:
    for key in (script, Script("")):
        for method in ("GET", "POST", "DELETE", "FOO"):
            response = key.call(method, f"/v1.0/{path}")
            assert_problem(response, 404, "not_found")


@pytest.mark.parametrize("path", ["scim/v2", "scim/v2/Nothing"])
def test_scim_answers_in_scim_at_its_own_address(script: Script, path: str) -> None:
    response = script.get(f"/v1.0/{path}")
    assert response["Content-Type"] == "application/scim+json"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "FOO"])
@pytest.mark.parametrize("key", ["script", "reader", "nobody"])
def test_another_method_is_a_405_with_allow_whoever_asks(
    request: pytest.FixtureRequest, acme: Organization, method: str, key: str
) -> None:
    caller = Script("") if key == "nobody" else request.getfixturevalue(key)
    response = caller.call(method, "members")
    assert_problem(response, 405, "method_not_allowed", "Allow")
    assert response["Allow"] == "GET, HEAD, OPTIONS"


def test_allow_names_what_each_address_takes(script: Script, ira: Member) -> None:
    for path, allowed in {
        f"members/{ira.pk}/role": "PUT, OPTIONS",
        f"members/{ira.pk}/deactivation": "POST, OPTIONS",
        "leaked-keys": "POST, OPTIONS",
        "schema": "GET, HEAD, OPTIONS",
    }.items():
        assert script.call("DELETE", path)["Allow"] == allowed
        response = script.call("OPTIONS", path)
        assert (response.status_code, response["Allow"], response.content) == (204, allowed, b"")


def test_head_is_get_without_the_body(script: Script, ana: Member) -> None:
    response, whole = script.call("HEAD", "members"), script.get("members")
    assert response.status_code == 200
    assert response.content == b""
    assert response["Content-Length"] == str(len(whole.content))


def test_answers_are_json_of_known_length_that_nobody_keeps(script: Script, ana: Member) -> None:
    for path in ("organization", "members", f"members/{ana.pk}", "roles", "groups", "api-keys", "audit-events"):
        response = script.get(path)
        assert response["Content-Type"] == "application/json"
        assert response["Cache-Control"] == "no-store"
        assert response["Content-Length"] == str(len(response.content))


@pytest.mark.parametrize("accept", ["*/*", "application/*", "application/json;q=0.5, text/html", "text/html,*/*"])
def test_what_accepts_json_gets_it(script: Script, accept: str) -> None:
    assert script.call("GET", "roles", headers={"Accept": accept})["Content-Type"] == "application/json"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*", "", "x" * 9000])
def test_what_does_not_is_a_406(script: Script, accept: str) -> None:
    assert_problem(script.call("GET", "roles", headers={"Accept": accept}), 406, "not_acceptable", "application/json")


BODIES: dict[str, tuple[Any, str]] = {
    "empty": (b"", "invalid_body"),
    "no JSON": (b"{", "malformed_json"),
    "a list": (b"[]", "malformed_json"),
    "null": (b"null", "malformed_json"),
    "a string": (b'"Admin"', "malformed_json"),
    "NaN": (b'{"role": NaN}', "malformed_json"),
    "no UTF-8": (b'{"role": "\xff"}', "malformed_json"),
    "a huge number": (b'{"role": 1' + b"0" * 5000 + b"}", "malformed_json"),
    "1e400": (b'{"role": 1e400}', "malformed_json"),
    "too deep": (b'{"role": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "malformed_json"),
    "twice": (b'{"role": "Admin", "role": "Employee"}', "malformed_json"),
    "NUL": (b'{"role": "\\u0000"}', "invalid_body"),
    "half a surrogate pair": (b'{"role": "\\ud800"}', "invalid_body"),
    "endless": (b'{"role": "' + b"x" * 70_000 + b'"}', "invalid_body"),
    "no field": (b"{}", "invalid_body"),
    "another field": (b'{"role": "Admin", "name": "x"}', "invalid_body"),
    "a number": (b'{"role": 5}', "invalid_body"),
    "a boolean": (b'{"role": true}', "invalid_body"),
    "nothing": (b'{"role": null}', "invalid_body"),
    "an object": (b'{"role": {"name": "Admin"}}', "invalid_body"),
    "blank": (b'{"role": ""}', "invalid_body"),
    "long": (b'{"role": "' + b"x" * 61 + b'"}', "invalid_body"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_not_what_is_asked_for_is_a_400_and_changes_nothing(
    script: Script, ira: Member, name: str
) -> None:
    body, code = BODIES[name]
    response = script.call("PUT", f"members/{ira.pk}/role", body)
    problem = assert_problem(response, 400, code)
    assert len(problem["detail"]) < 300
    ira.refresh_from_db()
    assert ira.role.name == "IT Admin"


def test_errors_are_told_by_field(script: Script, ira: Member) -> None:
    problem = script.call("PUT", f"members/{ira.pk}/role", {}).json()
    assert problem["errors"] == {"role": ["This field is required."]}


@pytest.mark.parametrize(
    "media_type", ["application/x-www-form-urlencoded", "text/plain", "", "x" * 300, "application/json; charset=utf-16"]
)
def test_another_media_type_is_a_415(script: Script, ira: Member, media_type: str) -> None:
    response = script.call("PUT", f"members/{ira.pk}/role", {"role": "Admin"}, content_type=media_type)
    assert_problem(response, 415, "unsupported_media_type")


def test_a_body_may_come_gzipped(script: Script, ira: Member) -> None:
    packed = gzip.compress(b'{"role": "Read Only"}')
    response = script.call("PUT", f"members/{ira.pk}/role", packed, headers={"Content-Encoding": "gzip"})
    assert response.json()["role"]["name"] == "Read Only"


def test_a_body_that_is_too_large_is_a_413(script: Script, ira: Member, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    body = {"role": "x" * 200}
    assert_problem(script.call("PUT", f"members/{ira.pk}/role", body), 413, "body_too_large", "100 bytes")


QUERIES = {
    "rol=Admin": ("unknown_parameter", "rol", "role, search, user_name"),
    "format=json": ("unknown_parameter", "format"),
    "a%00=1": ("unknown_parameter",),
    "%F0%28=1": ("unknown_parameter",),
    "active=yes": ("invalid_parameter", "true or false"),
    "active=": ("invalid_parameter",),
    "active=null": ("invalid_parameter",),
    "active=true&active=false": ("invalid_parameter", "more than once"),
    "role=%00": ("invalid_parameter", "Null"),
    "role=": ("invalid_parameter",),
    "user_name=" + "x" * 255: ("invalid_parameter", "254"),
    "search=" + "x%20" * 60: ("invalid_parameter",),
    "limit=0": ("invalid_parameter", "greater"),
    "limit=201": ("invalid_parameter", "200"),
    "limit=-1": ("invalid_parameter",),
    "limit=ten": ("invalid_parameter",),
    "limit=1_0": ("invalid_parameter",),
    "limit=1.0": ("invalid_parameter",),
    "limit=": ("invalid_parameter",),
    "limit=" + "9" * 5000: ("invalid_parameter",),
    "limit=%D9%A1": ("invalid_parameter",),
    "&".join(f"x{number}=1" for number in range(1500)): ("bad_request",),
}


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:20])
def test_a_query_that_is_not_understood_is_a_400(script: Script, query: str) -> None:
    code, *words = QUERIES[query]
    assert_problem(script.get(f"/v1.0/members?{query}"), 400, code, *words)


@pytest.mark.parametrize("path", ["organization", "schema?format=json&", "roles/x"])
def test_an_address_without_parameters_takes_none(script: Script, path: str) -> None:
    mark = "" if "?" in path else "?"
    assert_problem(script.get(f"/v1.0/{path}{mark}verbose=1"), 400, "unknown_parameter")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (OperationalError("server closed the connection: 10.0.0.5"), 503, "database_unavailable"),
        (IntegrityError("violates constraint x of 10.0.0.5"), 409, "conflict"),
        (Member.DoesNotExist("10.0.0.5"), 404, "not_found"),
        (DatabaseError("10.0.0.5"), 500, "internal_error"),
        (RuntimeError("10.0.0.5"), 500, "internal_error"),
    ],
)
def test_what_goes_wrong_inside_is_not_told(
    script: Script,
    ira: Member,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
    code: str,
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(Member, "deactivate", fail)

    response = script.call("POST", f"members/{ira.pk}/deactivation")

    assert_problem(response, status, code)
    assert "10.0.0.5" not in response.content.decode()
    assert response.get("Retry-After") == ("1" if status == 503 else None)
    assert ("an API request failed" in caplog.text) == (status == 500)


def test_a_fault_in_writing_the_answer_is_a_problem_too(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.body.JsonRenderer.render", lambda *args, **kwargs: 1 / 0)
    assert_problem(script.get("roles"), 500, "internal_error")


def test_every_kind_has_a_status_a_title_and_a_remedy() -> None:
    assert all(400 <= kind.status < 600 and kind.title and kind.remedy and kind.example for kind in KINDS.values())
    assert all(code == code.lower() for code in KINDS)


def test_a_host_that_is_not_ours_changes_no_url(script: Script, ana: Member, ira: Member, emil: Member) -> None:
    page = Client().get("/v1.0/members?limit=1", headers=script.headers | {"Host": "localhost"}).json()
    assert page["next"].startswith("http://localhost/v1.0/members?")
