"""Whatever a door answers, early or late, nobody keeps it, and a browser takes it for nothing else.

`test_headers.py` walks the addresses; this walks what can go wrong at them, with the server's shortcuts and without.
"""

import gzip
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx2
import pytest

from members.models import Member, Organization
from tests.conftest import SETUP, new_key
from tests.identity_provider import PATCH_OP, USER
from tests.processes.test_wire import Wire, head
from tests.server import web_server
from torii_settings.refusals import Refusal, refused

pytestmark = pytest.mark.django_db(transaction=True)

# Without Redis, what the server counts outlasts a test: each comes from an address of its own.
ADDRESSES = (f"203.0.113.{number}" for number in count(1))
SCIM_PREFIXES = ("/scim/v2", "/v1.0/scim/v2")


@pytest.fixture(scope="module", params=["on", "off"], ids=["shortcuts", "no shortcuts"])
def address(django_db_setup: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    limits = {"SCIM_BODY_LIMIT": "2000", "BAD_KEY_LIMIT": "3", "WEB_BODY_TIMEOUT": "1s", "SCIM_BULK_LIMIT": "2"}
    trust = {"BASE_URL": "https://127.0.0.1", "TRUSTED_PROXIES": "127.0.0.1"}
    with web_server(WEB_SHORTCUTS=request.param, **trust, **limits) as url:
        yield url


@pytest.fixture
def client(address: str) -> Iterator[httpx2.Client]:
    over_tls = {"X-Forwarded-For": next(ADDRESSES), "X-Forwarded-Proto": "https"}
    with httpx2.Client(base_url=address, timeout=30, headers=over_tls) as client:
        yield client


def keep(answer: httpx2.Response) -> None:
    """Assert that nothing is missing from the answer of a machine's door."""
    headers = answer.headers
    assert headers["Cache-Control"] == "no-store", (answer.status_code, answer.url)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    if answer.status_code not in (204, 304) and headers.get("Content-Type", "").startswith("text/html"):
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
    assert "Set-Cookie" not in headers


def scim(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}", "Content-Type": "application/scim+json"}


@pytest.mark.parametrize("prefix", SCIM_PREFIXES)
def test_every_answer_of_scim_is_kept_by_nobody(
    client: httpx2.Client, acme: Organization, ana: Member, prefix: str
) -> None:
    key = scim(new_key(acme).text)
    off = new_key(acme).text

    def ask(expected: int, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        answer = client.request(method, f"{prefix}{path}", content=content, headers=key | headers)
        assert answer.status_code == expected, (method, path, answer.status_code, answer.text)
        keep(answer)
        return answer

    made = ask(201, "POST", "/Users", {"schemas": [USER], "userName": "bob@acme.example"})
    bob, version = f"/Users/{made.json()['id']}", made.headers["ETag"]
    ask(409, "POST", "/Users", {"schemas": [USER], "userName": "bob@acme.example"})
    ask(200, "GET", bob)
    ask(200, "HEAD", bob)
    ask(304, "GET", bob, **{"If-None-Match": version})
    ask(304, "HEAD", bob, **{"If-None-Match": version})
    ask(200, "GET", "/Users")
    ask(200, "GET", "/Users", **{"Accept-Encoding": "gzip"})
    ask(200, "GET", "/Users?count=1", Accept="application/json")
    ask(400, "GET", "/Users?filter=nonsense")
    ask(400, "POST", "/Users", b"{")
    ask(400, "POST", "/Users", b"\xff")
    ask(415, "POST", "/Users", b"x", **{"Content-Type": "text/xml"})
    ask(413, "POST", "/Users", b" " * 3000)
    ask(413, "POST", "/Users", gzip.compress(b" " * 100_000), **{"Content-Encoding": "gzip"})
    ask(412, "PATCH", bob, patch("title", "Engineer"), **{"If-Match": 'W/"0"'})
    ask(200, "PATCH", bob, patch("title", "Engineer"))
    ask(400, "PATCH", bob, patch("userName", "else@acme.example"))
    ask(404, "GET", "/Users/nobody")
    ask(404, "GET", "/nothing")
    ask(405, "PUT", "/Users", {})
    ask(405, "BREW", "/Users")
    ask(501, "GET", "/Me")
    ask(200, "POST", "/.search", {"count": 1})
    ask(200, "POST", "/Bulk", bulk(1))
    ask(413, "POST", "/Bulk", bulk(3))
    for path in ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/Roles", "/Groups"):
        ask(200, "GET", path)
    ask(403, "GET", "/Schemas?filter=id%20pr")
    ask(204, "DELETE", bob)
    for _ in range(3):
        ask(401, "GET", "/Users", Authorization="Bearer nonsense")
    ask(429, "GET", "/Users", Authorization="Bearer nonsense")
    ask(401, "GET", "/Users", Authorization="")
    ask(401, "GET", "/Me", Authorization="x")
    acme.disable_scim(by=SETUP)
    for _ in range(3):
        ask(403, "GET", "/Users", Authorization=f"Bearer {off}")
    ask(429, "GET", "/Users", Authorization=f"Bearer {off}")


def patch(path: str, value: str) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": path, "value": value}]}


def bulk(operations: int) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "DELETE", "path": "/Users/nobody"}] * operations,
    }


