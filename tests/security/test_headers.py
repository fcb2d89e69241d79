"""Every answer says what a browser may do with it: pages, machines' answers, errors, and what the server refuses."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.conftest import ACME, new_key
from tests.server import web_server

pytestmark = pytest.mark.django_db(transaction=True)

OVER_TLS = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
MACHINES = [
    "/scim/v2/Users",
    "/scim/v2/ServiceProviderConfig",
    "/scim/v2/nothing",
    "/scim/nothing",
    "/v1.0/members",
    "/v1.0/nothing",
    "/v1.0/scim/v2/nothing",
    "/healthz",
]
PAGES = [
    "/",
    "/settings",
    "/settings/",
    f"{ACME}/nothing",
    "/accounts/login/",
    "/admin/",
    "/admin",
    "/docs/api",
    "/nothing",
    "/scim",
    "/favicon.ico",
]
REFUSED = [
    {"Host": "evil.example"},
    {"X-Forwarded-Proto": "http"},
]


@pytest.fixture(scope="module")
def client(django_db_setup: Any) -> Iterator[httpx2.Client]:
    with (
        web_server(BASE_URL="https://127.0.0.1", TRUSTED_PROXIES="127.0.0.1") as url,
        httpx2.Client(base_url=url, timeout=30, headers=OVER_TLS) as client,
    ):
        yield client


def lacks_nothing(answer: httpx2.Response) -> None:
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("path", MACHINES)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_machines_answers_are_kept_by_nobody(client, acme, method, path):
    for headers in ({}, {"Authorization": f"Bearer {new_key(acme).text}"}):
        answer = client.request(method, path, headers=headers)
        lacks_nothing(answer)
        assert answer.headers["Cache-Control"] == "no-store", answer.status_code


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_pages_say_what_they_may_load(client, db, method, path):
    answer = client.request(method, path)
    lacks_nothing(answer)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"], answer.status_code
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "no-store" in answer.headers["Cache-Control"] or path == "/favicon.ico"


@pytest.mark.parametrize("headers", REFUSED, ids=lambda headers: next(iter(headers)))
@pytest.mark.parametrize("path", ["/scim/v2/Users", "/v1.0/members", "/settings/", "/nothing"])
def test_what_is_refused_before_any_view_says_it_too(client, path, headers):
    answer = client.request("POST", path, headers=headers)
    assert 400 <= answer.status_code < 500
    lacks_nothing(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    if not path.startswith(("/scim/", "/v1.0/")):
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"


def test_cookies_are_this_hosts_alone(client, db):
    cookies = client.get("/accounts/login/").headers.get_list("Set-Cookie")
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        assert {"Secure", "Path=/"} <= set(cookie.split("; "))
        assert "domain=" not in cookie.lower()


def test_a_form_is_taken_with_the_cookie_that_came_with_it(client, db):
    page = client.get("/accounts/login/")
    [token] = [value for name, value in page.cookies.items() if name == "__Host-csrftoken"]
    answer = client.post(
        "/accounts/login/",
        data={"login": "nobody@acme.example", "password": "x", "csrfmiddlewaretoken": token},
        headers={
            "Referer": f"{str(client.base_url).replace('http:', 'https:')}",
            "Cookie": f"__Host-csrftoken={token}",
        },
    )
    assert answer.status_code == 200
    without = client.post(
        "/accounts/login/", data={"csrfmiddlewaretoken": token}, headers={"Cookie": f"csrftoken={token}"}
    )
    assert without.status_code == 403


def test_subdomains_and_preloading_are_asked_for(db):
    chosen = {"HSTS_INCLUDE_SUBDOMAINS": "on", "HSTS_PRELOAD": "on"}
    with web_server(BASE_URL="https://127.0.0.1", TRUSTED_PROXIES="127.0.0.1", **chosen) as url:
        for path in ("/nothing", "/scim/v2/nothing"):
            answer = httpx2.get(f"{url}{path}", headers=OVER_TLS)
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
