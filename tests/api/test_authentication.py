"""Only a live key of type Torii API opens the REST API, and one that is read-only only reads."""

import datetime as dt
from typing import Any

import pytest
import time_machine

from apikeys.models import ApiKey
from apikeys.secret import KeyText
from audit.models import Event
from members.models import Member, Organization
from tests.api.client import Script, assert_problem
from tests.conftest import SETUP, new_key

PATHS = ("organization", "members", "roles", "groups", "api-keys", "audit-events", "members/x", "api-keys/x")


@pytest.mark.parametrize("path", PATHS)
def test_without_a_key_nothing_is_told(acme: Organization, path: str) -> None:
    response = Script("").get(path)
    assert_problem(response, 401, "missing_key", "Authorization: Bearer")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    "key",
    ["x", "torii_api_abcdefgh_x", KeyText.generate("api").text, "\x00", "é"],
    ids=["word", "too short", "never made", "NUL", "not ASCII"],
)
def test_a_malformed_or_unknown_key_is_a_401(acme: Organization, key: str) -> None:
    response = Script(key).get("members")
    assert_problem(response, 401, "invalid_key", "mistyped")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert key not in response.content.decode() or key in ("x", "\x00")


def test_a_scim_key_is_told_what_it_opens(acme: Organization) -> None:
    response = Script(new_key(acme).text).get("members")
    assert_problem(response, 401, "wrong_key_type", "Torii SCIM", "not the REST API")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_an_expired_key_is_told_so_and_a_deleted_one_is_not(acme: Organization, today: dt.date) -> None:
    key = new_key(acme, "api_read", expires_on=today + dt.timedelta(days=1))
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(days=2)):
        assert_problem(Script(key.text).get("members"), 401, "expired_key", str(key.api_key.expires_on))
    key.api_key.delete_key(by=SETUP)
    assert_problem(Script(key.text).get("members"), 401, "invalid_key")


def test_a_key_is_refused_outside_its_networks(acme: Organization) -> None:
    key = new_key(acme, "api_write", allowed_networks=["203.0.113.0/24"])
    assert_problem(Script(key.text).get("members"), 403, "network_not_allowed", "127.0.0.1")
    inside = new_key(acme, "api_write", allowed_networks=["127.0.0.0/8"])
    assert Script(inside.text).get("members").status_code == 200


def test_a_key_is_of_its_organization(script: Script, acme: Organization, eves_script: Script) -> None:
    assert script.read("organization")["id"] == acme.public_id
    assert eves_script.read("organization")["name"] == "Globex"


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "members/{}/role"), ("POST", "members/{}/deactivation"), ("POST", "members/{}/reactivation")],
)
def test_a_read_only_key_reads_and_changes_nothing(reader: Script, ira: Member, method: str, path: str) -> None:
    events = Event.objects.count()

    response = reader.call(method, path.format(ira.pk), {"role": "Admin"})

    assert_problem(response, 403, "read_only_key", "read-only")
    assert "WWW-Authenticate" not in response
    ira.refresh_from_db()
    assert (ira.role.name, ira.is_active) == ("IT Admin", True)
    assert Event.objects.count() == events
    assert reader.read(f"members/{ira.pk}")["user_name"] == "ira@acme.example"


def test_no_key_manages_keys(script: Script, acme: Organization) -> None:
    key = new_key(acme).api_key
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert_problem(script.call(method, "api-keys", {}), 405, "method_not_allowed")
        assert_problem(script.call(method, f"api-keys/{key.key_id}", {}), 405, "method_not_allowed")
    assert ApiKey.objects.filter(pk=key.pk, deleted_at=None).exists()


def test_a_key_sets_no_cookie_and_use_is_remembered(acme: Organization, ana: Member) -> None:
    key = new_key(acme, "api_read")
    response = Script(key.text).call("GET", "members", headers={"User-Agent": "nightly"})
    assert not response.cookies
    key.api_key.refresh_from_db()
    assert (key.api_key.last_used_ip, key.api_key.last_used_user_agent) == ("127.0.0.1", "nightly")


def test_a_session_opens_nothing(ana: Member, sign_in: Any) -> None:
    browser = sign_in(ana)
    assert_problem(browser.get("/v1.0/members"), 401, "missing_key")


def test_calls_past_the_limit_are_429_with_whole_seconds(script: Script, reader: Script, settings: Any) -> None:
    settings.KEY_RATE_LIMIT, settings.KEY_RATE_BURST = 0.01, 3

    answers = [script.get(path) for path in ("members", "roles", "members/x")]
    refused = script.get("members")

    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert_problem(refused, 429, "too_many_requests", "limit")
    assert 1 <= int(refused["Retry-After"]) <= 100
    assert reader.get("members").status_code == 200


def test_the_limit_is_the_same_whichever_api_counts(script: Script, settings: Any, acme: Organization) -> None:
    settings.BAD_KEY_LIMIT = 2
    stranger = Script(KeyText.generate("api").text)
    assert [stranger.get("members").status_code for _ in range(3)] == [401, 401, 429]
    assert script.get("members").status_code == 200
