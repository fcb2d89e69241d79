"""Workers and clock outlive a Redis that answers with errors, and messages that nobody can read.

Redis becomes a replica, fills up, asks for a password or is busy, while workers are idle, busy, starting and
reconnecting. Afterwards it is well again, and what is due is told by the processes that have met all this.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from django.conf import settings

from lib.broker.redis import UNREADABLE
from members.models import Organization
from tests.processes.rig import Rig, company, keys_due, rig_in

pytestmark = pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis")

ALL = ("worker 1", "worker 2", "beat 1")


@pytest.fixture(scope="module")
def rig(django_db_blocker, tmp_path_factory) -> Iterator[Rig]:
    """Run two workers, as they run in production, and a clock."""
    with django_db_blocker.unblock(), rig_in(tmp_path_factory.mktemp("rig")) as rig:
        rig.worker_options = []
        yield rig


@pytest.fixture(scope="module")
def acme(rig) -> Organization:
    return company()


@pytest.fixture
def server(rig) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(rig.redis.url) as server:
        yield server


@contextmanager
def a_replica(server: redis.Redis) -> Iterator[str]:
    server.replicaof("127.0.0.1", "1")
    try:
        yield "read only replica"
    finally:
        server.replicaof("NO", "ONE")


@contextmanager
def a_replica_without_its_master(server: redis.Redis) -> Iterator[str]:
    server.config_set("replica-serve-stale-data", "no")
    server.replicaof("127.0.0.1", "1")
    try:
        yield "Link with MASTER is down"
    finally:
        server.replicaof("NO", "ONE")
        server.config_set("replica-serve-stale-data", "yes")


@contextmanager
def full(server: redis.Redis) -> Iterator[str]:
    server.config_set("maxmemory", "1")
    try:
        yield "maxmemory"
    finally:
        server.config_set("maxmemory", "0")


@contextmanager
def asking_for_a_password(server: redis.Redis) -> Iterator[str]:
    server.config_set("requirepass", "changed")
    try:
        disconnect_everybody(server)
        yield "Authentication required"
    finally:
        server.config_set("requirepass", "")


@contextmanager
def busy(server: redis.Redis) -> Iterator[str]:
    server.config_set("busy-reply-threshold", "50")
    address = server.get_connection_kwargs()

    def spin() -> None:
        with redis.Redis(address["host"], address["port"]) as other, pytest.raises(redis.ResponseError):
            other.eval("while true do end", 0)

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield "Redis is busy"
    finally:
        server.script_kill()
        thread.join()


def disconnect_everybody(server: redis.Redis) -> None:
    for kind in ("normal", "pubsub"):
        server.client_kill_filter(_type=kind, skipme=True)


FAULTS = [a_replica, a_replica_without_its_master, full, asking_for_a_password, busy]


def told(rig: Rig, acme: Organization) -> None:
    """Return once what is due is told, by the processes that run already."""
    keys = keys_due(acme)
    rig.wait_until(lambda: rig.is_told(*keys))


def size(rig: Rig, names: tuple[str, ...] = ALL) -> dict[str, int]:
    return {name: len(rig.log(name).read_bytes()) for name in names}


def said(rig: Rig, since: dict[str, int], word: str) -> Callable[[], bool]:
    """Return a function that tells whether each worker has said `word` since."""
    return lambda: all(word in rig.log(name).read_bytes()[start:].decode() for name, start in since.items())


@pytest.mark.parametrize("fault", FAULTS)
def test_workers_and_clock_that_meet_an_error_go_on_when_redis_is_well_again(rig, acme, server, fault):
    rig.run(*ALL)
    told(rig, acme)

    # Workers that wait for a message see nothing of a full or busy Redis. The clock does.
    start = size(rig, ("beat 1",) if fault in (full, busy) else ALL)
    with fault(server) as word:
        rig.wait_until(said(rig, start, word))

    told(rig, acme)


@pytest.mark.parametrize("fault", FAULTS)
def test_workers_that_start_or_reconnect_meanwhile_go_on_when_redis_is_well_again(rig, acme, server, fault):
    rig.run("worker 2", "beat 1")
    rig.kill(*rig.processes.keys() & {"worker 1"})

    with fault(server) as word:
        if fault is not busy:
            disconnect_everybody(server)
        rig.processes["worker 1"] = rig.start("worker 1")
        rig.wait_until(said(rig, {"worker 1": 0}, word))

    told(rig, acme)


def test_a_full_redis_is_emptied_by_its_workers(rig, acme, server):
    """Were workers to wait for room, a Redis that the queue itself has filled would stay full."""
    rig.kill(*rig.processes)
    send(server, *[{}] * 50)
    with full(server):
        rig.run("worker 1")
        rig.wait_until(lambda: rig.waiting_messages() == 0)


GARBAGE = {
    "empty": b"",
    "half": b'{"body": "W10=", "headers"',
    "binary": b"\xff\x00\xfe",
    "no object": b"5",
    "nested": b"[" * 100_000,
    "no properties": b"{}",
    "no address": b'{"properties": {"delivery_tag": "x"}}',
}
# These reach Celery, which stumbles over some of them.
STRANGE: dict[str, dict[str, Any]] = {
    "an unknown task": {"headers": {"task": "apikeys.tasks.of_the_next_release", "id": "1"}},
    "a task without an id": {"headers": {"task": "apikeys.tasks.deliver_notices"}},
    "a list for a task": {"headers": {"task": ["apikeys.tasks.deliver_notices"], "id": "1"}},
    "no headers": {"headers": None},
    "headers of another kind": {"headers": 5},
    "a body that is no JSON": {"headers": {}, "body": "eHh4"},
    "another content type": {"headers": {}, "content-type": "application/x-python-serialize"},
    "an eta that is no time": {"headers": {"task": "apikeys.tasks.deliver_notices", "id": "1", "eta": "tomorrow"}},
}


def send(server: redis.Redis, *changes: dict[str, Any]) -> None:
    """Send messages like Celery's that ask for `deliver_notices`, but for the changes."""
    for number, change in enumerate(changes):
        message = {
            "body": "W1tdLCB7fSwge31d",
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"task": "apikeys.tasks.deliver_notices", "id": f"id-{number}", "lang": "py"},
            "properties": {
                "delivery_tag": f"tag-{number}",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": "celery"},
                "body_encoding": "base64",
            },
        }
        server.lpush("celery", json.dumps(message | change))


def test_messages_that_nobody_can_read_are_set_aside_and_the_worker_goes_on(rig, acme, server):
    rig.run(*ALL)
    server.delete(UNREADABLE)
    workers = {name: rig.processes[name].pid for name in ALL}

    for garbage in GARBAGE.values():
        server.lpush("celery", garbage)
    send(server, *STRANGE.values())
    server.publish("/0.celery.pidbox", json.dumps(5))
    server.hset("unacked", "garbage", "no message")
    server.zadd("unacked_index", {"garbage": 1})

    expected = len(GARBAGE) + len(STRANGE) + 1
    rig.wait_until(lambda: server.llen(UNREADABLE) >= expected)
    told(rig, acme)
    assert server.llen(UNREADABLE) >= expected
    assert {name: rig.processes[name].pid for name in ALL} == workers
    assert rig.waiting_messages() == 0
