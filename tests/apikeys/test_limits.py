"""How often a key may call; how often an address may try keys that don't exist."""

from typing import Any

import pytest

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


def test_the_gate_stands_open_while_redis_is_down(
    okta: IdentityProvider, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"

    assert set(statuses(okta, 6)) == {200}
    assert "Redis can't be reached" in caplog.text


def test_memory_forgets_full_buckets_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MEMORY_BUCKETS", 2)
    buckets = limits.MemoryBuckets()
    assert buckets.take("busy", 100, 100) == 0
    for number in range(5):
        buckets.take(f"idle{number}", 1e-9, 1)

    assert buckets.take("busy", 100, 100) > 0
