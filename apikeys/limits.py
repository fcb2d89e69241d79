"""How often a key may call, and how often an address may try keys that don't exist.

A bucket is a single number, the theoretical arrival time of the generic cell rate algorithm: a request is let in while
that time is less than a burst ahead of now, and moves it by one interval. It lives in Redis, or in this process when no
Redis is configured. With Redis out of reach the gate stands open and says so in the log: limits protect the service,
and an identity provider must not be cut off because a cache is down.
"""

import logging
import math
import threading
import time
from functools import lru_cache
from typing import Protocol

import redis
from django.conf import settings

from apikeys.errors import TooManyRequests

logger = logging.getLogger(__name__)

REDIS_TIMEOUT = 0.25
MEMORY_BUCKETS = 50_000

# KEYS[1] the bucket; ARGV: interval and burst in seconds. Returns the seconds to wait as text, "0" when let in.
TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local wait = arrival + interval - tolerance - now
if wait > 0 then return tostring(wait) end
redis.call('SET', KEYS[1], string.format('%.6f', arrival + interval), 'PX', math.ceil(tolerance * 1000) + 1000)
return '0'
"""


class Buckets(Protocol):
    """Where the buckets are kept."""

    def take(self, name: str, interval: float, tolerance: float) -> float:
        """Let one request in and return 0, or return the seconds after which one would be let in."""
        ...


class MemoryBuckets:
    """Buckets of this process alone."""

    def __init__(self) -> None:
        self._arrivals: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, name: str, interval: float, tolerance: float) -> float:
        """See `Buckets.take`."""
        now = time.monotonic()
        with self._lock:
            arrival = max(self._arrivals.get(name, 0.0), now)
            wait = arrival + interval - tolerance - now
            if wait > 0:
                return wait
            if len(self._arrivals) >= MEMORY_BUCKETS:
                self._arrivals = {key: value for key, value in self._arrivals.items() if value > now}
            self._arrivals[name] = arrival + interval
        return 0.0


class RedisBuckets:
    """Buckets that all processes share."""

    def __init__(self, url: str) -> None:
        client = redis.Redis.from_url(url, socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT)
        self._take = client.register_script(TAKE)

    def take(self, name: str, interval: float, tolerance: float) -> float:
        """See `Buckets.take`; lets everything in while Redis can't be reached."""
        try:
            return float(self._take(keys=[f"limit:{name}"], args=[interval, tolerance]))
        except redis.RedisError as error:
            logger.warning("limits are open: Redis can't be reached (%s)", type(error).__name__)
            return 0.0


@lru_cache(maxsize=4)
def buckets(url: str) -> Buckets:
    """Return the buckets behind `url`, or this process's own for an empty one."""
    return RedisBuckets(url) if url else MemoryBuckets()


def take(name: str, per_second: float, burst: int, detail: str) -> None:
    """Count one request against the bucket `name`. Raises TooManyRequests when it is full."""
    interval = 1 / per_second
    wait = buckets(settings.REDIS_URL).take(name, interval, interval * burst)
    if wait > 0:
        raise TooManyRequests(detail, math.ceil(wait))


def check_key(key_pk: int) -> None:
    """Count a request of a key. Raises TooManyRequests past `KEY_RATE_LIMIT` a second with `KEY_RATE_BURST` at once."""
    if settings.KEY_RATE_LIMIT:
        take(
            f"key:{key_pk}",
            settings.KEY_RATE_LIMIT,
            max(settings.KEY_RATE_BURST, 1),
            f"This key is over its limit of {settings.KEY_RATE_LIMIT} requests a second; try again after Retry-After.",
        )


def count_bad_key(ip: str | None) -> None:
    """Count a key that doesn't exist against the address it came from. Raises TooManyRequests past `BAD_KEY_LIMIT`.

    Only bad keys are counted and only they are answered so: identity providers send many customers' keys from one
    address, and one customer's deleted key must not shut the others out.
    """
    if settings.BAD_KEY_LIMIT:
        take(
            f"bad-key:{ip}",
            settings.BAD_KEY_LIMIT / 60,
            settings.BAD_KEY_LIMIT,
            f"More than {settings.BAD_KEY_LIMIT} invalid keys a minute came from this address.",
        )


def count_report(ip: str | None) -> None:
    """Count a report of a leaked key against the address it came from. Raises TooManyRequests past `BAD_KEY_LIMIT`."""
    if settings.BAD_KEY_LIMIT:
        take(
            f"report:{ip}",
            settings.BAD_KEY_LIMIT / 60,
            settings.BAD_KEY_LIMIT,
            f"More than {settings.BAD_KEY_LIMIT} reports a minute came from this address.",
        )
