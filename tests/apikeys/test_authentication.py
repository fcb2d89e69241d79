"""Which keys open which door, and what is said to those that don't."""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apikeys.models import ApiKey
from apikeys.secret import KeyText, checksum
from members.models import Member, Organization
from tests.conftest import SETUP, new_key
from tests.identity_provider import IdentityProvider, assert_error


def users(key: str) -> Any:
    """Ask for the users with a key."""
    return IdentityProvider(key).get("/Users")


def assert_refused(response: Any, *words: str) -> None:
    """Assert a 401 as RFC 6750 and RFC 7644 want it."""
    assert_error(response, 401, "", *words)
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_live_key_opens_its_own_organization(acme: Organization, ana: Member, eve: Member) -> None:
    response = users(new_key(acme).text)

    assert [user["userName"] for user in response.json()["Resources"]] == [ana.user_name]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token x"])
def test_no_key_is_a_401(acme: Organization, header: str) -> None:
    idp = IdentityProvider("")
    idp.headers = {"Authorization": header} if header else {}
    assert_refused(idp.get("/Users"), "No key was sent")


@pytest.mark.parametrize("header", ["bearer {}", "BEARER  {}", "{}"])
def test_the_scheme_is_read_leniently(acme: Organization, header: str) -> None:
    idp = IdentityProvider("")
    idp.headers = {"Authorization": header.format(new_key(acme).text)}
    assert idp.get("/Users").status_code == 200


@pytest.mark.usefixtures("alike_ids")
def test_unknown_malformed_and_deleted_keys_are_told_the_same(acme: Organization) -> None:
    deleted = new_key(acme)
    deleted.api_key.delete_key(by=SETUP)

    answers = {users(key).content for key in (KeyText.generate("scim").text, "nonsense", deleted.text, "é" * 9)}

    assert len(answers) == 1
    assert b"deleted" in answers.pop()


def test_a_malformed_key_costs_no_query(
    acme: Organization, django_assert_num_queries: Callable[..., Any], settings: Any
) -> None:
    settings.BAD_KEY_LIMIT = 0
    with django_assert_num_queries(0):
        assert_refused(users("torii_scim_ab12cd34_" + "x" * 49))


def test_a_key_is_found_with_its_organization_in_one_query(
    acme: Organization, django_assert_num_queries: Callable[..., Any]
) -> None:
    key = new_key(acme).text
    users(key)
    with django_assert_num_queries(1):
        IdentityProvider(key).get("/ServiceProviderConfig")


def test_a_deleted_key_is_refused_from_the_next_request_on(acme: Organization) -> None:
    key = new_key(acme)
    assert users(key.text).status_code == 200

    key.api_key.delete_key(by=SETUP)

    assert_refused(users(key.text))


def test_expiry_is_checked_on_the_request_to_the_second(acme: Organization) -> None:
    acme.time_zone = "Europe/Berlin"
    acme.save()
    with time_machine.travel(dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC), tick=False):
        key = new_key(acme, expires_on=dt.date(2026, 12, 1))
    with time_machine.travel(dt.datetime(2026, 11, 30, 22, 59, 59, tzinfo=dt.UTC), tick=False):
        assert users(key.text).status_code == 200
    with time_machine.travel(dt.datetime(2026, 11, 30, 23, 0, 0, tzinfo=dt.UTC), tick=False):
        assert_refused(
            users(key.text),
            f"SCIM key …{key.text[-4:]} expired on 2026-12-01",
            "generate a new one in Settings > API Access",
        )


def test_an_expired_key_with_a_wrong_secret_is_merely_unknown(acme: Organization) -> None:
    with time_machine.travel(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
        key = new_key(acme, expires_on=dt.date(2026, 1, 2))
    body = key.text.rpartition("_")[0] + "_" + "0" * 43
    assert "expired" not in users(body + checksum(body)).json()["detail"]


@pytest.mark.parametrize("kind", ["api_read", "api_write"])
def test_an_api_key_does_not_open_scim(acme: Organization, kind: str) -> None:
    assert_refused(users(new_key(acme, kind).text), "opens the REST API, not the SCIM API")


def test_last_use_is_written_at_most_once_a_minute(acme: Organization) -> None:
    key = new_key(acme)
    idp = IdentityProvider(key.text)
    idp.headers["User-Agent"] = "Okta SCIM Client 1.0.0"
    start = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)

    seen = []
    for seconds in (0, 30, 59, 60, 90):
        with time_machine.travel(start + dt.timedelta(seconds=seconds), tick=False):
            idp.get("/Users")
            seen.append(ApiKey.objects.get().last_used_at)

    minute = dt.timedelta(minutes=1)
    assert seen == [start, start, start, start + minute, start + minute]
    used = ApiKey.objects.get()
    assert (used.last_used_ip, used.last_used_user_agent) == ("127.0.0.1", "Okta SCIM Client 1.0.0")


