"""Our own client, for machines without wrk and for what wrk can't do: await slow answers, and send by the clock.

It takes from the server what it takes of the two cores, so it runs on uvloop, which takes half of what asyncio does.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle

import uvloop

from benchmarks.connection import Answer, Connection
from benchmarks.outcome import Outcome, outcome_of
from benchmarks.request import first_number, numbered

PATIENCE = 120
RETRY_AFTER = 1


@dataclass(slots=True)
class Tally:
    """What came back: how long each answer took, in seconds, and how many had which status."""

    times: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    failed: int = 0

    def note(self, answer: Answer, seconds: float) -> None:
        """Count an answer."""
        self.times.append(seconds)
        self.statuses[answer.status] += 1
        self.failed += answer.failed


def send(address: str, raw: bytes) -> tuple[Answer, float]:
    """Send one request; return its answer and the seconds that it took."""

    async def exchange() -> Answer:
        connection = Connection(address)
        try:
            async with asyncio.timeout(PATIENCE):
                return await connection.exchange(numbered(raw, first_number()))
        finally:
            connection.close()

    begun = time.perf_counter()
    return uvloop.run(exchange()), time.perf_counter() - begun


def drive(address: str, raws: Sequence[bytes], connections: int, seconds: float, least: int = 0) -> Outcome:
    """Send `raws` to `address` over and over for `seconds`, but at least `least` of them, and await every answer."""
    begun = time.perf_counter()
    tally = uvloop.run(_in_turn(address, raws, connections, begun + seconds, least))
    return outcome_of(tally.times, time.perf_counter() - begun, tally.failed)


def paced(address: str, raws: Sequence[Sequence[bytes]], rate: float, seconds: float) -> Tally:
    """Send each of `raws` over a connection of its own, at `rate` requests a second each, whatever comes back.

    An answer's time counts from when its request was due: one that waited for the answer before it took longer.
    """
    return uvloop.run(_by_the_clock(address, raws, rate, seconds))


def paced_beside(
    others: Sequence[bytes], address: str, raws: Sequence[Sequence[bytes]], rate: float, seconds: float
) -> tuple[Tally, Tally]:
    """Do as `paced`, while each of `others` is sent over a connection of its own, again and again without end.

    Return what came back, and what of `others`, which wait a while when they are told to.
    """
    return uvloop.run(_beside(others, address, raws, rate, seconds))


async def _beside(
    others: Sequence[bytes], address: str, raws: Sequence[Sequence[bytes]], rate: float, seconds: float
) -> tuple[Tally, Tally]:
    tally = Tally()

    async def keep_sending(raw: bytes) -> None:
        connection = Connection(address)
        while True:
            begun = time.perf_counter()
            answer = await connection.exchange(raw)
            tally.note(answer, time.perf_counter() - begun)
            if answer.failed:
                await asyncio.sleep(RETRY_AFTER)

    tasks = [asyncio.create_task(keep_sending(raw)) for raw in others]
    await asyncio.sleep(RETRY_AFTER)
    paced_tally = await _by_the_clock(address, raws, rate, seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return paced_tally, tally


async def _in_turn(address: str, raws: Sequence[bytes], connections: int, deadline: float, least: int) -> Tally:
    tally, requests, started = Tally(), _for_ever(raws, count(first_number())), 0

    async def keep_sending() -> None:
        nonlocal started
        connection = Connection(address)
        while started < least or time.perf_counter() < deadline:
            started += 1
            request, begun = next(requests), time.perf_counter()
            tally.note(await connection.exchange(request), time.perf_counter() - begun)
        connection.close()

    async with asyncio.timeout(max(deadline - time.perf_counter(), 0) + PATIENCE), asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(keep_sending())
    return tally


async def _by_the_clock(address: str, raws: Sequence[Sequence[bytes]], rate: float, seconds: float) -> Tally:
    tally, numbers, begun = Tally(), count(first_number()), time.perf_counter()

    async def keep_pace(phase: float, requests: Iterator[bytes]) -> None:
        connection = Connection(address)
        for number in range(int(rate * seconds)):
            due = begun + (number + phase) / rate
            await asyncio.sleep(due - time.perf_counter())
            tally.note(await connection.exchange(next(requests)), time.perf_counter() - due)
        connection.close()

    async with asyncio.timeout(seconds + PATIENCE), asyncio.TaskGroup() as tasks:
        for number, each in enumerate(raws):
            tasks.create_task(keep_pace(number / len(raws), _for_ever(each, numbers)))
    return tally


def _for_ever(raws: Sequence[bytes], numbers: Iterator[int]) -> Iterator[bytes]:
    return (numbered(raw, number) for raw, number in zip(cycle(raws), numbers, strict=False))
