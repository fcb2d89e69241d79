"""`python -m benchmarks`: load, drive in turns, and print the table."""

import argparse
import platform
import signal
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

import psycopg
from tqdm import tqdm

from benchmarks.client import Run, drive, try_once
from benchmarks.peers import Subject, subjects
from benchmarks.usage import peak_megabytes
from benchmarks.work import WORKS, Work
from tests.services import ENDING_SIGNALS, leave, postgres_server, redis_server

SIZES = {"tiny": [1_000], "small": [1_000, 100_000], "full": [1_000, 100_000, 1_000_000]}
Runs = dict[tuple[str, str, int], list[Run]]


def main() -> None:
    options = arguments()
    works = [work for work in WORKS if options.only in work.name]
    if not works:
        sys.exit(f"No work has {options.only!r} in its name: {', '.join(work.name for work in WORKS)}")
    for signum in ENDING_SIGNALS:
        signal.signal(signum, leave)
    print(machine())
    with postgres_server() as server, redis_server() as redis:
        pid = postmaster(server)
        for size in SIZES[options.size]:
            say(f"Loading {size:,} members")
            with subjects(server, redis, size, str(size)) as running:
                runs = measure(works, running, options.rounds, options.seconds, pid)
                print(table(works, running, runs, size), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the service beside its peers.")
    parser.add_argument("--size", choices=SIZES, default="small", help="how many members at most")
    parser.add_argument("--rounds", type=int, default=2, help="how often everybody has a turn at each work")
    parser.add_argument("--seconds", type=int, default=2, help="how long a turn takes")
    parser.add_argument("--only", default="", metavar="TEXT", help="only work with this in its name")
    return parser.parse_args()


def measure(works: list[Work], running: list[Subject], rounds: int, seconds: int, database: int) -> Runs:
    """Give every work to whoever can do it, in turns (A B A B), so that what changes with time meets all alike."""
    runs: Runs = defaultdict(list)
    turns = [
        (work, subject)
        for work in works
        for _ in range(rounds)
        for subject in running
        if subject.name == "ours" or subject.name in work.peers
    ]
    for work, subject in tqdm(turns, unit="turn", file=sys.stderr):
        key, requests = (work.name, subject.name, subject.size), work.requests(subject)
        if key not in runs:
            try_once(subject.url, subject.headers, requests[0])
        runs[key].append(drive(subject.url, subject.headers, requests, seconds, subject.pid, database))
    return runs


def table(works: list[Work], running: list[Subject], runs: Runs, size: int) -> str:
    """Return the results as Markdown: medians, the spread of the rates, and our rate over each peer's."""
    lines = [
        f"\n### {size:,} members\n",
        "| work | who | requests/s | spread | p50 ms | p99 ms | CPU s/1,000: server | database | failed | ours is |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for work in works:
        ours = median(run.rate for run in runs[work.name, "ours", size])
        found = [(subject.name, runs.get((work.name, subject.name, size))) for subject in running]
        lines += [row(work.name, who, theirs, ours) for who, theirs in found if theirs]
    lines += [f"\nPeak memory of a worker: {memory(running)}"]
    return "\n".join(lines)


def row(work: str, who: str, runs: list[Run], ours: float) -> str:
    rates = [run.rate for run in runs]
    rate = median(rates)
    spread = (max(rates) - min(rates)) / rate if rate else 0
    cells = [work, who, f"{rate:,.1f}", f"{spread:.0%}"]
    cells += [
        f"{median(getattr(run, name) for run in runs):,.2f}" for name in ("p50", "p99", "server_cpu", "database_cpu")
    ]
    cells += [str(sum(run.failed for run in runs)), "" if who == "ours" else f"{ours / rate:.2f} x" if rate else "-"]
    return f"| {' | '.join(cells)} |"


def memory(running: list[Subject]) -> str:
    return ", ".join(f"{subject.name} {peak_megabytes(subject.pid):.0f} MB" for subject in running if subject.pid)


def postmaster(server: str) -> int:
    """Return the process id of the database server."""
    with psycopg.connect(server) as connection:
        [(directory,)] = connection.execute("SHOW data_directory").fetchall()
    return int(Path(directory, "postmaster.pid").read_text().split()[0])


def machine() -> str:
    """Return what it was measured on."""
    info = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "?")
    cores = info.count("\nprocessor") + info.startswith("processor")
    return f"{cores} cores of {model}; {platform.system()}, Python {platform.python_version()}"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
