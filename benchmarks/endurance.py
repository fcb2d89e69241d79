"""What shows only in time, or only with many callers: memory over many requests, 40 keys at once, a noisy neighbour.

Each is done by a server of ours of its own, on a database that is there.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tqdm import tqdm

from benchmarks.driver import WAKING, Lane, Stage
from benchmarks.outcome import percentile
from benchmarks.own import paced, paced_beside
from benchmarks.peers import service
from benchmarks.service.environment import UNLIMITED
from benchmarks.subject import Organization, Subject
from benchmarks.usage import megabytes, peak_megabytes
from benchmarks.work import GET, Work, look_ups, mixed, scans

MIXED = Work("GETs, filters, lists and PATCHes", mixed)
PEOPLE = 1_000
SLICE = 2
BEGINNING = 0.1

KEY_RATE = 25
SCANNING_KEYS = 10
TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Memory:
    """What a worker held, in MB, after a tenth of `requests` and after all of them, and at most."""

    requests: int
    early: float
    late: float
    peak: float
    failed: int

    @property
    def growth(self) -> float:
        """By which part of it what is held has grown."""
        return self.late / self.early - 1

    def __str__(self) -> str:
        return (
            f"A worker held {self.early:.1f} MB after {BEGINNING:.0%} of {self.requests:,} requests, "
            f"{self.late:.1f} MB after all of them, {self.peak:.1f} MB at most; {self.failed} failed."
        )


def memory_over(subject: Subject, requests: int, stage: Stage) -> Memory:
    """Send so many requests of all kinds to a new server."""
    few = replace(subject, content=replace(subject.content, people=subject.content.people[:PEOPLE]))
    with another_server(few, few.environment) as fresh:
        lane, sent, failed, early = Lane(MIXED, fresh, stage), 0, 0, 0.0
        with tqdm(total=requests, unit="request", file=sys.stderr) as progress:
            while sent < requests:
                outcome = lane.turn(SLICE).outcome
                sent, failed = sent + outcome.requests, failed + outcome.failed
                progress.update(outcome.requests)
                if not early and sent >= BEGINNING * requests:
                    early = megabytes(fresh.pid)
        return Memory(sent, early, megabytes(fresh.pid), peak_megabytes(fresh.pid), failed)


@dataclass(frozen=True, slots=True)
class Crowd:
    """What many keys met who all called at their limit: refusals, failures (those included), and times in ms."""

    keys: int
    requests: int
    refused: int
    failed: int
    p50: float
    p99: float

    def __str__(self) -> str:
        return (
            f"{self.keys} keys at {KEY_RATE} requests a second each: {self.requests:,} requests, "
            f"{self.refused} refused (429), {self.failed - self.refused} errors, "
            f"p50 {self.p50:.1f} ms, p99 {self.p99:.1f} ms."
        )


def crowd(subject: Subject, seconds: float) -> Crowd:
    """Let every further key of an organization call as often as it may, with the limits as they come."""
    with another_server(subject, with_limits(subject)) as limited:
        host = limited.address.partition("://")[2]
        raws = [[request.raw(host) for request in look_ups(each)] for each in one_for_each_key(limited)]
        paced(limited.address, raws, KEY_RATE, WAKING)
        tally = paced(limited.address, raws, KEY_RATE, seconds)
    ordered = sorted(tally.times)
    return Crowd(
        len(raws),
        len(ordered),
        tally.statuses[TOO_MANY],
        tally.failed,
        percentile(ordered, 0.5) * 1000,
        percentile(ordered, 0.99) * 1000,
    )


@dataclass(frozen=True, slots=True)
class Neighbour:
    """How long GETs of another organization took at their slowest, in ms, in quiet and while `keys` keys scanned."""

    keys: int
    scans: int
    requests: int
    failed: int
    quiet: float
    beside: float

    @property
    def factor(self) -> float:
        """How many times as long they took."""
        return self.beside / self.quiet

    def __str__(self) -> str:
        return (
            f"While {self.keys} keys of one organization scanned ({self.scans:,} scans were answered), another's "
            f"{self.requests:,} GETs at {KEY_RATE} a second had p99 {self.beside:.1f} ms, "
            f"{self.quiet:.1f} ms in quiet; {self.failed} failed."
        )


def neighbour(subject: Subject, seconds: float) -> Neighbour:
    """Let keys of an organization scan all its members without end while another's key calls as often as it may."""
    with another_server(subject, with_limits(subject)) as limited:
        host = limited.address.partition("://")[2]
        people = replace(limited, content=replace(limited.content, people=limited.content.neighbours))
        gets = [[request.raw(host) for request in GET.requests(people)]]
        raws = [request.raw(host) for request in scans(limited)[:SCANNING_KEYS]]
        paced(limited.address, gets, KEY_RATE, WAKING)
        quiet = paced(limited.address, gets, KEY_RATE, seconds)
        beside, scanned = paced_beside(raws, limited.address, gets, KEY_RATE, seconds)
    return Neighbour(
        len(raws),
        scanned.statuses[200],
        len(beside.times),
        quiet.failed + beside.failed,
        *(percentile(sorted(each.times), 0.99) * 1000 for each in (quiet, beside)),
    )


def with_limits(subject: Subject) -> dict[str, str]:
    """Return the subject's environment with the limits as they come."""
    return {name: value for name, value in subject.environment.items() if name not in UNLIMITED}


def one_for_each_key(subject: Subject) -> Iterator[Subject]:
    """Yield the subject as each of the further keys sees it, each with some people of its own to ask for."""
    keys = subject.content.more_keys
    for number, key in enumerate(keys):
        people = [replace(person, key=key) for person in subject.content.people[number :: len(keys)]]
        yield replace(subject, content=replace(subject.content, people=people, organizations=[Organization(key)]))


@contextmanager
def another_server(subject: Subject, environment: dict[str, str]) -> Iterator[Subject]:
    """Serve what `subject` serves a second time, with this environment."""
    with service(environment) as (address, pid):
        yield replace(subject, address=address, pid=pid)
