"""Eve is the Admin of another organization, with a key of its own: she sees and changes nothing of acme.

The walk takes its addresses from the URL configuration, so that a new page is in it from its first day.
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apikeys.models import ApiKey
from audit.models import Event
from members.models import Group, Member, Organization, Role
from tests.api.client import Script
from tests.conftest import ACME_ID, GLOBEX_ID, new_key
from tests.identity_provider import IdentityProvider

ACME_ONLY = ("acme", "ana", "ira", "emil", "Works", "Acme key")


@pytest.fixture
def belongings(acme: Organization, ana: Member, ira: Member, emil: Member, okta: IdentityProvider) -> dict[str, str]:
    """What acme has, by the names that URLs give it."""
    group = okta.call("POST", "/Groups", {"displayName": "Works", "members": [{"value": str(emil.pk)}]}).json()
    key = new_key(acme, description="Acme key").api_key
    role = Role(organization=acme, name="Acme role")
    role.save()
    event = acme.events.first()
    assert event is not None
    return {
        "organization_id": acme.public_id,
        "uuid": str(ira.pk),
        "member_id": str(ira.pk),
        "pk": str(ira.pk),
        "key_id": key.key_id,
        "group": group["id"],
        "group_id": group["id"],
        "role_id": str(role.public_id),
        "event_id": str(event.pk),
    }


def snapshot() -> list[Any]:
    """Return every row of acme's, to see that nothing changed."""
    acme = Organization.objects.get(name="Acme")
    rows: list[Any] = [Organization.objects.filter(pk=acme.pk).values().get()]
    for model in (Member, Group, Role, ApiKey, Event):
        rows += list(model.objects.filter(organization=acme).order_by("pk").values())
    return rows


def addresses(patterns: list[Any], below: str, prefix: str = "") -> Iterator[str]:
    """Yield every route of the URL configuration that begins with `below`, with its parameters still in it."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, below, route)
        elif isinstance(pattern, URLPattern) and route.startswith(below):
            yield route


def fill(route: str, belongings: dict[str, str]) -> str:
    """Put acme's ids into a route. A parameter that isn't known here has to be added to `belongings`."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: belongings[match[1]], route)


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_every_settings_page_shows_and_changes_nothing_of_acme(
    belongings: dict[str, str], eve: Member, sign_in: Callable[[Member], Client], method: str
) -> None:
    browser = sign_in(eve)
    routes = list(addresses(get_resolver().url_patterns, "settings/"))
    before = snapshot()
    assert len(routes) > 16

    # What acme has, under its own Organization ID, under eve's and under none.
    for route, ids in product(routes, (belongings, belongings | {"organization_id": GLOBEX_ID})):
        address = fill(route, ids)
        sent = {"name": "x", "role": "Admin"} if method == "post" else {}
        response = getattr(browser, method)(address, sent, follow=True)
        text = response.content.decode() if not response.streaming else ""
        assert response.status_code < 500, address
        if ACME_ID in address or "<" in route.removeprefix("settings/<organization_id:organization_id>"):
            refused = (400, 404, 405) if "<organization_id" not in route else (404,)
            assert response.status_code in refused, f"{method} {address}: {response.status_code}"
        text = text.replace(ACME_ID, "")
        assert not [word for word in ACME_ONLY if re.search(rf"\b{word}\b", text, re.IGNORECASE)], address

    assert snapshot() == before


