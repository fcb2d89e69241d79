"""Turns: who does what, one after the other, and what each turn takes of the machine."""

import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from statistics import median

from tqdm import tqdm

from benchmarks import own, wrk
from benchmarks.outcome import Outcome
from benchmarks.peers import LARGEST_PLAIN, WORKERS
from benchmarks.subject import FLOOR, OURS, Size, Subject
from benchmarks.usage import cpu_seconds
from benchmarks.work import GET, Work

# Of few connections, one worker may get most: a hash of their addresses spreads them over the workers of the peers.
CONNECTIONS = 16

# Of requests that take longer than SLOW seconds, many would be under way at the end of a turn: wrk would forget them,
# while the server goes on with them in the next one's time. Our own client awaits the last answers. As many are under
# way as there are threads.
SLOW = 0.05
SLOW_CONNECTIONS = 4
# Their turns are so many times as long: a core has nothing to do while the last answer of the other one is awaited.
SLOW_TURN = 2
# For so many seconds is everybody at work before the first turn.
WAKING = 1.5
# A lane whose requests take longer than this has a single turn, and so has a peer beside which there is no target.
VERY_SLOW = 0.5
# A worker may have something to load at its first request: of three, one comes to a worker that has loaded it. Where
# that takes more than PATIENCE seconds, nothing is to be hoped for.
TRIES = WORKERS + 1
PATIENCE = 2

Key = tuple[str, str, Size]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a turn, and the CPU seconds that 1,000 of its requests cost server, database and Redis."""

    outcome: Outcome
    server_cpu: float
    database_cpu: float
    redis_cpu: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.outcome.requests / self.outcome.seconds


@dataclass(frozen=True, slots=True)
class Stage:
    """What all turns have in common: the processes of database and Redis, and whether wrk may be used."""

    database: int
    redis: int
    uses_wrk: bool


class Results:
    """The turns by work, subject and size."""

    def __init__(self) -> None:
        self.runs: defaultdict[Key, list[Run]] = defaultdict(list)

    def of(self, work: Work, name: str, size: Size) -> list[Run]:
        """Return the turns of one lane; none if it had none."""
        return self.runs.get((work.name, name, size), [])

    def rate(self, work: Work, name: str, size: Size) -> float | None:
        """Return the median of the rates."""
        rates = [run.rate for run in self.of(work, name, size)]
        return median(rates) if rates else None

    def ratio(self, one: tuple[Work, str, Size], other: tuple[Work, str, Size]) -> float | None:
        """Return how many times the rate of the other lane one has: the median over the rounds, if both had all.

        It is infinite where the other one has answered nothing.
        """
        ours, theirs = [[run.rate for run in self.of(*lane)] for lane in (one, other)]
        if not ours or not theirs:
            return None
        if len(ours) != len(theirs):
            ours, theirs = [median(ours)], [median(theirs)]
        return median(rate / peer if peer else inf for rate, peer in zip(ours, theirs, strict=True))

    def failed(self) -> int:
        """Return how many requests failed."""
        return sum(run.outcome.failed for runs in self.runs.values() for run in runs)


class Lane:
    """The requests of one work to one subject, and where among them the next turn begins."""

    def __init__(self, work: Work, subject: Subject, stage: Stage) -> None:
        self.work, self.subject, self.stage = work, subject, stage
        host = subject.address.partition("://")[2]
        self.raws = [request.raw(host) for request in work.requests(subject)]
        self.place = 0
        self.seconds, begun = VERY_SLOW, time.monotonic()
        for _ in range(TRIES):
            if self.is_slow and time.monotonic() - begun < PATIENCE:
                self.seconds = self._try_once()

    @property
    def key(self) -> Key:
        """Where its turns are found among the results."""
        return self.work.name, self.subject.name, self.subject.size

    @property
    def is_slow(self) -> bool:
        """Whether a request takes so long that its turns are others."""
        return self.seconds > SLOW

    def rounds(self, wanted: int) -> int:
        """Return how many turns it gets where most get `wanted`."""
        has_target = self.subject.name in (OURS, FLOOR) or self.subject.size.members == LARGEST_PLAIN
        return wanted if has_target and self.seconds <= VERY_SLOW else 1

    def turn(self, seconds: float) -> Run:
        """Drive the subject for some seconds, or more where a request is slow.

        Before that it is warmed up: granian ends threads that are idle for 30 seconds, their connections to the
        database with them, and a new one has to prepare its statements.
        """
        if not self.is_slow:
            self._drive(0, own_client=True, least=CONNECTIONS)
        processes = (self.subject.pid, self.stage.database, self.stage.redis)
        before = [cpu_seconds(pid) for pid in processes]
        if self.is_slow:
            seconds *= SLOW_TURN
        outcome = self._drive(seconds, own_client=not self.stage.uses_wrk)
        thousands = max(outcome.requests, 1) / 1000
        return Run(outcome, *((cpu_seconds(pid) - was) / thousands for pid, was in zip(processes, before, strict=True)))

    def _drive(self, seconds: float, *, own_client: bool, least: int = 0) -> Outcome:
        raws = self.raws[self.place :] + self.raws[: self.place]
        if self.is_slow:
            outcome = own.drive(self.subject.address, raws, SLOW_CONNECTIONS, seconds, SLOW_CONNECTIONS)
        elif own_client:
            outcome = own.drive(self.subject.address, raws, CONNECTIONS, seconds, least)
        else:
            outcome = wrk.drive(self.subject.address, raws, CONNECTIONS, seconds)
        self._go_on(outcome.requests)
        return outcome

    def _try_once(self) -> float:
        """Send the next request; return the seconds that it took. Raises RuntimeError unless it does what it should."""
        raw = self.raws[self.place]
        answer, seconds = own.send(self.subject.address, raw)
        if answer.failed or not self.work.shows(answer.body):
            raise RuntimeError(f"{self.subject}: {raw[:500]!r}\n{answer.status} {answer.body[:500]!r}")
        self._go_on(1)
        return seconds

    def _go_on(self, requests: int) -> None:
        self.place = (self.place + requests) % len(self.raws)


def measure(
    together: Sequence[Sequence[Work]], subjects: Sequence[Subject], stage: Stage, rounds: int, seconds: float
) -> Results:
    """Give every work to all who do it in turns (A B A B), so that what changes with time meets all alike.

    The works that stand together have their turns together: what one subject does, it does one after the other.
    """
    for subject in subjects:
        wake(subject)
    results = Results()
    pairs = [[(work, each) for each in subjects for work in works if work.is_for(each)] for works in together]
    with tqdm(total=rounds * sum(map(len, pairs)), unit="turn", file=sys.stderr) as progress:
        for mixed in pairs:
            lanes = [Lane(work, subject, stage) for work, subject in mixed]
            for number in range(rounds):
                for lane in rotated(lanes, number):
                    if number < lane.rounds(rounds):
                        results.runs[lane.key].append(lane.turn(seconds))
                    progress.update()
    return results


def wake(subject: Subject) -> None:
    """Have every worker answer until all is loaded, connected and has been done often, as Python is slow at first."""
    raws = [request.raw(subject.address.partition("://")[2]) for request in GET.requests(subject)]
    own.drive(subject.address, raws, CONNECTIONS, WAKING, 4 * CONNECTIONS)


def rotated(lanes: Sequence[Lane], by: int) -> list[Lane]:
    """Return the lanes in an order in which nobody is always behind the same one's first."""
    by %= len(lanes)
    return [*lanes[by:], *lanes[:by]]
