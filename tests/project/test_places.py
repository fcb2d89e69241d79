"""Places for requests: how many at once, how many wait, and whose connections they use."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore
from typing import Any

import pytest
from django.db import connection, connections

from torii_settings.places import Places
from torii_settings.refusals import Refusal, refused


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_who_finds_no_place_waits_for_one_and_beyond_the_queue_is_refused(threads: ThreadPoolExecutor) -> None:
    places = Places(1, queue=1, patience=30)
    inside, leave = Semaphore(0), Event()

    def stay() -> None:
        with places.admitted():
            inside.release()
            with places.taken():
                leave.wait(30)

    stays = [threads.submit(stay) for _ in range(2)]
    assert all(inside.acquire(timeout=30) for _ in stays)
    with pytest.raises(Refusal, match="Too many requests") as refusal, places.admitted():
        pass
    assert (refusal.value.status, refusal.value.retry_after) == (503, 1)
    leave.set()
    assert [stayed.result(30) for stayed in stays] == [None, None]
    with places.admitted(), places.taken():
        pass


def test_nobody_waits_for_a_place_without_end() -> None:
    places = Places(1, queue=1, patience=0.01)
    with places.taken(), pytest.raises(Refusal), places.taken():
        pass
    with places.taken():
        pass


def test_a_place_goes_to_who_has_waited_longest_and_not_to_whoever_comes_in_the_moment(
    threads: ThreadPoolExecutor,
) -> None:
    places, order = Places(1, queue=9, patience=30), []

    def take(name: str) -> None:
        with places.taken():
            order.append(name)

    with places.taken():
        waiting = []
        for number, name in enumerate("abc", start=1):
            waiting.append(threads.submit(take, name))
            deadline = time.monotonic() + 30
            while len(places._waiting) < number:
                assert time.monotonic() < deadline
    take("late")
    assert [each.result(30) for each in waiting] == [None] * 3
    assert order == ["a", "b", "c", "late"]


def test_a_place_has_its_own_connection_whichever_thread_has_the_place(threads: ThreadPoolExecutor) -> None:
    places = Places(1, queue=1, patience=30)

    def use() -> int:
        with places.taken():
            return id(connections["default"])

    def left() -> Any:
        return connections.all(initialized_only=True)

    used = {pool.submit(use).result() for pool in (threads, ThreadPoolExecutor(1), ThreadPoolExecutor(1))}
    assert len(used) == 1
    assert threads.submit(left).result() == []


def test_a_thread_with_a_connection_of_its_own_keeps_it(db: None) -> None:
    connection.ensure_connection()
    own = connections["default"]
    with Places(1, queue=1, patience=1).taken():
        assert connections["default"] is own
    assert connections["default"] is own


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/scim/v2/Users", "application/scim+json"),
        ("/v1.0/scim/v2/Users", "application/scim+json"),
        ("/v1.0/members", "application/problem+json"),
        ("/readyz", "application/json"),
        ("/settings/members", "text/html; charset=utf-8"),
    ],
)
@pytest.mark.parametrize("status", [400, 408, 413, 503])
def test_a_refusal_comes_in_the_format_of_the_door(path: str, media_type: str, status: int) -> None:
    answer = refused({"PATH_INFO": path}, Refusal(status, "Not now.", retry_after=1, closes=True))
    headers = dict(answer.headers)
    assert (answer.status[:3], headers["Content-Type"]) == (str(status), media_type)
    assert (headers["Retry-After"], headers["Connection"]) == ("1", "close")
    assert headers["Content-Length"] == str(len(answer.body))
    assert b"Not now." in answer.body
    if "json" in media_type:
        assert json.loads(answer.body)["detail"].startswith("Not now.")
