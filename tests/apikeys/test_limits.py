"""How often a key may call; how often an address may try keys that don't exist."""

from typing import Any

import pytest
import redis
from django.conf import settings

from apikeys import limits
from apikeys.secret import KeyText
from members.models import Organization
from tests.conftest import new_key
from tests.identity_provider import IdentityProvider, assert_error


@pytest.fixture(autouse=True)
def slow(settings: Any) -> None:
    """One request a second, three at once: too slow for the clock to matter while a test runs."""
    settings.KEY_RATE_LIMIT, settings.KEY_RATE_BURST = 0.01, 3


def statuses(idp: IdentityProvider, times: int) -> list[int]:
    """Call `times` times."""
    return [idp.get("/Users").status_code for _ in range(times)]


def test_a_key_over_its_limit_gets_429_with_whole_seconds(acme: Organization, okta: IdentityProvider) -> None:
    assert statuses(okta, 4) == [200, 200, 200, 429]

    response = okta.get("/Users")

    assert_error(response, 429, "", "limit")
    assert 1 <= int(response["Retry-After"]) <= 100


def test_one_key_does_not_slow_another(okta: IdentityProvider, acme: Organization) -> None:
    statuses(okta, 4)
    assert statuses(IdentityProvider(new_key(acme).text), 1) == [200]


def test_zero_turns_the_limit_off(okta: IdentityProvider, settings: Any) -> None:
    settings.KEY_RATE_LIMIT = 0
    assert set(statuses(okta, 20)) == {200}


def test_bad_keys_are_counted_by_address(okta: IdentityProvider, settings: Any) -> None:
    settings.BAD_KEY_LIMIT = 2
    stranger = IdentityProvider(KeyText.generate("scim").text)

    assert statuses(stranger, 3) == [401, 401, 429]
    assert int(stranger.get("/Users")["Retry-After"]) >= 1
    assert statuses(okta, 1) == [200]


def test_a_process_counts_by_itself_while_redis_is_down(
    okta: IdentityProvider, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"

    assert statuses(okta, 5) == [200, 200, 200, 429, 429]
    assert caplog.text.count("Redis can't be used") == 1


def test_memory_forgets_full_buckets_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MEMORY_BUCKETS", 2)
    buckets = limits.MemoryBuckets()
    assert buckets.take("busy", 100, 100) == 0
    for number in range(5):
        buckets.take(f"idle{number}", 1e-9, 1)

    assert buckets.take("busy", 100, 100) > 0


# Leases --------------------------------------------------------------------------------------------------------------

INTERVAL, BURST = 1000.0, 100  # so slow that nothing flows back while a test runs

needs_redis = pytest.mark.skipif(not settings.REDIS_URL, reason="without Redis, one process has all buckets: no lease")


@pytest.fixture
def processes() -> list[limits.RedisBuckets]:
    """The buckets as three processes see them."""
    return [limits.RedisBuckets(settings.REDIS_URL) for _ in range(3)]


def let_in(buckets: limits.RedisBuckets, times: int) -> int:
    """Take `times` times, and return how often that was granted."""
    return sum(buckets.take("key", INTERVAL, INTERVAL * BURST) == 0 for _ in range(times))


@needs_redis
def test_a_process_asks_once_for_several_requests_until_a_bucket_is_half_full(
    processes: list[limits.RedisBuckets], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LEASE_SECONDS", 1000)
    commands: list[bytes] = []
    ask = limits.ask

    def counted(connection: redis.Connection, packed: bytes) -> Any:
        commands.append(packed)
        return ask(connection, packed)

    monkeypatch.setattr(limits, "ask", counted)
    let_in(processes[0], 1)  # the script is loaded
    commands.clear()

    assert let_in(processes[0], 49) == 49
    assert len(commands) == 4
    assert let_in(processes[0], 10) == 10
    assert len(commands) == 14


@needs_redis
def test_processes_that_take_in_advance_let_in_exactly_the_burst(
    processes: list[limits.RedisBuckets], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LEASE_SECONDS", 1000)
    turns = [let_in(processes[turn % 3], 1 + turn % 7) for turn in range(60)]
    assert sum(turns) == BURST
    assert turns[-10:] == [0] * 10


@needs_redis
def test_what_is_left_of_a_lease_goes_back(
    processes: list[limits.RedisBuckets], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LEASE_SECONDS", 0)
    one, other, _ = processes

    assert let_in(one, 5) == 5
    assert let_in(other, 200) == BURST - 5 - (limits.LEASE - 1)
    assert let_in(one, 200) == limits.LEASE - 1


@pytest.mark.parametrize("now", [16383.9, 16300.123456789, 0.1, 1048575.7])
def test_an_empty_bucket_of_one_lets_the_first_request_in_at_any_time(now: float, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("apikeys.limits.time.monotonic", lambda: now)
    buckets = limits.MemoryBuckets()
    for number, interval in enumerate((1 / 3, 100.0, 1000.0, 1 / 7)):
        assert buckets.take(str(number), interval, interval) == 0
        assert buckets.take(str(number), interval, interval) > 0
