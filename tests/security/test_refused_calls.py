"""What is refused is counted by itself: nobody who misuses a key, or guesses at some, stops its rightful caller.

Whether and how often is measured by statuses, queries and buckets, never by time.
"""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apikeys.limits import count_bad_key
from apikeys.models import ApiKey, KnownOrigin, NewKey
from apikeys.secret import KeyText
from apikeys.seen_keys import SEEN, SeenKeys
from audit.actor import Origin
from members.models import Member, Organization
from tests.conftest import SETUP, new_key
from torii_settings.callers import Callers

HOME, ELSEWHERE, FARTHER = "203.0.113.7", "198.51.100.1", "192.0.2.1"
SCIM, REST = "/scim/v2/Users?count=1", "/v1.0/members"
LIMIT, BURST = 4, 5


@pytest.fixture(autouse=True)
def slow(settings: Any) -> None:
    """Limits so slow that the clock doesn't matter while a test runs."""
    settings.KEY_RATE_LIMIT, settings.KEY_RATE_BURST, settings.BAD_KEY_LIMIT = 0.001, BURST, LIMIT


@pytest.fixture(autouse=True)
def stopped() -> Any:
    with time_machine.travel(dt.datetime.now(dt.UTC), tick=False):
        yield


def call(text: str, path: str = SCIM, ip: str = HOME, method: str = "GET") -> Any:
    client = Client(raise_request_exception=False)
    return client.generic(method, path, headers={"Authorization": f"Bearer {text}"}, REMOTE_ADDR=ip)


def statuses(times: int, text: str, *args: Any, **kwargs: Any) -> list[int]:
    return [call(text, *args, **kwargs).status_code for _ in range(times)]


def guess(kind: str = "scim") -> str:
    return KeyText.generate(kind).text


def expired(organization: Organization) -> NewKey:
    with time_machine.travel(dt.datetime.now(dt.UTC) - dt.timedelta(days=9)):
        return new_key(organization, expires_on=dt.datetime.now(dt.UTC).date() + dt.timedelta(days=3))


def made_by(member: Member, kind: str) -> NewKey:
    return ApiKey.generate(
        member.organization, kind=kind, description="Nightly", expires_on=None, by=member.actor(Origin())
    )


def of_nobody_any_more(member: Member) -> NewKey:
    key = made_by(member, "api_write")
    member.deactivate(by=SETUP)
    return key


def with_scim_off(organization: Organization) -> NewKey:
    key = new_key(organization)
    organization.disable_scim(by=SETUP)
    return key


Case = Callable[[Organization, Member], tuple[NewKey, str, str, int]]

