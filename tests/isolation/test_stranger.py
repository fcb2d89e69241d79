"""Eve is the Admin of another organization, with a key of its own: she sees and changes nothing of acme.

The walk takes its addresses from the URL configuration, so that a new page is in it from its first day.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apikeys.models import ApiKey
from audit.models import Event
from members.models import Group, Member, Organization, Role
from tests.conftest import new_key
from tests.identity_provider import IdentityProvider

ACME_ONLY = ("acme", "ana", "ira", "emil", "Works", "Acme key")


@pytest.fixture
def belongings(acme: Organization, ana: Member, ira: Member, emil: Member, okta: IdentityProvider) -> dict[str, str]:
    """What acme has, by the names that URLs give it."""
    group = okta.call("POST", "/Groups", {"displayName": "Works", "members": [{"value": str(emil.pk)}]}).json()
    key = new_key(acme, description="Acme key").api_key
    return {
        "uuid": str(ira.pk),
        "member_id": str(ira.pk),
        "pk": str(ira.pk),
        "key_id": key.key_id,
        "group": group["id"],
    }


def snapshot() -> list[Any]:
    """Return every row of acme's, to see that nothing changed."""
    acme = Organization.objects.get(name="Acme")
    rows: list[Any] = [Organization.objects.filter(pk=acme.pk).values().get()]
    for model in (Member, Group, Role, ApiKey, Event):
        rows += list(model.objects.filter(organization=acme).order_by("pk").values())
    return rows


def addresses(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Yield every route of the URL configuration below `/settings/`, with its parameters still in it."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith("settings/"):
            yield route


def fill(route: str, belongings: dict[str, str]) -> str:
    """Put acme's ids into a route. A parameter that isn't known here has to be added to `belongings`."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: belongings[match[1]], route)


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_every_settings_page_shows_and_changes_nothing_of_acme(
    belongings: dict[str, str], eve: Member, sign_in: Callable[[Member], Client], method: str
) -> None:
    browser = sign_in(eve)
    routes = list(addresses(get_resolver().url_patterns))
    before = snapshot()
    assert len(routes) > 8

    for route in routes:
        address = fill(route, belongings)
        sent = {"name": "x", "role": "Admin"} if method == "post" else {}
        response = getattr(browser, method)(address, sent, follow=True)
        text = response.content.decode() if not response.streaming else ""
        assert response.status_code < 500, address
        if "<" in route:
            assert response.status_code in (404, 405), f"{method} {address}: {response.status_code}"
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


def test_the_last_admin_of_one_organization_is_not_another_admin_of_the_other(
    okta: IdentityProvider, ana: Member, eve: Member
) -> None:
    response = okta.patch(ana.pk, {"op": "replace", "value": {"active": False}})
    assert response.status_code == 400
