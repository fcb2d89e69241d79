"""/Me: a person's own resource; a key is nobody."""

from collections.abc import Callable

import pytest
from django.test import Client

from members.models import Member, Organization
from tests.conftest import SETUP
from tests.identity_provider import IdentityProvider, assert_error

SignIn = Callable[[Member], Client]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST"])
def test_a_key_has_no_me(okta: IdentityProvider, method: str) -> None:
    assert_error(okta.call(method, "/Me", {}), 501, "", "/Users/")


def test_a_signed_in_person_sees_their_own_resource(
    okta: IdentityProvider, emil: Member, eve: Member, sign_in: SignIn
) -> None:
    response = sign_in(emil).get("/scim/v2/Me")

    assert response.status_code == 200
    assert response.json() == okta.get(f"/Users/{emil.pk}").json()
    assert response["Location"] == f"http://localhost/scim/v2/Users/{emil.pk}"
    assert response["Content-Type"] == "application/scim+json"
    assert response["Cache-Control"] == "no-store"
    assert sign_in(eve).get("/scim/v2/Me", {"attributes": "userName"}).json()["userName"] == "eve@globex.example"


def test_a_person_only_reads(emil: Member, sign_in: SignIn) -> None:
    browser = sign_in(emil)
    for method in ("put", "patch", "delete", "post"):
        response = getattr(browser, method)("/scim/v2/Me", {}, content_type="application/scim+json")
        assert_error(response, 405, "", "GET")
    emil.refresh_from_db()


def test_a_stranger_and_a_bad_key_are_nobody(acme: Organization) -> None:
    response = Client().get("/scim/v2/Me")
    assert_error(response, 401, "", "Sign in")
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert_error(IdentityProvider("torii_scim_nonsense").get("/Me"), 401)


def test_whoever_is_deactivated_is_nobody_at_once(emil: Member, sign_in: SignIn) -> None:
    browser = sign_in(emil)
    emil.deactivate(by=SETUP)
    assert_error(browser.get("/scim/v2/Me"), 403, "", "no organization")


def test_a_session_opens_nothing_else(ana: Member, sign_in: SignIn) -> None:
    browser = sign_in(ana)
    for path in ("Users", "Groups", "Roles", "", ".search", "Bulk", f"Users/{ana.pk}"):
        assert browser.get(f"/scim/v2/{path}").status_code == 401, path
