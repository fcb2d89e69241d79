"""Whatever goes wrong at the SCIM door leaves as a SCIM error that says what to do."""

from itertools import product
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from apikeys.models import ApiKey
from members.models import Member, Organization
from tests.conftest import SETUP, new_key
from tests.identity_provider import USER, IdentityProvider, assert_error

NOWHERE = "00919288221112222"


@pytest.mark.parametrize("path", ["/", "/Foo", "/Users/x/y", "/../admin/"])
def test_an_unknown_address_is_a_scim_404(okta: IdentityProvider, path: str) -> None:
    assert_error(okta.get(f"/Nothing{path}"), 404, "", "/scim/v2/Nothing")


@pytest.mark.parametrize("identifier", [NOWHERE, "00000000-0000-7000-8000-000000000000"])
def test_an_unknown_id_is_a_404(okta: IdentityProvider, identifier: str) -> None:
    bodies = {
        "PUT": {"schemas": [USER], "userName": "bob@acme.example", "displayName": "x"},
        "PATCH": {"Operations": [{"op": "replace", "path": "displayName", "value": "x"}]},
    }
    for resource, method in product(("Users", "Groups"), ("GET", "PUT", "PATCH", "DELETE")):
        assert_error(okta.call(method, f"/{resource}/{identifier}", bodies.get(method)), 404, "", "no")


def test_nul_is_refused_wherever_it_hides(okta: IdentityProvider, acme: Organization) -> None:
    for attributes in (
        {"nickName": "a\0b"},
        {"emails": [{"value": "a\0"}]},
        {"userName": "a\0@acme.example"},
        {"\0": 1},
    ):
        assert_error(okta.create(**{"user_name": "bob@acme.example"} | attributes), 400, "invalidValue", "NUL")
    assert not acme.members.exists()


def test_half_of_a_surrogate_pair_is_refused_wherever_it_hides(okta: IdentityProvider, acme: Organization) -> None:
    for body in (b'{"userName": "\\ud800"}', b'{"\\udc00": 1}', b'{"emails": [{"value": "a\\ud83d"}]}'):
        assert_error(okta.call("POST", "/Users", body), 400, "invalidValue", "surrogate")
    assert okta.call("POST", "/Users", b'{"userName": "a@acme.example", "title": "\\ud83d\\ude00"}').status_code == 201


def test_a_backslash_u0000_that_is_text_is_kept(okta: IdentityProvider) -> None:
    assert okta.create(nickName="\\u0000").json()["nickName"] == "\\u0000"


def test_a_body_over_the_limit_is_a_413(okta: IdentityProvider, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert okta.create(nickName="x" * 100).status_code == 201
    assert_error(okta.create("b@acme.example", nickName="x" * 1000), 413, "", "1000 bytes")


def test_errors_repeat_no_secret(okta: IdentityProvider) -> None:
    response = okta.create(password={"value": "hunter2hunter2"})
    assert "hunter2" not in response.content.decode()


def test_our_own_fault_is_a_scim_500_without_the_inside(
    okta: IdentityProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("SELECT secret FROM inside")

    monkeypatch.setattr("scim.representation.meta", broken)
    response = okta.create()

    assert_error(response, 500)
    assert "secret" not in response.content.decode()
    assert "a SCIM request failed" in caplog.text


def test_a_busy_database_asks_to_try_again(okta: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("could not serialize access: secret")

    monkeypatch.setattr(Member, "add", busy)
    response = okta.create()

    assert_error(response, 503)
    assert response["Retry-After"] == "1"
    assert "secret" not in response.content.decode()


def test_what_the_database_refuses_meanwhile_is_a_409_without_its_text(
    okta: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise IntegrityError('violates foreign key constraint "secret"')

    monkeypatch.setattr(Member, "add", gone)
    response = okta.create()

    assert_error(response, 409, "", "changed meanwhile")
    assert "secret" not in response.content.decode()


def test_scim_turned_off_is_a_403_that_says_so_and_loses_nothing(
    okta: IdentityProvider, acme: Organization, ana: Member
) -> None:
    acme.disable_scim(by=SETUP)
    for method, path in [("GET", "/Users"), ("POST", "/Users"), ("GET", "/Schemas"), ("DELETE", f"/Users/{ana.pk}")]:
        assert_error(okta.call(method, path), 403, "", "SCIM is turned off", "Settings > Security")

    acme.enable_scim(by=SETUP)
    assert okta.get("/Users").json()["totalResults"] == 1


def test_both_base_urls_answer_and_name_themselves(acme: Organization, ana: Member) -> None:
    idp = IdentityProvider(new_key(acme).text, base="/v1.0/scim/v2")

    (user,) = idp.list()

    assert user["meta"]["location"] == f"http://localhost/v1.0/scim/v2/Users/{ana.pk}"


def test_no_cookie_is_set_or_read(okta: IdentityProvider) -> None:
    response = okta.get("/Users")
    assert not response.cookies
    assert ApiKey.objects.get().last_used_at is not None
