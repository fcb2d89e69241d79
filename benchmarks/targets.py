"""What is to be reached, beside what was measured: a line for each number."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks import work
from benchmarks.driver import Results
from benchmarks.endurance import Crowd, Memory, Neighbour
from benchmarks.subject import FLOOR, OURS, PLAIN, Size
from benchmarks.work import Work

SMALL, MIDDLE, LARGE = Size(1_000), Size(100_000), Size(1_000_000)
RUNS = {SMALL: "not run", MIDDLE: "small and full only", LARGE: "full only"}

WORKER_MEGABYTES = 150
GROWTH = 0.05
TAIL = 5
TAIL_REQUESTS = 200
CROWD_MILLISECONDS = 250
NEIGHBOUR_FACTOR = 3
SEARCH_MILLISECONDS = 50
BULK_FACTOR = 5


@dataclass(frozen=True, slots=True)
class Goal:
    """The least ratios of our rates: to the floor's, to django-scim2's at 100,000, and those at a million to 1,000."""

    works: tuple[Work, ...]
    floor: float | None
    plain: float | None
    growth: float


GOALS = (
    Goal((work.GET,), 2, 4, 0.85),
    Goal((work.BY_USER_NAME, work.BY_EXTERNAL_ID, work.BY_EMAIL), 1.8, 30, 0.85),
    Goal((work.FIRST_PAGE,), None, 100, 0.7),
    Goal((work.PATCH, work.PUT), 0.5, 2, 0.8),
    Goal((work.POST,), None, 1.5, 0.8),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A line of the table: `measured` is None for what was not run, `runs` says when it is."""

    work: str
    against: str
    target: str
    measured: float | None
    meets: Callable[[float], bool]
    runs: str = "not run"

    def line(self) -> str:
        """Return it as a row of Markdown."""
        measured, reached = "-", self.runs
        if self.measured is not None:
            measured, reached = f"{self.measured:,.2f}", "yes" if self.meets(self.measured) else "**no**"
        return f"| {self.work} | {self.against} | {self.target} | {measured} | {reached} |"


def table(targets: Iterator[Target]) -> str:
    """Return the targets as Markdown."""
    head = ["| work | against | target | measured | reached |", "|---|---|---|---:|---|"]
    return "\n".join(["\n### Targets\n", *head, *(target.line() for target in targets)])


def targets(
    results: Results, peak: float, memory: Memory | None, crowd: Crowd | None, neighbour: Neighbour | None
) -> Iterator[Target]:
    """Yield every target; `peak` is the most memory that a worker of ours has held, in MB."""
    for goal in GOALS:
        for each in goal.works:
            yield from rates(results, each, goal)
    yield from pages(results)
    yield from searches(results)
    yield from groups_and_bulk(results)
    yield from steadiness(results, peak, memory, crowd)
    beside = neighbour.factor if neighbour else None
    yield below(
        "GET by id while ten keys of another organization scan: p99", "in quiet", NEIGHBOUR_FACTOR, beside, "times"
    )


def rates(results: Results, each: Work, goal: Goal) -> Iterator[Target]:
    """Yield what a rate of ours has to reach beside others."""
    if goal.floor:
        for size in (SMALL, MIDDLE, LARGE):
            ratio = results.ratio((each, OURS, size), (each, FLOOR, size))
            yield at_least(each.name, f"the floor, {size} members", goal.floor, ratio, size)
    if goal.plain and PLAIN in each.peers:
        ratio = results.ratio((each, OURS, MIDDLE), (each, PLAIN, MIDDLE))
        yield at_least(each.name, f"plain django-scim2, {MIDDLE} members", goal.plain, ratio, MIDDLE)
    ratio = results.ratio((each, OURS, LARGE), (each, OURS, SMALL))
    yield at_least(each.name, f"{LARGE} members against {SMALL}", goal.growth, ratio, LARGE)


def pages(results: Results) -> Iterator[Target]:
    """Yield what a page at the end has to reach."""
    for size in (SMALL, MIDDLE, LARGE):
        ratio = results.ratio((work.CURSOR_PAGE, OURS, size), (work.FIRST_PAGE, OURS, size))
        yield at_least(work.CURSOR_PAGE.name, f"the first page, {size} members", 0.85, ratio, size)


def searches(results: Results) -> Iterator[Target]:
    """Yield what a search may cost: CPU time, since other requests are under way beside it."""
    for each in work.SEARCHES:
        runs = results.of(each, OURS, LARGE)
        cost = median(run.server_cpu + run.database_cpu for run in runs) if runs else None
        name = f"{each.name}: CPU of server and database"
        yield below(name, f"{LARGE} members", SEARCH_MILLISECONDS, cost, "ms", RUNS[LARGE])


def groups_and_bulk(results: Results) -> Iterator[Target]:
    """Yield what large groups and bulk requests have to reach."""
    for size in (MIDDLE, LARGE):
        ratio = results.ratio((work.LARGE_GROUP, OURS, size), (work.SMALL_GROUP, OURS, size))
        yield at_least("add one member to a group of 100,000", f"a group of 10, {size} members", 0.8, ratio, size)
    for size in (SMALL, MIDDLE, LARGE):
        ratio = results.ratio((work.BULK_CREATES, OURS, size), (work.POST, OURS, size))
        creates = None if ratio is None else ratio * work.CREATES
        yield at_least("creates in a Bulk of 1,000", f"single POSTs, {size} members", BULK_FACTOR, creates, size)


def steadiness(results: Results, peak: float, memory: Memory | None, crowd: Crowd | None) -> Iterator[Target]:
    """Yield what holds of memory, of the slowest answers and of many keys at once."""
    yield below("memory of a worker, at most", "", WORKER_MEGABYTES, max(peak, memory.peak if memory else 0), "MB")
    requests = f"{memory.requests:,} requests" if memory else "many requests"
    growth = 100 * memory.growth if memory else None
    yield below(f"growth of memory over {requests}", "what was held at 10 %", 100 * GROWTH, growth, "%")
    where, tail = worst_tail(results)
    yield below("p99", f"p50, at its worst: {where}", TAIL, tail, "times")
    failed, p99 = (crowd.failed, crowd.p99) if crowd else (None, None)
    yield Target("40 keys at 25 requests/s each", "", "no 429, no error", failed, lambda number: number == 0)
    yield below("40 keys at 25 requests/s each: p99", "", CROWD_MILLISECONDS, p99, "ms")


def worst_tail(results: Results) -> tuple[str, float | None]:
    """Return where our p99 is the most times our p50, and how many; of turns with enough requests to tell."""
    tails = {
        f"{name}, {size} members": median(run.outcome.p99 / run.outcome.p50 for run in runs)
        for (name, who, size), runs in results.runs.items()
        if who == OURS and all(run.outcome.requests >= TAIL_REQUESTS for run in runs)
    }
    where = max(tails, key=lambda each: tails[each], default="")
    return where, tails.get(where)


def at_least(name: str, against: str, least: float, measured: float | None, size: Size) -> Target:
    """Return the target of a ratio that must not be lower; `size` has to be run for it."""
    return Target(name, against, f"at least {least:g} times", measured, lambda ratio: ratio >= least, RUNS[size])


def below(name: str, against: str, limit: float, measured: float | None, unit: str, runs: str = "not run") -> Target:
    """Return the target of a number that has to stay below a limit."""
    return Target(name, against, f"below {limit:g} {unit}", measured, lambda number: number < limit, runs)
