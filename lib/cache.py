"""A cache in Redis that goes on in this process's memory while Redis can't be used.

Signing in counts attempts in the cache. Without Redis, what a process has counted itself still holds.
"""

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from lib.breaker import REDIS

REDIS_SECONDS = 0.25


class FailoverCache(RedisCache):
    """Django's cache in Redis, with a cache in memory for a bad day."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = {
            "socket_timeout": REDIS_SECONDS,
            "socket_connect_timeout": REDIS_SECONDS,
            "retry": Retry(NoBackoff(), 0),
        }
        super().__init__(server, params | {"OPTIONS": options | params.get("OPTIONS", {})})
        memory_params = {name: value for name, value in params.items() if name != "OPTIONS"}
        memory_params["OPTIONS"] = memory_params.pop("MEMORY_OPTIONS", {})
        # Django makes a cache for each thread. Those in memory share what they hold by their name.
        self._memory = LocMemCache(f"instead of {server}", memory_params)


def failing_over(name: str) -> Callable[..., Any]:
    """Return the method `name` of RedisCache, which calls that of the cache in memory when Redis can't be used."""
    in_redis, in_memory = getattr(RedisCache, name), getattr(LocMemCache, name)

    def method(self: FailoverCache, *args: Any, **kwargs: Any) -> Any:
        if REDIS.allows():
            try:
                answer = in_redis(self, *args, **kwargs)
            except (RedisError, OSError) as error:
                REDIS.trip(error)
            else:
                REDIS.mend()
                return answer
        return in_memory(self._memory, *args, **kwargs)

    method.__name__ = name
    return method


# Every method of RedisCache that talks to Redis. The others are made of these.
METHODS = ("add", "get", "set", "touch", "delete", "get_many", "has_key", "incr", "set_many", "delete_many", "clear")
for method_name in METHODS:
    setattr(FailoverCache, method_name, failing_over(method_name))
