"""Links, locations and redirects lead to BASE_URL, whatever a request says of host, port and scheme."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client

from lib.addresses import is_ours
from members.models import Member, Organization
from outbox.tasks import deliver_mails
from tests.conftest import ACME, SETUP, new_key
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parent.parent.parent
PRODUCT = ("members", "apikeys", "api", "scim", "audit", "outbox", "lib", "torii_settings", "templates")

# All of them pass the check of hosts, since a port and capitals don't matter there.
LIES: dict[str, Any] = {
    "HTTP_HOST": "TestServer:6666",
    "HTTP_X_FORWARDED_HOST": "forwarded.example",
    "HTTP_X_FORWARDED_PORT": "6667",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_FORWARDED": "host=forwarded.example;proto=https",
    "HTTP_ORIGIN": "http://localhost",
}
TRACES = re.compile(r"testserver|:6666\b|:6667\b|forwarded\.example|https://localhost", re.IGNORECASE)


def traces(answer: Any) -> list[str]:
    """Return what an answer has taken from the lies."""
    headers = [f"{name}: {value}" for name, value in answer.headers.items()]
    return TRACES.findall("\n".join([*headers, answer.content.decode(errors="replace")]))


@pytest.mark.parametrize("path", ["/accounts/login/code/", "/accounts/password/reset/"])
def test_a_mail_names_no_address_of_the_requests(ana: Member, path: str):
    browser = Client(**LIES)
    answers = [browser.post(path, {"email": "ana@acme.example"}), browser.get("/accounts/login/code/confirm/")]
    deliver_mails()
    [message] = mail.outbox
    told = message.message().as_string()
    assert not TRACES.findall(told)
    assert [traces(answer) for answer in answers] == [[], []]
    assert set(re.findall(r"https?://[^/\s\"]+", told)) <= {settings.BASE_URL}


def test_a_page_names_no_address_of_the_requests(ana: Member, sign_in: SignIn, acme: Organization):
    new = new_key(acme)
    signed_in = sign_in(ana)
    signed_in.defaults |= LIES
    stranger = Client(**LIES)
    shared = ["/", "/docs/api", f"/accounts/login/?next={ACME}/", "/nothing", "/admin/", "/admin/login/"]
    own = [
        "/settings/",
        f"{ACME}/security",
        f"{ACME}/security/guides/okta",
        f"{ACME}/api-access",
        f"{ACME}/api-access/keys/{new.api_key.key_id}",
        f"{ACME}/api-access/keys/new",
        f"{ACME}/members",
        f"{ACME}/members/{ana.pk}",
    ]
    found = {
        path: traces(browser.get(path)) for browser, paths in ((stranger, shared), (signed_in, own)) for path in paths
    }
    assert not {path: seen for path, seen in found.items() if seen}


def test_a_machines_answer_names_no_address_of_the_requests(ana: Member, acme: Organization):
    scim, rest = new_key(acme), new_key(acme, "api_write")
    found: dict[str, list[str]] = {}
    for key, paths in (
        (scim, ["/scim/v2/Users", f"/scim/v2/Users/{ana.pk}", "/scim/v2/Groups", "/scim/v2/Schemas",
                "/scim/v2/ResourceTypes", "/scim/v2/ServiceProviderConfig", "/v1.0/scim/v2/Users", "/scim/v2/nothing"]),
        (rest, ["/v1.0/members?limit=1", "/v1.0/organization", "/v1.0/roles", "/v1.0/audit-events?limit=1",
                "/v1.0/schema", "/v1.0/nothing"]),
    ):  # fmt: skip
        browser = Client(headers={"Authorization": f"Bearer {key.text}"}, **LIES)
        found |= {path: traces(browser.get(path)) for path in paths}
    created = Client(headers={"Authorization": f"Bearer {scim.text}"}, **LIES).post(
        "/scim/v2/Users",
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "new@acme.example"},
        content_type="application/scim+json",
    )
    assert created.headers["Location"].startswith(settings.BASE_URL)
    assert not {path: seen for path, seen in (found | {"POST": traces(created)}).items() if seen}


def test_the_mails_about_keys_name_no_address_of_the_requests(ana: Member, acme: Organization):
    new = new_key(acme)
    new.api_key.delete_key(by=SETUP)
    Client(**LIES).get("/settings/")
    deliver_mails()
    assert not [message.subject for message in mail.outbox if TRACES.findall(message.message().as_string())]


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        (f"{ACME}/members?page=2", True),
        ("http://localhost/settings/", True),
        ("http://localhost", True),
        (f"http://localhost:6666{ACME}/", False),
        ("https://localhost/settings/", False),
        (f"http://testserver{ACME}/", False),
        ("http://evil.example/", False),
        ("//evil.example/", False),
        ("/\\evil.example/", False),
        ("\\\\evil.example/", False),
        ("/\t/evil.example/", False),
        (" //evil.example/", False),
        ("http://localhost@evil.example/", False),
        ("http:///evil.example/", False),
        ("javascript:alert(1)", False),
        ("http://[", False),
        ("settings", False),
        ("", False),
    ],
)
def test_nobody_is_sent_on_to_an_address_that_is_not_ours(url: str, ours: bool):
    assert is_ours(url) is ours


def test_after_signing_in_nobody_is_sent_to_the_requests_host(ana: Member, sign_in: SignIn):
    browser = sign_in(ana)
    browser.defaults |= LIES
    answer = browser.get("/accounts/login/", {"next": f"http://testserver:6666{ACME}/"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/")


def sources() -> Iterator[Path]:
    return (path for room in PRODUCT for kind in ("*.py", "*.html", "*.txt") for path in (ROOT / room).rglob(kind))


def test_there_is_one_way_to_build_an_absolute_url():
    others = re.compile(r"build_absolute_uri|get_current_site|get_host\(|BASE_URL}/|BASE_URL}{|BASE_URL \+")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sources()
        for line in path.read_text().splitlines()
        if others.search(line) and path.name not in ("addresses.py", "settings.py")
    ]
    assert found == []
