"""Places for requests: how many at once, how many wait, and whose connections they use."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Event, Semaphore
from typing import Any

import pytest
from django.db import connection, connections

from torii_settings.callers import Caller
from torii_settings.places import Places
from torii_settings.refusals import Refusal, refused


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
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
            while sum(map(len, places._lines.values())) < number:
                assert time.monotonic() < deadline
    take("late")
    assert [each.result(30) for each in waiting] == [None] * 3
    assert order == ["a", "b", "c", "late"]


# Nobody slows another ------------------------------------------------------------------------------------------------

ACME, ACME_TOO, GLOBEX = Caller("a1", "acme"), Caller("a2", "acme"), Caller("g1", "globex")


class Waiting:
    """Requests that want one of two places, both of which somebody has until `start`; `order` is how they got them."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.threads, self.places = threads, Places(2, queue=9, patience=30)
        self.order: list[str | int | None] = []

    def ask(self, caller: Caller) -> Future[None]:
        """Ask for a place behind those that wait already."""
        before = self.count()
        asked = self.threads.submit(self.take, caller)
        deadline = time.monotonic() + 30
        while self.count() == before:
            assert time.monotonic() < deadline
        return asked

    def take(self, caller: Caller) -> None:
        with self.places.taken(caller):
            self.order.append(caller.name)

    def count(self) -> int:
        return sum(map(len, self.places._lines.values()))


def test_no_organization_has_all_places(threads: ThreadPoolExecutor) -> None:
    waiting = Waiting(threads)
    with waiting.places.taken(ACME):
        more = waiting.ask(ACME_TOO)
        # Though its requests wait, others find a place at once.
        with waiting.places.taken(GLOBEX):
            assert not more.done()
    more.result(30)


def test_a_place_goes_to_the_organization_that_has_fewer(threads: ThreadPoolExecutor) -> None:
    waiting = Waiting(threads)
    with waiting.places.taken(ACME):
        with waiting.places.taken(Caller()):
            asked = [waiting.ask(caller) for caller in (ACME, ACME, ACME_TOO, GLOBEX)]
        asked[-1].result(30)
        assert waiting.order == ["g1"]
    assert [each.result(30) for each in asked] == [None] * 4


def test_the_keys_of_an_organization_take_turns(threads: ThreadPoolExecutor) -> None:
    waiting = Waiting(threads)
    with waiting.places.taken(ACME):
        asked = [waiting.ask(caller) for caller in (ACME, ACME, ACME, ACME_TOO, ACME_TOO)]
    assert [each.result(30) for each in asked] == [None] * 5
    assert waiting.order == ["a1", "a2", "a1", "a2", "a1"]


def test_a_key_and_an_organization_have_so_many_under_way_and_no_more(settings: Any) -> None:
    settings.KEY_IN_FLIGHT, settings.ORGANIZATION_IN_FLIGHT = 2, 3
    places = Places(1, queue=99, patience=1)
    for _ in range(2):
        with ExitStack() as under_way, suppress(RuntimeError):
            for caller in (ACME, ACME, ACME_TOO):
                assert under_way.enter_context(places.admitted(caller)) is None
            for caller, whose in ((ACME, "yours"), (ACME_TOO, "your organization")):
                with places.admitted(caller) as refusal:
                    assert refusal is not None
                    assert (refusal.status, refusal.retry_after, refusal.code) == (429, 1, "too_many_requests")
                    assert f"of {whose} are under way" in refusal.detail
            assert under_way.enter_context(places.admitted(GLOBEX)) is None
            # Whoever fails gives back what it had as well.
            raise RuntimeError


def test_those_who_are_to_wait_are_not_let_in_without_end(settings: Any) -> None:
    settings.KEY_IN_FLIGHT = 2
    places = Places(1, queue=99, patience=1)
    with ExitStack() as under_way:
        for _ in range(4):
            under_way.enter_context(places.admitted(ACME))
        with pytest.raises(Refusal) as raised, places.admitted(ACME):
            pass
        assert (raised.value.status, raised.value.closes) == (429, True)


def test_strangers_together_have_no_more_room_than_an_organization(settings: Any) -> None:
    settings.ORGANIZATION_IN_FLIGHT = 3
    places = Places(1, queue=99, patience=1)
    with ExitStack() as under_way:
        for number in range(3):
            under_way.enter_context(places.admitted(Caller(number)))
        with pytest.raises(Refusal) as raised, places.admitted(Caller(4)):
            pass
        assert raised.value.status == 503
        assert under_way.enter_context(places.admitted(ACME)) is None


def test_zero_turns_the_bounds_off(settings: Any) -> None:
    settings.KEY_IN_FLIGHT = settings.ORGANIZATION_IN_FLIGHT = 0
    places = Places(1, queue=98, patience=1)
    with ExitStack() as under_way:
        for _ in range(99):
            assert under_way.enter_context(places.admitted(ACME)) is None


# Connections ----------------------------------------------------------------------------------------------------------


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
@pytest.mark.parametrize("status", [400, 408, 413, 429, 503])
def test_a_refusal_comes_in_the_format_of_the_door(path: str, media_type: str, status: int) -> None:
    answer = refused({"PATH_INFO": path}, Refusal(status, "Not now.", retry_after=1, closes=True))
    headers = dict(answer.headers)
    assert (answer.status[:3], headers["Content-Type"]) == (str(status), media_type)
    assert (headers["Retry-After"], headers["Connection"]) == ("1", "close")
    assert headers["Content-Length"] == str(len(answer.body))
    assert b"Not now." in answer.body
    if "json" in media_type:
        assert json.loads(answer.body)["detail"].startswith("Not now.")
