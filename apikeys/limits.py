"""How often a key may call, and how often a network may send what is refused.

Calls that are let in and calls that are refused have counts of their own. A thief who uses a key from a network where
it is refused uses up nothing of the rightful caller's limit (docs/decisions/0070-refusals-are-counted-apart.md).

A bucket is a single number, the theoretical arrival time of the generic cell rate algorithm: a request is let in while
that time is less than a burst ahead of now, and moves it by one interval. It lives in Redis, or in this process when no
Redis is configured. While Redis can't be used, each process counts by itself, from an empty bucket: an identity
provider must not be cut off because a cache is down, and nobody may call without limit.

Who calls often need not ask Redis each time. While a bucket is less than half full, a process takes a few requests in
advance, a lease, for half a second; what is left of it then goes back. So no more are let in than without leases;
fewer, by what other processes hold at that moment, only from a bucket that is more than half full.
"""

import math
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from typing import Any, Protocol

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from apikeys.errors import TooManyRequests
from lib.breaker import REDIS
from lib.networks import network_of

REDIS_TIMEOUT = 0.25
MEMORY_BUCKETS = 50_000

LEASE = 10
LEASE_SECONDS = 0.5

# KEYS[1] the bucket; ARGV: interval and burst in seconds, the requests wanted, those of an earlier lease that are left.
# Returns the number of requests let in and, as text, the seconds to wait if that is none.
TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local interval, tolerance, wanted, left = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or 0) - left * interval, now)
local wait = (arrival - now) + (interval - tolerance)
local granted = 0
if wait <= 0 then
    granted = math.max(math.min(wanted, math.floor((tolerance / 2 - arrival + now) / interval)), 1)
end
local expiry = math.ceil(math.max(tolerance, arrival - now) * 1000) + 1000
redis.call('SET', KEYS[1], string.format('%.6f', arrival + granted * interval), 'PX', expiry)
return {granted, tostring(wait)}
"""
TAKE_SHA = sha1(TAKE.encode(), usedforsecurity=False).hexdigest()

# KEYS[1] the bucket; ARGV: interval and burst in seconds. Returns, as text, the seconds until a request is let in.
LOOK = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
return tostring((arrival - now) + (ARGV[1] - ARGV[2]))
"""
LOOK_SHA = sha1(LOOK.encode(), usedforsecurity=False).hexdigest()

# KEYS[1] the bucket; ARGV[1]: the seconds to fill it by.
CHARGE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.6f', arrival), 'PX', math.ceil((arrival - now) * 1000) + 1000)
"""
CHARGE_SHA = sha1(CHARGE.encode(), usedforsecurity=False).hexdigest()


class Buckets(Protocol):
    """Where the buckets are kept."""

    def take(self, name: str, interval: float, tolerance: float) -> float:
        """Let one request in and return 0, or return the seconds after which one would be let in."""
        ...

    def look(self, name: str, interval: float, tolerance: float) -> float:
        """Return what `take` would, but let no request in."""
        ...

    def charge(self, name: str, seconds: float) -> None:
        """Fill the bucket by what costs as much as all requests of so many seconds, beyond its burst if need be."""
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
            # In this order no rounding refuses the first request.
            wait = (arrival - now) + (interval - tolerance)
            if wait > 0:
                return wait
            if len(self._arrivals) >= MEMORY_BUCKETS:
                self._arrivals = {key: value for key, value in self._arrivals.items() if value > now}
            self._arrivals[name] = arrival + interval
        return 0.0

    def look(self, name: str, interval: float, tolerance: float) -> float:
        """See `Buckets.look`."""
        now = time.monotonic()
        return max(max(self._arrivals.get(name, 0.0), now) - now + (interval - tolerance), 0.0)

    def charge(self, name: str, seconds: float) -> None:
        """See `Buckets.charge`."""
        with self._lock:
            self._arrivals[name] = max(self._arrivals.get(name, 0.0), time.monotonic()) + seconds


@dataclass(slots=True)
class Lease:
    """Requests that this process may still let in without asking, until a moment of `time.monotonic()`."""

    left: int
    until: float


class RedisBuckets:
    """Buckets that all processes share.

    Connections that nobody uses wait in a list of ours: what redis-py's client and pool do around a command takes three
    times as long as the command.
    """

    def __init__(self, url: str) -> None:
        self._connections = redis.ConnectionPool.from_url(
            url, socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT, retry=Retry(NoBackoff(), 0)
        )
        self._idle: list[Any] = []
        self._leases: dict[str, Lease] = {}
        self._lock = threading.Lock()
        self._memory = MemoryBuckets()

    def take(self, name: str, interval: float, tolerance: float) -> float:
        """See `Buckets.take`; counts in memory while Redis can't be used."""
        now = time.monotonic()
        with self._lock:
            lease = self._leases.get(name)
            if lease and lease.left and now < lease.until:
                lease.left -= 1
                return 0.0
            left = self._leases.pop(name).left if lease else 0
        if not REDIS.allows():
            return self._memory.take(name, interval, tolerance)
        wanted = max(min(LEASE, int(tolerance / interval / LEASE)), 1)
        try:
            granted, wait = self._run(f"limit:{name}", interval, tolerance, wanted, left)
        except redis.RedisError as error:
            REDIS.trip(error)
            return self._memory.take(name, interval, tolerance)
        REDIS.mend()
        if granted > 1:
            self._keep(name, Lease(granted - 1, now + LEASE_SECONDS))
        return 0.0 if granted else float(wait)

    def look(self, name: str, interval: float, tolerance: float) -> float:
        """See `Buckets.look`; what other processes hold in advance counts as let in."""
        if not REDIS.allows():
            return self._memory.look(name, interval, tolerance)
        try:
            wait = self._run(f"limit:{name}", interval, tolerance, script=LOOK, sha=LOOK_SHA)
        except redis.RedisError as error:
            REDIS.trip(error)
            return self._memory.look(name, interval, tolerance)
        REDIS.mend()
        return max(float(wait), 0.0)

    def charge(self, name: str, seconds: float) -> None:
        """See `Buckets.charge`; what a lease has left is forfeit. Counts in memory while Redis can't be used."""
        with self._lock:
            self._leases.pop(name, None)
        if not REDIS.allows():
            self._memory.charge(name, seconds)
            return
        try:
            self._run(f"limit:{name}", seconds, script=CHARGE, sha=CHARGE_SHA)
        except redis.RedisError as error:
            REDIS.trip(error)
            self._memory.charge(name, seconds)
        else:
            REDIS.mend()

    def _keep(self, name: str, lease: Lease) -> None:
        with self._lock:
            if len(self._leases) >= MEMORY_BUCKETS:
                self._leases = {name: kept for name, kept in self._leases.items() if kept.until > time.monotonic()}
            if other := self._leases.get(name):
                lease.left += other.left
            self._leases[name] = lease

    def _run(self, key: str, *arguments: float, script: str = TAKE, sha: str = TAKE_SHA) -> Any:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connections.make_connection()
        try:
            try:
                return ask(connection, command("EVALSHA", sha, key, *arguments))
            except (redis.ConnectionError, redis.exceptions.NoScriptError):
                # A server that was restarted has hung up, and forgotten the script.
                return ask(connection, command("EVAL", script, key, *arguments))
        finally:
            self._idle.append(connection)