def scim_calls(ids: dict[str, str]) -> Iterator[tuple[str, str, Any]]:
    """Yield every SCIM verb on every one of acme's resources."""
    user = {"userName": "ira@acme.example", "active": False, "displayName": "Stolen"}
    patch = {"Operations": [{"op": "replace", "path": "displayName", "value": "Stolen"}]}
    for path in (f"/Users/{ids['uuid']}", f"/Groups/{ids['group']}"):
        yield "GET", path, None
        yield "HEAD", path, None
        yield "PUT", path, user
        yield "PATCH", path, patch
        yield "DELETE", path, None
    for text in (
        "userName pr",
        'userName sw "a" or userName sw "i"',
        f'id eq "{ids["uuid"]}"',
        "not (active eq false)",
    ):
        yield "POST", "/Users/.search", {"filter": text}
    yield "POST", "/Groups/.search", {"filter": "displayName pr"}
    yield "GET", "/Users", None
    yield "GET", "/Groups", None
    yield "GET", "/Schemas", None
    yield "GET", "/ResourceTypes", None
    yield "POST", "/Groups", {"displayName": "Mine", "members": [{"value": ids["uuid"]}]}
    yield "POST", "/Users", {"userName": "ira@acme.example"}


def test_every_scim_verb_shows_and_changes_nothing_of_acme(
    belongings: dict[str, str], acme: Organization, eve: Member, eves_okta: IdentityProvider
) -> None:
    Role(organization=acme, name="Acme Secret Role").save()
    before = snapshot()

    for method, path, body in scim_calls(belongings):
        response = eves_okta.call(method, path, body)
        text = response.content.decode()
        if belongings["uuid"] in path or belongings["group"] in path:
            assert response.status_code == 404, f"{method} {path}"
        asked = json.dumps(body) if body else ""
        told = [word for word in (*ACME_ONLY, "Secret Role") if re.search(rf"\b{word}\b", text) and word not in asked]
        assert not told, f"{method} {path}: {text}"

    assert snapshot() == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_every_address_of_the_rest_api_shows_and_changes_nothing_of_acme(
    belongings: dict[str, str], globex: Organization, eve: Member, settings: Any, method: str
) -> None:
    settings.KEY_RATE_LIMIT = 0
    script = Script(new_key(globex, "api_write", description="Mine").text)
    routes = [route for route in addresses(get_resolver().url_patterns, "v1.0/") if not route.startswith("v1.0/scim/")]
    before = snapshot()
    assert len(routes) > 15

    for route in routes:
        address = fill(route, belongings)
        filters: dict[str, Any] = (
            {"search": "acme"} if route == "v1.0/members" else {"actor": "tests"} if "events" in route else {}
        )
        for params in ({}, filters) if method == "GET" and "<" not in route else ({},):
            response = script.call(method, address, {"role": "Employee"} if method == "PUT" else None, **params)
            text = response.content.decode()
            assert response.status_code < 500, address
            if "<" in route:
                assert response.status_code in (404, 405), f"{method} {address}: {response.status_code}"
            if route != "v1.0/schema":
                told = [word for word in (*ACME_ONLY, "Acme role") if re.search(rf"\b{word}\b", text, re.IGNORECASE)]
                assert not told, f"{method} {address}: {text}"

    assert snapshot() == before


@pytest.mark.usefixtures("alike_ids")
def test_another_organizations_id_is_answered_like_an_unknown_and_a_malformed_one(
    belongings: dict[str, str], globex: Organization, eve: Member, settings: Any
) -> None:
    settings.KEY_RATE_LIMIT = 0
    script = Script(new_key(globex, "api_write").text)
    unknown = {name: "abcdefgh" if name == "key_id" else "01a20b6b-3710-7136-b88f-4cec7935decc" for name in belongings}
    for route in addresses(get_resolver().url_patterns, "v1.0/"):
        if "<" in route and not route.startswith("v1.0/scim/"):
            method = {"role": "PUT", "deactivation": "POST", "reactivation": "POST"}.get(route.split("/")[-1], "GET")
            answers = [
                script.call(method, fill(route, ids), {"role": "Employee"})
                for ids in (belongings, unknown, dict.fromkeys(belongings, "x"))
            ]
            assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}, route


def test_the_last_admin_of_one_organization_is_not_another_admin_of_the_other(
    okta: IdentityProvider, ana: Member, eve: Member
) -> None:
    response = okta.patch(ana.pk, {"op": "replace", "value": {"active": False}})
    assert response.status_code == 400
