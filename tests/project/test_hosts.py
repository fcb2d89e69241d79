"""The Host header at every door of a real server: none of `ALLOWED_HOSTS` is a 400 in the door's own format."""

import json
import socket
from collections.abc import Iterator
from email.parser import BytesParser
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.conftest import new_key
from tests.server import web_server

pytestmark = pytest.mark.django_db(transaction=True)

SCIM_DOORS = ("/scim/v2/Users", "/scim/v2/ServiceProviderConfig", "/scim/v2/nothing", "/v1.0/scim/v2/Users")
REST_DOORS = ("/v1.0/members", "/v1.0/schema", "/v1.0/leaked-keys", "/v1.0/nothing")
PAGES = (
    "/",
    "/docs/api",
    "/settings/",
    "/accounts/login/",
    "/admin/login/",
    "/static/settings.css",
    "/nothing",
    "/scim",
)
HEALTH = ("/healthz", "/readyz")

WRONG = {
    "another": ["evil.example"],
    "one that ends as ours": ["evil127.0.0.1"],
    "one that begins as ours": ["127.0.0.1.evil.example"],
    "with a user": ["127.0.0.1@evil.example"],
    "with a path": ["127.0.0.1/evil"],
    "with a bad port": ["127.0.0.1:80:90"],
    "with a space": ["127.0.0.1 evil"],
    "with an underscore": ["127_0_0_1"],
    "empty": [""],
    "missing": [],
    "two": ["127.0.0.1", "evil.example"],
    "two, the wrong one first": ["evil.example", "127.0.0.1"],
    "in brackets": ["[::1"],
    "not ASCII": ["b\u00fccher.example"],
    "long": ["a" * 5000],
}
RIGHT = {
    "ours": ["127.0.0.1"],
    "with any port": ["127.0.0.1:1"],
    "in capitals": ["LOCALHOST"],
    "with a dot behind it": ["localhost."],
}


class Answer(NamedTuple):
    status: int
    headers: Any
    body: bytes


@pytest.fixture(scope="module")
def address(django_db_setup: Any) -> Iterator[tuple[str, int]]:
    # The throwaway database's name isn't known before the first test; nothing here needs another.
    with web_server() as url:
        yield "127.0.0.1", int(urlsplit(url).port or 0)


def call(address: tuple[str, int], path: str, hosts: list[str], *others: str) -> Answer:
    """Send a request with these Host headers, byte for byte, and return the answer."""
    version = "HTTP/1.1" if hosts else "HTTP/1.0"
    lines = [f"GET {path} {version}", *[f"Host: {host}" for host in hosts], *others, "Connection: close", "", ""]
    with socket.create_connection(address, timeout=30) as line:
        line.sendall("\r\n".join(lines).encode())
        received = b"".join(iter(lambda: line.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    status, _, headers = head.partition(b"\r\n")
    return Answer(int(status.split()[1]), BytesParser().parsebytes(headers + b"\r\n\r\n"), body)


@pytest.mark.parametrize("hosts", WRONG.values(), ids=WRONG)
def test_a_host_that_is_none_of_ours_is_refused_at_every_door(address, acme, hosts):
    key = f"Authorization: Bearer {new_key(acme).text}"
    for path in SCIM_DOORS:
        answer = call(address, path, hosts, key)
        assert (answer.status, answer.headers["Content-Type"]) == (400, "application/scim+json")
        error = json.loads(answer.body)
        assert (error["status"], error["schemas"]) == ("400", ["urn:ietf:params:scim:api:messages:2.0:Error"])
        assert "The Host header names no host of this service: call it at http://127.0.0.1:" in error["detail"]
    for path in REST_DOORS:
        answer = call(address, path, hosts, key)
        assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
        assert json.loads(answer.body)["code"] == "wrong_host"
    for path in PAGES:
        answer = call(address, path, hosts)
        assert (answer.status, answer.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
        assert b"The Host header names no host of this service" in answer.body
        assert b"evil" not in answer.body
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("hosts", RIGHT.values(), ids=RIGHT)
def test_our_own_hosts_are_answered_at_every_door(address, acme, hosts):
    for path in (*SCIM_DOORS, *REST_DOORS, *PAGES):
        assert call(address, path, hosts).status in (200, 302, 401, 404, 405), path


@pytest.mark.parametrize("hosts", [*WRONG.values(), *RIGHT.values()], ids=[*WRONG, *RIGHT])
def test_health_checks_are_answered_whatever_host_they_name(address, hosts):
    for path in HEALTH:
        assert call(address, path, hosts).status == 200


def test_a_host_that_a_proxy_claims_to_have_been_asked_for_is_not_believed(address, acme):
    claims = ("X-Forwarded-Host: evil.example", "Forwarded: host=evil.example", "X-Forwarded-For: 192.0.2.1")
    for path in (*SCIM_DOORS, *REST_DOORS, *PAGES):
        answer = call(address, path, ["127.0.0.1"], *claims)
        assert answer.status != 400
        assert b"evil" not in answer.body
        assert "evil" not in str(answer.headers)
        assert call(address, path, ["evil.example"], "X-Forwarded-Host: 127.0.0.1").status == 400


def test_an_absolute_address_in_the_request_line_opens_nothing_under_another_host(address, acme):
    for target in ("http://evil.example/scim/v2/Users", "http://127.0.0.1/scim/v2/Users"):
        assert call(address, target, ["evil.example"]).status == 400
