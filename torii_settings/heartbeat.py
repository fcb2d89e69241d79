"""Worker and beat say every few seconds that they live: in a file for the probe of their machine, and in Redis for all.

`python -m lib.probe worker` (or `beat`) reads the file, `/readyz` what is in Redis; without Redis everything
runs on one machine, and the file does for both.
"""

import threading
import time
from contextlib import suppress

import redis
from celery.signals import beat_embedded_init, beat_init, worker_init
from django.conf import settings

from lib.probe import LATELY, last_heard

EVERY = 5.0
REDIS_SECONDS = 1.0


def connect() -> None:
    """Have the worker and the beat of this process say that they live, from their start on."""
    worker_init.connect(start_worker, weak=False, dispatch_uid="heartbeat")
    beat_init.connect(start_beat, weak=False, dispatch_uid="heartbeat")
    beat_embedded_init.connect(start_beat, weak=False, dispatch_uid="heartbeat")


def start_worker(**kwargs: object) -> None:
    start("worker")


def start_beat(**kwargs: object) -> None:
    start("beat")


def start(name: str) -> None:
    """Begin to say that `name` lives."""
    threading.Thread(target=keep_saying, args=(name,), name=f"heartbeat of {name}", daemon=True).start()


def keep_saying(name: str) -> None:
    """Say it every few seconds, for ever. A full disk or a broker that is away is for the checks of those to tell."""
    server = client() if settings.REDIS_URL else None
    while True:
        with suppress(OSError):
            settings.HEARTBEATS.mkdir(parents=True, exist_ok=True)
            (settings.HEARTBEATS / name).touch()
        if server is not None:
            with suppress(redis.RedisError):
                server.set(key(name), str(time.time()), ex=round(LATELY * 10))
        time.sleep(EVERY)


def client() -> "redis.Redis":
    """Return a client of Redis that waits for nothing long."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, decode_responses=True
    )


def key(name: str) -> str:
    """Return where in Redis it stands when `name` was last heard of."""
    return f"heard:{name}"


def is_heard_lately(name: str, server: "redis.Redis | None") -> bool:
    """Whether some process of this kind has said lately that it lives. Raises RedisError."""
    heard = last_heard(name, settings.HEARTBEATS) if server is None else float(str(server.get(key(name)) or 0))
    return time.time() - heard < LATELY
