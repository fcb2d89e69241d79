"""Sends the requests of a seed, some at a time, and keeps what went wrong."""

import asyncio
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import uvloop

from benchmarks.connection import Answer, Connection
from tests.fuzz import scim
from tests.fuzz.chance import Chance
from tests.fuzz.judge import TOOK, fault
from tests.fuzz.pages import Site
from tests.fuzz.request import Header, Request
from tests.fuzz.rest import Rest
from tests.fuzz.world import World

# More than this is under way at no time. It is fewer than the service lets an organization or strangers have, so a 503
# is a fault.
CONNECTIONS = 16
# For an answer; what takes longer has none.
PATIENCE = 60.0
SLOW = 2.0
# The share of each door. Pages cost much more than what machines are answered.
SHARES = {"scim": 56, "rest": 22, "settings": 6, "accounts": 6, "staff": 1, "public": 9}
# So many failures are enough to work on.
ENOUGH = 50

Make = Callable[[Chance, World], Request]


@dataclass(slots=True)
class Failure:
    """A request that failed: its number, what was wrong, and both sides of it."""

    number: int
    wrong: str
    request: Request
    answer: Answer


@dataclass
class Tally:
    """How often each door answered what, the slowest answer of each in seconds, and the failures."""

    statuses: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    slowest: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    failures: list[Failure] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """How many requests have been sent."""
        return sum(statuses.total() for statuses in self.statuses.values())


class Fuzz:
    """Requests by number: the same seed and number give the same request, in whichever world."""

    def __init__(self, address: str, world: World, seed: str, doors: Sequence[str] = (), slow: float = SLOW) -> None:
        self.address, self.world, self.seed, self.slow = address, world, seed, slow
        self.host = address.partition("://")[2]
        site = Site(world, self.get)
        _, document = self.get("/v1.0/schema", ())
        self.makers: dict[str, Make] = {
            "scim": scim.request,
            "rest": Rest(json.loads(document)).request,
            "settings": site.settings_request,
            "accounts": site.account_request,
            "staff": site.staff_request,
            "public": site.public_request,
        }
        self.doors = [door for door, share in SHARES.items() for _ in range(share) if not doors or door in doors]
        self.tally = Tally()

    def get(self, path: str, headers: Sequence[Header]) -> tuple[int, str]:
        """Return the status and the text of an answer to a plain GET."""
        request = Request("", "GET", path, headers)
        answer = uvloop.run(send_once(self.address, request))
        return answer.status, answer.body.decode("utf-8", "replace")

    def request(self, number: int) -> Request:
        """Return request number so and so."""
        chance = Chance(f"{self.seed} {number}")
        return self.makers[chance.pick(self.doors)](chance, self.world)

    def send(self, numbers: range, done: Callable[[], object] = lambda: None) -> None:
        """Send requests by number, and call `done` after each; end early if enough have failed.

        What was too slow is sent once more, alone, to tell a request that is slow from one that has waited.
        """
        before = len(self.tally.failures)
        uvloop.run(self._send(numbers, done))
        for failure in self.tally.failures[before:]:
            if failure.wrong.startswith(TOOK):
                begun = time.perf_counter()
                uvloop.run(send_once(self.address, failure.request))
                failure.wrong += f", and {time.perf_counter() - begun:.2f} s alone"

    async def _send(self, numbers: range, done: Callable[[], object]) -> None:
        left = iter(numbers)

        async def keep_sending() -> None:
            connection = Connection(self.address)
            for number in left:
                if len(self.tally.failures) >= ENOUGH:
                    return
                request = self.request(number)
                if connection.transport is None:
                    connection = Connection(self.address)
                begun = time.perf_counter()
                answer = await exchange(connection, request, self.host)
                self._note(number, request, answer, time.perf_counter() - begun)
                done()
            connection.close()
            await asyncio.sleep(0)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(CONNECTIONS):
                tasks.create_task(keep_sending())

    def _note(self, number: int, request: Request, answer: Answer, seconds: float) -> None:
        door = request.door
        self.tally.statuses[door][answer.status] += 1
        self.tally.slowest[door] = max(self.tally.slowest[door], seconds)
        if wrong := fault(request, answer, seconds, self.slow):
            self.tally.failures.append(Failure(number, wrong, request, answer))


async def exchange(connection: Connection, request: Request, host: str) -> Answer:
    """Send a request and return its answer, with the status 0 if there is none."""
    raw, has_body = request.raw(host), request.method != "HEAD"
    reused = connection.transport is not None
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await connection.exchange(raw, has_body=has_body)
            if answer.status == 0 and reused:
                # The server had hung up before it saw the request.
                answer = await send_once(f"http://{host}", request)
    except (TimeoutError, OSError):
        connection.close()
        return Answer(0)
    return answer


async def send_once(address: str, request: Request) -> Answer:
    """Send a request over a connection of its own and return its answer."""
    connection = Connection(address)
    try:
        return await exchange(connection, request, address.partition("://")[2])
    finally:
        connection.close()
        # The loop hangs up in its next turn.
        await asyncio.sleep(0)


def report(tally: Tally, address: str, log: str) -> str:
    """Return what came of it: a line for each door, and how to repeat each failure, with what the log tells of it."""
    lines = []
    for door, statuses in tally.statuses.items():
        told = ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))
        lines.append(f"{door:9} {statuses.total():>9,} requests, slowest {tally.slowest[door]:.2f} s; {told}")
    for failure in tally.failures:
        shown = failure.answer.body[:600].decode("utf-8", "replace")
        lines.append(f"\nRequest {failure.number}, {failure.request.door}: {failure.wrong}")
        lines.append(shortened(failure.request.curl(address)))
        lines.append(shown)
        lines += [line for line in log.splitlines() if (name := request_id(failure.answer)) and name in line]
    return "\n".join(lines)


def request_id(answer: Answer) -> str:
    """Return the id that an answer has, empty if it has none."""
    found = re.search(rb"\r\nx-request-id: *(\S+)", answer.head, re.IGNORECASE)
    return found[1].decode() if found else ""


def shortened(text: str, most: int = 4_000) -> str:
    """Return a text without its middle if it is very long."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"