def ask(connection: redis.Connection, packed: bytes) -> Any:
    """Return the answer to a command; a connection that is closed is opened first. Raises RedisError."""
    connection.send_packed_command([packed])  # type: ignore[no-untyped-call]
    return connection.read_response()


@lru_cache(maxsize=4096)
def command(name: str, script: str, key: str, *arguments: float) -> bytes:
    """Return a command that runs a script on one key, as it is sent (RESP, an array of bulk strings)."""
    parts = [str(part).encode() for part in (name, script, 1, key, *arguments)]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


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


def charge_key(key_pk: int, requests: int) -> None:
    """Count so many more requests of a key, for one that costs as much; those after it wait until that is paid."""
    if settings.KEY_RATE_LIMIT and requests:
        buckets(settings.REDIS_URL).charge(f"key:{key_pk}", requests / settings.KEY_RATE_LIMIT)


def count_bad_key(ip: str | None) -> None:
    """Count a key that doesn't exist against the network it came from. Raises TooManyRequests past `BAD_KEY_LIMIT`.

    Only bad keys are counted and only they are answered so: identity providers send many customers' keys from one
    address, and one customer's deleted key must not shut the others out.
    """
    count_by_network("bad-key", ip, "invalid keys")


def count_guess(ip: str | None) -> None:
    """Count a key that doesn't exist and had to be looked for in the database."""
    if settings.BAD_KEY_LIMIT:
        buckets(settings.REDIS_URL).take(f"guess:{network_of(ip)}", *a_minute(settings.BAD_KEY_LIMIT))


def check_guesses(ip: str | None) -> None:
    """Raise TooManyRequests if `BAD_KEY_LIMIT` guesses (`count_guess`) came from the network within a minute."""
    if not settings.BAD_KEY_LIMIT:
        return
    wait = buckets(settings.REDIS_URL).look(f"guess:{network_of(ip)}", *a_minute(settings.BAD_KEY_LIMIT))
    if wait > 0:
        raise TooManyRequests(
            f"More than {settings.BAD_KEY_LIMIT} invalid keys a minute came from this network.", math.ceil(wait)
        )


def count_refusal(key_pk: int, ip: str | None, detail: str) -> None:
    """Count a call that is refused, for the reason `detail`, against the key and the network it came from together.

    Raises TooManyRequests past `BAD_KEY_LIMIT`, which goes on to say why.
    """
    count_by_network(f"refused:{key_pk}", ip, "such calls", f"{detail} ")


def count_report(ip: str | None) -> None:
    """Count a report of a leaked key against the network it came from. Raises TooManyRequests past `BAD_KEY_LIMIT`."""
    count_by_network("report", ip, "reports")


def count_by_network(name: str, ip: str | None, things: str, detail: str = "") -> None:
    """Count one of `things` against the bucket `name` of a network. Raises TooManyRequests past `BAD_KEY_LIMIT`."""
    if settings.BAD_KEY_LIMIT:
        take(
            f"{name}:{network_of(ip)}",
            settings.BAD_KEY_LIMIT / 60,
            settings.BAD_KEY_LIMIT,
            f"{detail}More than {settings.BAD_KEY_LIMIT} {things} a minute came from this network.",
        )


def a_minute(most: int) -> tuple[float, float]:
    """Return the interval and the burst, in seconds, of a bucket that lets in so many a minute, and as many at once."""
    return 60 / most, 60.0
