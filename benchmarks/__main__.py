"""`python -m benchmarks`: load, drive in turns, and print the tables."""

import argparse
import signal
import sys
import time
from dataclasses import dataclass, replace

from benchmarks import report, targets, wrk
from benchmarks.driver import Stage, measure
from benchmarks.endurance import Crowd, Memory, Neighbour, crowd, memory_over, neighbour
from benchmarks.peers import subjects
from benchmarks.subject import OURS, Size, Subject
from benchmarks.usage import peak_megabytes
from benchmarks.work import TOGETHER, WORKS
from tests.services import ENDING_SIGNALS, Server, leave, postgres, redis


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done: a turn takes `seconds`; `requests` are sent to see memory.

    For `crowd_seconds` 40 keys call, and a neighbour does, in quiet and beside scans.
    """

    sizes: tuple[Size, ...]
    rounds: int
    seconds: int
    requests: int
    crowd_seconds: int

    def __str__(self) -> str:
        sizes = ", ".join(map(str, self.sizes))
        return f"{sizes} members; {self.rounds} rounds of turns of {self.seconds} s"


# So that the small one takes less than 5 minutes and the full one less than 40, on two slow cores and loads included.
PLANS = {
    "tiny": Plan((Size(1_000),), rounds=3, seconds=1, requests=2_000, crowd_seconds=5),
    "small": Plan((Size(1_000), Size(100_000)), rounds=2, seconds=1, requests=20_000, crowd_seconds=8),
    "full": Plan(
        (Size(1_000), Size(100_000), Size(1_000_000), Size(1_000, organizations=1_000)),
        rounds=9,
        seconds=1,
        requests=200_000,
        crowd_seconds=30,
    ),
}
# As it comes, PostgreSQL keeps 128 MB in memory, on whatever machine; a million members are more than that.
SHARED_BUFFERS = "1GB"
MEMORY, CROWD, NEIGHBOUR = "memory over many requests", "40 keys at once", "noisy neighbour"


def main() -> int:
    """Measure, print, and return the exit code: 1 if any request failed."""
    begun, options = time.monotonic(), arguments()
    for signum in ENDING_SIGNALS:
        signal.signal(signum, leave)
    plan, uses_wrk = plan_of(options), options.client == "wrk" and wrk.is_installed()
    print(report.machine())
    print(f"{options.size}: {plan}; {'wrk' if uses_wrk else 'our own client'} drives", flush=True)
    with postgres(shared_buffers=SHARED_BUFFERS) as database, redis() as cache:
        stage = Stage(pid_of(database), pid_of(cache), uses_wrk)
        with subjects(database.url, cache.url, plan.sizes, say) as running:
            together = [[work for work in works if options.only in work.name] for works in TOGETHER]
            results = measure([works for works in together if works], running, stage, plan.rounds, plan.seconds)
            for size in plan.sizes:
                print(report.table(results, running, size), flush=True)
            ours = [subject for subject in running if subject.name == OURS]
            peak = max(peak_megabytes(subject.pid) for subject in ours)
        # What is about the service alone has the machine to itself: the peers have ended.
        memory, keys, noisy = endure(ours, plan, stage, options.only)
    for each in (memory, keys, noisy):
        if each:
            print(f"\n{each}")
    print(targets.table(targets.targets(results, peak, memory, keys, noisy)), flush=True)
    failed = results.failed() + sum(each.failed for each in (memory, keys, noisy) if each)
    print(f"\nTook {(time.monotonic() - begun) / 60:.1f} minutes.")
    if failed:
        print(f"\n**{failed} REQUESTS FAILED: these numbers mean nothing.**", flush=True)
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the service beside its peers.")
    parser.add_argument("--size", choices=PLANS, default="small", help="how many members at most, and how long")
    parser.add_argument("--rounds", type=int, help="how often everybody has a turn at each work")
    parser.add_argument("--seconds", type=int, help="how long a turn takes")
    parser.add_argument("--only", default="", metavar="TEXT", help="only work with this in its name")
    parser.add_argument("--client", choices=("wrk", "own"), default="wrk", help="our own is taken where wrk is missing")
    options = parser.parse_args()
    names = [*(work.name for work in WORKS), MEMORY, CROWD, NEIGHBOUR]
    if not any(options.only in name for name in names):
        parser.error(f"No work has {options.only!r} in its name: {', '.join(names)}")
    return options


def plan_of(options: argparse.Namespace) -> Plan:
    """Return the plan for the size, with what was asked for otherwise."""
    plan = PLANS[options.size]
    return replace(plan, rounds=options.rounds or plan.rounds, seconds=options.seconds or plan.seconds)


def endure(
    ours: list[Subject], plan: Plan, stage: Stage, only: str
) -> tuple[Memory | None, Crowd | None, Neighbour | None]:
    """Do what takes a server of its own, on the largest organization."""
    largest = max(
        (subject for subject in ours if subject.size.organizations == 1), key=lambda subject: subject.size.members
    )
    keys = crowd(largest, plan.crowd_seconds) if only in CROWD else None
    noisy = neighbour(largest, plan.crowd_seconds) if only in NEIGHBOUR else None
    return memory_over(largest, plan.requests, stage) if only in MEMORY else None, keys, noisy


def pid_of(server: Server) -> int:
    """Return the process id of a server that runs."""
    if server.process is None:
        raise RuntimeError(f"{server.url} does not run.")
    return server.process.pid


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