def test_a_refused_key_is_not_used(acme: Organization) -> None:
    key = new_key(acme, "api_read")
    users(key.text)
    assert ApiKey.objects.get().last_used_at is None


def test_keys_move_to_the_newest_pepper_when_they_are_told_to(acme: Organization, settings: Any) -> None:
    settings.API_KEY_PEPPERS = ["old"]
    used, unused = new_key(acme), new_key(acme)

    settings.API_KEY_PEPPERS = ["new", "old"]
    assert users(used.text).status_code == 200
    settings.API_KEY_PEPPER_MOVE = True
    assert users(used.text).status_code == 200

    settings.API_KEY_PEPPERS = ["new"]
    assert users(used.text).status_code == 200
    assert_refused(users(unused.text))


def test_until_then_hosts_that_do_not_know_the_newest_pepper_know_every_key(acme: Organization, settings: Any) -> None:
    settings.API_KEY_PEPPERS = ["old"]
    used = new_key(acme)

    settings.API_KEY_PEPPERS = ["new", "old"]
    made = new_key(acme)
    assert users(used.text).status_code == 200

    settings.API_KEY_PEPPERS = ["old"]
    assert users(used.text).status_code == 200
    assert users(made.text).status_code == 200


@pytest.mark.parametrize("pepper", ["old", "new"])
def test_the_pepper_of_a_key_from_before_it_was_noted_is_noted_at_its_next_use(
    acme: Organization, settings: Any, pepper: str
) -> None:
    settings.API_KEY_PEPPERS = [pepper]
    key = new_key(acme)
    noted = key.api_key.pepper
    ApiKey.objects.update(pepper=None)

    settings.API_KEY_PEPPERS = ["new", "old"]
    assert users(key.text).status_code == 200
    assert ApiKey.objects.get().pepper == noted


def test_a_key_deleted_meanwhile_does_not_get_its_digest_back(acme: Organization, settings: Any) -> None:
    settings.API_KEY_PEPPERS = ["old"]
    key = new_key(acme)
    settings.API_KEY_PEPPERS = ["new", "old"]
    settings.API_KEY_PEPPER_MOVE = True
    as_read = ApiKey.objects.get()

    key.api_key.delete_key(by=SETUP)
    text = KeyText.parse(key.text)
    assert text is not None
    as_read.settle_pepper(text)

    assert ApiKey.objects.get().digest is None
    assert_refused(users(key.text))


def test_no_key_reaches_a_log(acme: Organization, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    live, expired = new_key(acme), KeyText.generate("scim")
    for key in (live.text, expired.text, live.text[:-1]):
        users(key)
        IdentityProvider(key).create(nickName="x" * 5000)
        IdentityProvider(key).call("POST", "/Users", b"{")

    assert live.text[20:60] not in caplog.text
    assert expired.text[20:60] not in caplog.text


def test_a_forwarded_address_is_not_believed(acme: Organization) -> None:
    idp = IdentityProvider(new_key(acme).text)
    idp.headers["X-Forwarded-For"] = "203.0.113.9"
    idp.get("/Users")
    assert ApiKey.objects.get().last_used_ip == "127.0.0.1"


def test_timezone_is_used_for_the_expiry_instant(acme: Organization) -> None:
    acme.time_zone = "Pacific/Auckland"
    acme.save()
    tomorrow = timezone.now().date() + dt.timedelta(days=2)

    key = new_key(acme, expires_on=tomorrow).api_key

    assert key.local_expiry().isoformat().startswith(f"{tomorrow}T00:00:00+1")
