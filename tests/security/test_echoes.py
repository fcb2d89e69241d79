"""An error repeats at most 100 characters of what was sent, whatever was sent and wherever."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from members.models import Member, Organization, User
from tests.conftest import ACME, new_key
from tests.identity_provider import IdentityProvider

pytestmark = pytest.mark.django_db

LONG = "q" * 4000
WORDS = "qqq " * 1000
ECHO = re.compile("q[q ]{100}")
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
PATCHES: list[dict[str, Any]] = [
    {"op": LONG, "path": "title", "value": "x"},
    {"op": "replace", "path": LONG, "value": "x"},
    {"op": "replace", "path": f"emails[{LONG} eq 1].value", "value": "x"},
    {"op": "replace", "path": f'emails[type eq "{LONG}"].{LONG}', "value": "x"},
    {"op": "replace", "path": "active", "value": LONG},
    {"op": "replace", "path": "userType", "value": LONG},
    {"op": "replace", "path": "userName", "value": f"{LONG}@acme.example"},
    {"op": "remove", "path": f'phoneNumbers[value eq "{LONG}"]'},
    {"op": "add", "value": {LONG: LONG}},
    {"op": "replace", "value": {"active": LONG, "emails": LONG, "name": LONG}},
]
USERS: list[dict[str, Any]] = [
    {"userName": LONG},
    {"userName": f"{LONG}@acme.example"},
    {"userName": f"ana@{LONG}.example"},
    {"userName": "new@acme.example", "userType": LONG},
    {"userName": "new@acme.example", "active": LONG},
    {"userName": "new@acme.example", "emails": LONG},
    {"userName": "new@acme.example", "emails": [{"value": "a", "primary": LONG}]},
    {"userName": "new@acme.example", "x509Certificates": [{"value": f"!{LONG}"}]},
    {"userName": "new@acme.example", "profileUrl": [LONG]},
    {"userName": "new@acme.example", "displayName": LONG},
    {"userName": "new@acme.example", "schemas": [LONG]},
    {"userName": "new@acme.example", LONG: {LONG: [LONG]}},
]


Reword = Callable[[Any], Any]


@pytest.fixture(params=["one word", "many words"])
def reword(request: pytest.FixtureRequest) -> Reword:
    """Return a function that leaves what is sent as it is, or parts all that is long in it into words."""
    if request.param == "one word":
        return lambda value: value
    return lambda value: json.loads(json.dumps(value).replace(LONG, WORDS))


def is_short(answer: Any) -> None:
    assert answer.status_code < 500 or answer.status_code == 501
    found = ECHO.search(answer.content.decode())
    headers = ECHO.search(str(answer.headers))
    assert not found or answer.status_code < 400, answer.content[:300]
    assert not headers or answer.status_code in (200, 201, 301, 302), answer.headers


@pytest.mark.parametrize("number", range(len(PATCHES)))
def test_of_a_scim_patch(okta: IdentityProvider, ana: Member, number: int, reword: Reword) -> None:
    is_short(okta.patch(ana.pk, reword(PATCHES[number])))


@pytest.mark.parametrize("number", range(len(USERS)))
def test_of_a_scim_user(okta: IdentityProvider, ana: Member, number: int, reword: Reword) -> None:
    user = {"schemas": [USER], **reword(USERS[number])}
    is_short(okta.call("POST", "/Users", user))
    is_short(okta.call("PUT", f"/Users/{ana.pk}", user))
    operation = {"method": "POST", "path": "/Users", "bulkId": "1", "data": user}
    answer = okta.call("POST", "/Bulk", {"schemas": [BULK], "Operations": [operation]})
    for done in answer.json()["Operations"]:
        assert not ECHO.search(str(done.get("response", ""))), done


QUERIES: list[dict[str, str]] = [
    {"filter": LONG},
    {"filter": f'{LONG} eq "a"'},
    {"filter": f'userName {LONG} "a"'},
    {"filter": f'userName eq "{LONG}'},
    {"filter": f'userName eq "a" {LONG} active eq true'},
    {"filter": f"active eq {LONG}"},
    {"filter": f'id eq "{LONG}"'},
    {"sortBy": LONG},
    {"sortOrder": LONG},
    {"startIndex": LONG},
    {"count": LONG},
    {"cursor": LONG},
    {"attributes": LONG},
    {"excludedAttributes": LONG},
    {LONG: LONG},
]


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_of_a_scim_query(okta: IdentityProvider, number: int, reword: Reword) -> None:
    for path in ("/Users", "/Groups", "/Roles", "/ResourceTypes"):
        is_short(okta.get(path, **reword(QUERIES[number])))


ADDRESSES = [
    f"/v1.0/members/{LONG}",
    f"/v1.0/{LONG}",
    f"/v1.0/members?limit={LONG}",
    f"/v1.0/members?{LONG}={LONG}",
    f"/v1.0/members?cursor={LONG}",
    f"/v1.0/audit-events?action={LONG}",
    f"/v1.0/audit-events?from={LONG}",
    f"{ACME}/{LONG}",
    f"/{LONG}",
]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_of_an_address(okta: IdentityProvider, acme: Organization, method: str, reword: Reword) -> None:
    for path in reword([f"/Users/{LONG}", f"/{LONG}", f"/Schemas/{LONG}", f"/Groups/{LONG}"]):
        is_short(okta.call(method, path, {} if method in ("POST", "PUT", "PATCH") else None))
    key = {"Authorization": f"Bearer {new_key(acme, 'api_write').text}"}
    client = Client()
    for path in reword(ADDRESSES):
        is_short(client.generic(method, path, headers=key))


BODIES: list[Any] = [
    {"displayName": LONG, "members": [{"value": LONG}]},
    {"displayName": [LONG]},
    {"Operations": [{"op": "replace", "path": LONG, "value": LONG}]},
    {"Operations": [{"op": "add", "path": "members", "value": LONG}]},
    {"Operations": [{"op": "add", "path": f'members[value eq "{LONG}"]', "value": "x"}]},
    {"Operations": [{"op": "replace", "path": "displayName", "value": {LONG: LONG}}]},
]


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_of_a_scim_group_or_role(okta: IdentityProvider, number: int, reword: Reword) -> None:
    body = reword(BODIES[number])
    group = okta.call("POST", "/Groups", {"displayName": "Works"}).json()["id"]
    role = okta.call("POST", "/Roles", {"displayName": "Works"}).json()["id"]
    method = "PATCH" if "Operations" in body else "PUT"
    is_short(okta.call(method, f"/Groups/{group}", body))
    is_short(okta.call(method, f"/Roles/{role}", body))
    is_short(okta.call("POST", "/Groups", body))
    is_short(okta.call("POST", "/Roles", body))


def test_of_a_rest_body(acme: Organization, ana: Member, reword: Reword) -> None:
    key = {"Authorization": f"Bearer {new_key(acme, 'api_write').text}"}
    for body in reword([{"role": LONG}, {"active": LONG}, {LONG: LONG}, {"role": [LONG]}]):
        is_short(Client().patch(f"/v1.0/members/{ana.pk}", body, "application/json", headers=key))
    is_short(Client().patch(f"/v1.0/members/{ana.pk}", LONG, reword(LONG), headers=key))
    is_short(Client().post("/v1.0/leaked-keys", reword([{"token": LONG, LONG: 1}]), "application/json"))


@pytest.mark.parametrize("headers", [{"Content-Type": LONG}, {"Content-Encoding": LONG}, {"If-Match": LONG}])
def test_of_a_header(okta: IdentityProvider, ana: Member, headers: dict[str, str], reword: Reword) -> None:
    is_short(okta.call("PUT", f"/Users/{ana.pk}", {"userName": ana.user_name}, reword(headers)))


# A field in a page repeats what was typed in its own value, and errors stand outside of tags.
TAGS = re.compile(r"<textarea.*?</textarea>|<[^>]*>", re.DOTALL)
FORMS: dict[str, list[str]] = {
    f"{ACME}/members/new": ["email", "given_name", "family_name", "role"],
    f"{ACME}/api-access/keys/new": [
        "kind",
        "description",
        "expiration",
        "expires_on",
        "form_token",
        "allowed_networks",
        "like",
        "access_members",
        "scope",
    ],
    f"{ACME}/security/api-keys": ["expiration", "lifetime", "key_lifetime_days", "reminder_contact"],
    f"{ACME}/security/scim": ["enabled", "confirm"],
    "/accounts/login/": ["login", "password", "next"],
    "/accounts/login/code/": ["email", "next"],
    "/accounts/login/code/confirm/": ["code"],
    "/accounts/password/reset/": ["email"],
    "/admin/members/organization/add/": ["name", "time_zone", "domain_names", "domains", "admin_email"],
    "/admin/members/role/add/": ["organization", "name", "description", "access"],
    "/admin/members/member/add/": ["organization", "user_name", "role_name", "given_name"],
    "/admin/members/user/add/": ["email", "first_name", "groups", "user_permissions", "password1"],
    "/admin/members/member/": ["action", "_selected_action", "index", "select_across"],
}


@pytest.mark.parametrize("path", FORMS)
def test_of_a_form(
    path: str, acme: Organization, ana: Member, sign_in: Callable[[Member], Client], reword: Reword
) -> None:
    browser = sign_in(ana)
    if path.startswith("/admin/"):
        browser.force_login(
            User.objects.create_superuser("staff@torii.example"),
            backend="allauth.account.auth_backends.AuthenticationBackend",
        )
    elif path.startswith("/accounts/"):
        browser = Client()
    for name in FORMS[path]:
        for value in (LONG, f"{LONG}@acme.example", f"ana@{LONG}.example", f"{LONG},1,{LONG}\n{LONG}"):
            answer = browser.post(path, reword({name: value}), follow=True)
            assert answer.status_code < 500, name
            assert not ECHO.search(TAGS.sub("", answer.content.decode())), name