def test_every_answer_of_rest_is_kept_by_nobody(client: httpx2.Client, acme: Organization, ana: Member) -> None:
    key = {"Authorization": f"Bearer {new_key(acme, 'api_write').text}"}
    reader = new_key(acme, "api_read").text

    def ask(expected: int, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        given = key | {"Content-Type": "application/json"} | headers
        answer = client.request(method, f"/v1.0/{path}", content=body, headers=given)
        assert answer.status_code == expected, (method, path, answer.status_code, answer.text)
        keep(answer)

    ask(200, "GET", "members")
    ask(200, "HEAD", "members")
    ask(204, "OPTIONS", "members")
    ask(400, "GET", "members?limit=x")
    ask(400, "GET", "members?cursor=x")
    ask(404, "GET", "members/nobody")
    ask(404, "GET", "nothing")
    ask(404, "GET", "members/")
    ask(405, "DELETE", "members")
    ask(406, "GET", "members", Accept="text/xml")
    ask(400, "PUT", f"members/{ana.pk}/role", b"{")
    ask(415, "PUT", f"members/{ana.pk}/role", b"x", **{"Content-Type": "text/xml"})
    ask(409, "PUT", f"members/{ana.pk}/role", b'{"role": "Employee"}')
    ask(413, "PUT", f"members/{ana.pk}/role", b" " * 3000)
    ask(400, "POST", "leaked-keys", b'{"key": "x"}')
    for _ in range(3):
        ask(403, "POST", f"members/{ana.pk}/deactivation", Authorization=f"Bearer {reader}")
    ask(429, "POST", f"members/{ana.pk}/deactivation", Authorization=f"Bearer {reader}")
    for _ in range(3):
        ask(401, "GET", "members", Authorization="Bearer x")
    ask(429, "GET", "members", Authorization="Bearer x")


@pytest.mark.parametrize(
    "path",
    ["/scim/", "/scim/v1/Users", "/scim/v2x", "/v1.0/scim/", "/v1.0/scim/v3/Users", "/v1.0/", "/healthz/x", "/readyzz"],
)
def test_what_is_nowhere_below_a_machines_path_is_kept_by_nobody(client: httpx2.Client, path: str) -> None:
    for method in ("GET", "POST", "HEAD", "OPTIONS"):
        answer = client.request(method, path)
        assert answer.status_code == 404
        keep(answer)
        if path.startswith(("/scim/v", "/v1.0/scim/v")):
            assert answer.headers["Content-Type"] == "application/scim+json"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1:x", "", "a b", "evil.example:443", "127.0.0.1@evil.example"]
)
@pytest.mark.parametrize("path", ["/scim/v2/Users", "/scim/nothing", "/v1.0/members", "/v1.0/nothing"])
def test_a_bad_host_is_refused_with_the_policy(client: httpx2.Client, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 400
    keep(answer)


@pytest.mark.parametrize("host", ["evil.example", "a b", ""])
@pytest.mark.parametrize(
    "path", ["/", "/settings/", "/accounts/login/", "/admin/", "/nothing", "/static/x.css", "/scim"]
)
def test_a_page_for_a_bad_host_has_the_policy(client: httpx2.Client, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 400
    keep(answer)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/scim/v2/Users", "/v1.0/leaked-keys", "/accounts/login/"])
def test_a_body_that_never_comes_is_refused_with_the_policy(address: str, path: str) -> None:
    with Wire(address) as wire:
        answer = wire.ask(head("POST", path, "x", Content_Length="10", X_Forwarded_Proto="https"), b"{")
    assert answer.status == 408
    for line in ("cache-control: no-store", "x-content-type-options: nosniff", "referrer-policy: same-origin"):
        assert line in answer.head


@pytest.mark.parametrize("status", [400, 408, 413, 429, 503])
@pytest.mark.parametrize("path", ["/scim/v2/Users", "/v1.0/members", "/healthz", "/settings/"])
def test_what_the_server_refuses_has_the_policy(status: int, path: str) -> None:
    headers = dict(refused({"PATH_INFO": path}, Refusal(status, "Not now.", retry_after=1)).headers)
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert ("Content-Security-Policy" in headers) == (path == "/settings/")
