"""Plain http at a real server whose address is https is refused, and who ended TLS on the way is told what to set."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.conftest import new_key
from tests.server import web_server

pytestmark = pytest.mark.django_db(transaction=True)

SCIM_DOORS = ("/scim/v2/Users", "/scim/v2/nothing", "/v1.0/scim/v2/ServiceProviderConfig")
REST_DOORS = ("/v1.0/members", "/v1.0/schema", "/v1.0/nothing")
OVER_TLS = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def client(django_db_setup: Any) -> Iterator[httpx2.Client]:
    with (
        web_server(BASE_URL="https://127.0.0.1", TRUSTED_PROXIES="127.0.0.1") as url,
        httpx2.Client(base_url=url, timeout=30) as client,
    ):
        yield client


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_machine_is_told_in_its_own_format(client, acme, method):
    headers = {"Authorization": f"Bearer {new_key(acme).text}"}
    for path in SCIM_DOORS:
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/scim+json")
        assert answer.json()["status"] == "403"
        assert "came over http" in answer.json()["detail"]
    for path in REST_DOORS:
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")
        assert answer.json()["code"] == "https_required"


@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-Proto": "https"}, {"X-Forwarded-For": "203.0.113.9"}])
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/settings", "/admin/", "/static/settings.css", "/nothing"])
def test_a_browser_is_not_sent_round_in_a_circle_but_told_of_the_setting(client, path, headers):
    answer = client.get(path, headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "TRUSTED_PROXIES" in answer.text
    assert "call https://127.0.0.1" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Location" not in answer.headers


def test_health_checks_are_answered(client):
    assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]


def test_what_a_believed_proxy_received_over_tls_is_answered(client, acme):
    key = new_key(acme).text
    answer = client.get("/scim/v2/Users", headers=OVER_TLS | {"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200
    assert answer.json()["totalResults"] == 0
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