# A key, how it is called, and what it gets.
REFUSED: dict[str, Case] = {
    "from another network": lambda acme, ira: (
        new_key(acme, allowed_networks=["192.0.2.0/24"]),
        "GET",
        SCIM,
        403,
    ),
    "from another network, REST": lambda acme, ira: (
        new_key(acme, "api_read", allowed_networks=["192.0.2.0/24"]),
        "GET",
        REST,
        403,
    ),
    "a REST key at SCIM's door": lambda acme, ira: (new_key(acme, "api_write"), "GET", SCIM, 401),
    "a SCIM key at REST's door": lambda acme, ira: (new_key(acme), "GET", REST, 401),
    "an expired key": lambda acme, ira: (expired(acme), "GET", SCIM, 401),
    "SCIM is off": lambda acme, ira: (with_scim_off(acme), "GET", SCIM, 403),
    "SCIM is off, at discovery": lambda acme, ira: (with_scim_off(acme), "GET", "/scim/v2/Schemas", 403),
    "SCIM is off, at Me": lambda acme, ira: (with_scim_off(acme), "GET", "/scim/v2/Me", 403),
    "a read-only key that writes": lambda acme, ira: (
        new_key(acme, "api_read"),
        "POST",
        f"/v1.0/members/{ira.pk}/deactivation",
        403,
    ),
    "a key without access there": lambda acme, ira: (
        new_key(acme, "api_read", access={"members": "read"}),
        "GET",
        "/v1.0/audit-events",
        403,
    ),
    "a key whose maker left": lambda acme, ira: (of_nobody_any_more(ira), "GET", REST, 403),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_calls_are_counted_by_key_and_network(acme: Organization, ana: Member, ira: Member, case: str) -> None:
    if case == "a key whose maker left":
        ira.change_role(acme.roles.get(name="Admin"), by=SETUP)
    key, method, path, status = REFUSED[case](acme, ira)
    first = call(key.text, path, ELSEWHERE, method)
    assert statuses(LIMIT - 1, key.text, path, ELSEWHERE, method) == [status] * (LIMIT - 1)

    past = call(key.text, path, ELSEWHERE, method)

    assert (first.status_code, past.status_code) == (status, 429)
    assert int(past["Retry-After"]) >= 1
    # It still says why: some identity providers show their admin nothing but the latest answer.
    reason = first.json()["detail"].partition(" (request id")[0]
    assert past.json()["detail"].startswith(reason)
    assert call(key.text, path, FARTHER if "network" not in case else "198.51.99.1", method).status_code == status


@pytest.mark.parametrize("case", REFUSED)
def test_refused_calls_use_up_nothing_of_the_keys_own_limit(
    acme: Organization, ana: Member, ira: Member, case: str
) -> None:
    if case == "a key whose maker left":
        ira.change_role(acme.roles.get(name="Admin"), by=SETUP)
    key, method, path, _ = REFUSED[case](acme, ira)
    for number in range(2 * BURST):
        call(key.text, path, f"198.51.{number}.1", method)

    if case.startswith("SCIM is off"):
        acme.enable_scim(by=SETUP)
    if case == "a key whose maker left":
        ira.reactivate(by=SETUP)
    elif case == "an expired key":
        return
    door = SCIM if key.api_key.kind == "scim" else REST
    assert statuses(BURST + 1, key.text, door, "192.0.2.9") == [200] * BURST + [429]


def test_a_stolen_key_from_elsewhere_does_not_starve_its_rightful_caller(acme: Organization, ana: Member) -> None:
    key = new_key(acme, allowed_networks=["203.0.113.0/24"]).text
    stolen = statuses(200, key, ip=ELSEWHERE)
    assert (stolen[:LIMIT], set(stolen[LIMIT:])) == ([403] * LIMIT, {429})
    assert statuses(BURST, key) == [200] * BURST


def test_a_stolen_key_from_elsewhere_takes_no_place_of_its_rightful_caller(acme: Organization, ana: Member) -> None:
    """What may be under way at once is counted before any key is looked for (`torii_settings.callers`)."""
    callers = Callers()
    text = new_key(acme, allowed_networks=["203.0.113.0/24"]).text
    for ip in (ELSEWHERE, HOME):
        answer = call(text, ip=ip)
        callers.learn({"PATH_INFO": SCIM, "HTTP_AUTHORIZATION": text, "REMOTE_ADDR": ip}, answer.wsgi_request)
    thief, rightful = (
        callers.of({"PATH_INFO": SCIM, "HTTP_AUTHORIZATION": text, "REMOTE_ADDR": ip}) for ip in (ELSEWHERE, HOME)
    )
    assert (thief.organization, rightful.organization) == (None, acme.public_id)
    assert thief.name != rightful.name


def test_the_first_refused_call_from_each_network_is_remembered_past_the_limit_too(
    acme: Organization, ana: Member
) -> None:
    key = new_key(acme, allowed_networks=["203.0.113.0/24"]).text
    statuses(2 * LIMIT, key, ip=ELSEWHERE)
    call(key, ip=FARTHER)
    networks = KnownOrigin.objects.filter(kind="network", refused=True).values_list("value", flat=True)
    assert set(networks) == {"198.51.100.0/24", "192.0.2.0/24"}


# Guesses --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [SCIM, REST, "/scim/v2/Schemas", "/scim/v2/Bulk"])
def test_past_the_limit_a_guess_costs_no_query(acme: Organization, path: str) -> None:
    assert statuses(LIMIT, guess(), path) == [401] * LIMIT
    for _ in range(LIMIT):
        call(guess(), path)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert {call(guess(kind), path).status_code for kind in ("scim", "api") for _ in range(10)} == {429}
    assert len(queries) == 0


def test_the_same_bad_key_costs_one_query(acme: Organization) -> None:
    text = guess()
    with CaptureQueriesContext(connection) as queries:
        assert statuses(3 * LIMIT, text) == [401] * LIMIT + [429] * 2 * LIMIT
    assert len(queries) == 1


def test_a_deleted_key_that_is_sent_on_shuts_out_nobody(acme: Organization, ana: Member) -> None:
    deleted = new_key(acme)
    assert call(deleted.text).status_code == 200
    deleted.api_key.delete_key(by=SETUP)
    statuses(20, deleted.text)
    with a_new_process():
        statuses(20, deleted.text)
        assert statuses(3, new_key(acme).text) == [200] * 3


def test_no_guess_shuts_out_a_key_that_was_used_before_or_has_just_been_made(acme: Organization, ana: Member) -> None:
    used, made = new_key(acme).text, new_key(acme).text
    call(used, ip=FARTHER)
    for _ in range(2 * LIMIT):
        call(guess())
    assert statuses(2, made) == [200, 200]
    with a_new_process():
        assert statuses(2, used) == [200, 200]


def test_a_key_that_nobody_knows_is_let_in_once_guesses_rest(acme: Organization, ana: Member) -> None:
    restored = new_key(acme).text
    cache.clear()  # as if Redis had been emptied
    for _ in range(2 * LIMIT):
        call(guess())
    refused = call(restored)
    assert refused.status_code == 429
    assert call(restored, ip=ELSEWHERE).status_code == 200


class a_new_process:  # noqa: N801 - reads as a phrase
    """What this process has seen is forgotten for the length of the block."""

    def __enter__(self) -> None:
        self.seen = dict(vars(SEEN))
        vars(SEEN).update(vars(SeenKeys()))

    def __exit__(self, *exc_info: object) -> None:
        vars(SEEN).update(self.seen)


def test_a_text_is_a_guess_for_a_moment_only(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database that answered may have lagged behind."""
    text = KeyText.generate("scim")
    SEEN.add_guess(text)
    assert SEEN.is_guess(text)
    monkeypatch.setattr("apikeys.seen_keys.time.monotonic", lambda: 1e12)
    assert not SEEN.is_guess(text)


def test_what_is_remembered_of_guesses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apikeys.seen_keys.GUESSES_MAX", 5)
    monkeypatch.setattr("apikeys.seen_keys.KEYS_MAX", 5)
    seen = SeenKeys()
    for _ in range(20):
        seen.add_guess(KeyText.generate("scim"))
        seen.add(KeyText.generate("scim"))
    assert len(seen._guesses) == 5
    assert len(seen._keys) <= 5


def test_no_text_of_a_key_is_kept(acme: Organization) -> None:
    key = new_key(acme).text
    call(key)
    call(guess())
    assert key not in repr(vars(SEEN))
    assert all(isinstance(kept, int) for kept in [*SEEN._keys, *SEEN._guesses])


# Networks -------------------------------------------------------------------------------------------------------------


def each_of_a_64(number: int) -> str:
    return f"2001:db8:0:1::{number:x}"


def test_guesses_from_all_addresses_of_a_64_count_together(acme: Organization) -> None:
    answers = [call(guess(), ip=each_of_a_64(number)).status_code for number in range(2 * LIMIT)]
    assert answers == [401] * LIMIT + [429] * LIMIT
    assert call(guess(), ip="2001:db8:0:2::1").status_code == 401


def test_malformed_keys_from_all_addresses_of_a_64_count_together(acme: Organization) -> None:
    answers = [call("nonsense", ip=each_of_a_64(number)).status_code for number in range(LIMIT + 1)]
    assert answers == [401] * LIMIT + [429]


def test_refused_calls_from_all_addresses_of_a_64_count_together(acme: Organization) -> None:
    key = new_key(acme, allowed_networks=["203.0.113.0/24"]).text
    answers = [call(key, ip=each_of_a_64(number)).status_code for number in range(LIMIT + 1)]
    assert answers == [403] * LIMIT + [429]


def test_reports_from_all_addresses_of_a_64_count_together(acme: Organization) -> None:
    answers = [
        Client()
        .post(
            "/v1.0/leaked-keys",
            json.dumps({"key": guess()}),
            content_type="application/json",
            REMOTE_ADDR=each_of_a_64(number),
        )
        .status_code
        for number in range(LIMIT + 1)
    ]
    assert answers == [200] * LIMIT + [429]


def test_an_ipv4_address_in_ipv6_is_counted_as_itself(acme: Organization) -> None:
    for number in range(LIMIT):
        count_bad_key(f"::ffff:198.51.100.{number}")
    assert call("nonsense", ip="::ffff:198.51.100.200").status_code == 401
    assert statuses(LIMIT, "nonsense", ip="198.51.100.200") == [401] * (LIMIT - 1) + [429]
