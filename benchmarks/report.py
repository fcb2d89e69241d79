"""The results as Markdown, a table for each size."""

import platform
from pathlib import Path
from statistics import median

from benchmarks import work
from benchmarks.driver import Results, Run
from benchmarks.subject import OURS, Size, Subject
from benchmarks.usage import peak_megabytes
from benchmarks.work import WORKS, Work

HEAD = [
    "| work | who | requests/s | spread | p50 ms | p99 ms | CPU s/1,000: server | database | Redis | failed | ours |",
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
]


def table(results: Results, subjects: list[Subject], size: Size) -> str:
    """Return what everybody did at a size: medians, the spread of the rates, and our rate over each peer's."""
    here = [subject for subject in subjects if subject.size == size]
    lines = [f"\n### {size} members\n", *HEAD]
    for each in WORKS:
        lines += [row(results, each, subject) for subject in here if results.of(each, subject.name, size)]
    creates = results.rate(work.BULK_CREATES, OURS, size)
    if creates:
        lines.append(f"\nA Bulk of 1,000 makes {creates * work.CREATES:,.0f} creates a second.")
    memory = ", ".join(f"{subject.name} {peak_megabytes(subject.pid):.0f} MB" for subject in here)
    lines.append(f"\nPeak memory of a worker: {memory}")
    return "\n".join(lines)


def row(results: Results, each: Work, subject: Subject) -> str:
    """Return the row of one lane."""
    runs = results.of(each, subject.name, subject.size)
    rates = [run.rate for run in runs]
    rate = median(rates)
    spread = f"{(max(rates) - min(rates)) / rate:.0%}" if rate and len(rates) > 1 else "-"
    ratio = None
    if subject.name != OURS:
        ratio = results.ratio((each, OURS, subject.size), (each, subject.name, subject.size))
    cells = [each.name, subject.name, f"{rate:,.1f}", spread, *costs(runs)]
    cells += [str(sum(run.outcome.failed for run in runs)), "" if ratio is None else f"{ratio:.2f} x"]
    return f"| {' | '.join(cells)} |"


def costs(runs: list[Run]) -> list[str]:
    """Return the medians of times and CPU."""
    columns = [(run.outcome.p50, run.outcome.p99, run.server_cpu, run.database_cpu, run.redis_cpu) for run in runs]
    return [f"{median(column):,.2f}" for column in zip(*columns, strict=True)]


def machine() -> str:
    """Return what it was measured on."""
    info = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "?")
    cores = info.count("\nprocessor") + info.startswith("processor")
    memory = int(Path("/proc/meminfo").read_text().partition("MemTotal:")[2].split()[0]) / 1024**2
    return (
        f"{cores} cores of {model}, {memory:.0f} GB of memory; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )
