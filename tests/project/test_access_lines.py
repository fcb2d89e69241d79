"""Each request leaves one line, which says what an operator asks and repeats nothing personal."""

import json
from typing import Any

import pytest
from django.test import Client

from audit.actor import Origin
from members.models import Member, Organization
from tests.conftest import SETUP, new_key
from tests.identity_provider import IdentityProvider

CANARY = "canary%40acme.example"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[dict[str, Any]]:
    """Return the access lines that the test's requests leave."""
    written: list[dict[str, Any]] = []
    settings.ACCESS_LOG = True
    monkeypatch.setattr("torii_settings.access.write_line", lambda line: written.append(json.loads(line)))
    return written


def test_a_line_says_what_an_operator_asks(lines: list[Any], acme: Organization, ana: Member):
    new = new_key(acme)
    headers = {"X-Request-Id": "one"}
    response = IdentityProvider(new.text).call("GET", f"/Users/{ana.pk}", headers=headers, attributes="userName")

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
        "client": "127.0.0.1",
        "request_id": "one",
        "bytes": len(response.content),
    }


@pytest.mark.django_db
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
        ("/" + CANARY, "web", None, 404),
        ("/accounts/login/", "web", "/accounts/login/", 200),
        ("/admin/members/member/", "staff", "/admin/members/member/", 302),
        ("/static/settings.css", "static", None, 200),
        ("/healthz", "health", "/healthz", 200),
    ],
)
def test_each_door_has_its_name_and_routes_have_no_values(
    lines: list[Any], client: Client, path: str, door: str, route: str | None, status: int
):
    response = client.get(f"{path}?filter={CANARY}&x=canary")
    response.close()
    (line,) = lines
    assert (line["door"], line["route"], line["status"]) == (door, route, status)
    assert line["bytes"] == int(response.headers.get("Content-Length", line["bytes"]))
    assert "canary" not in json.dumps(line)


def test_a_key_that_is_refused_is_named_all_the_same(lines: list[Any], acme: Organization, settings: Any):
    new = new_key(acme)
    acme.disable_scim(by=SETUP)
    IdentityProvider(new.text).get("/Users")
    settings.KEY_RATE_LIMIT = settings.KEY_RATE_BURST = 1
    for _ in range(3):
        IdentityProvider(new.text).get("/Users")
    new.api_key.delete_key(by=SETUP)
    IdentityProvider(new.text).get("/Users")

    refused = {(line["status"], line["key"], line["organization"]) for line in lines}
    key_id = new.api_key.key_id
    assert refused == {(403, key_id, acme.public_id), (429, key_id, acme.public_id), (401, None, None)}


def test_a_page_names_the_organization(lines: list[Any], acme: Organization, ana: Member, sign_in: Any):
    sign_in(ana).get("/settings/members/")
    assert [(line["organization"], line["key"]) for line in lines] == [(acme.public_id, None)]


def test_a_request_that_fails_on_our_side_leaves_its_line(
    lines: list[Any], okta: IdentityProvider, monkeypatch: pytest.MonkeyPatch
):
    def broken(*args: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("scim.representation.meta", broken)
    okta.create()
    assert [line["status"] for line in lines] == [500]


def test_no_line_is_written_where_they_are_turned_off(lines: list[Any], client: Client, settings: Any):
    settings.ACCESS_LOG = False
    client.get("/healthz")
    assert lines == []


def test_a_client_without_an_address_is_nobody(lines: list[Any], client: Client):
    client.get("/healthz", REMOTE_ADDR="unix:")
    assert lines[0]["client"] is None
    assert Origin().ip is None
