"""Runs a unit of work again when the database has undone it and nobody is at fault.

The schema changes under a prepared statement, the server is told to shut down, two transactions deadlock: the database
rolls the transaction back, and the same work succeeds a moment later. A unit is work that can be run again as a whole,
such as a request, which has not been answered yet, or one operation of a bulk request.

The database backend (`torii_settings.postgresql`) recognizes such a failure. If the unit has committed nothing, the
backend raises RunAgain, which leaves the unit, and `run_unit` starts over. Once a unit has committed something, running
it again would do that twice, so the failure stays an error.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

RUNS = 4
# A caller who has waited this long has given up, or is about to.
START_OVER_WITHIN_SECONDS = 5


class RunAgain(BaseException):
    """Leaves the innermost unit, which is then run again.

    This is not an Exception, so that no code in between answers, logs or handles it. Transactions are rolled back.
    """


class Unit:
    """One run of a unit: how many more are allowed, when the first one began, and whether anything is committed."""

    __slots__ = ("began_at", "has_written", "runs_left")

    def __init__(self, runs_left: int, began_at: float) -> None:
        self.runs_left = runs_left
        self.began_at = began_at
        self.has_written = False


class Current(threading.local):
    """The innermost unit of this thread, and whether what it writes may be written twice."""

    unit: Unit | None = None
    writes_repeatably: bool = False


current = Current()


def run_unit(work: Callable[[], T]) -> T:
    """Return what `work` returns. Run it again, a few times at most, if it was disturbed before it committed."""
    began_at, runs_left = time.monotonic(), RUNS - 1
    while True:
        try:
            return run_once(work, Unit(runs_left, began_at))
        except RunAgain:
            runs_left -= 1


def run_once(work: Callable[[], T], unit: Unit) -> T:
    """Run `work` as `unit`. What an inner unit commits, the outer unit has committed too."""
    outer, current.unit = current.unit, unit
    try:
        return work()
    finally:
        current.unit = outer
        if unit.has_written and outer is not None:
            outer.has_written = True


def may_run_again() -> bool:
    """Whether this thread is in a unit that may be run again."""
    unit = current.unit
    return unit is not None and not unit.has_written and unit.runs_left > 0 and is_early()


def is_early() -> bool:
    """Whether there is time left for another attempt, in the unit that this thread is in."""
    return current.unit is None or time.monotonic() - current.unit.began_at < START_OVER_WITHIN_SECONDS


def note_write() -> None:
    """Record that something is committed, or may be, so that the unit is not run again."""
    if current.unit is not None and not current.writes_repeatably:
        current.unit.has_written = True


@contextmanager
def conditional() -> Iterator[Callable[[], None]]:
    """Run a statement in the block that may write nothing, which only its result tells.

    Yields what to call if it wrote nothing: then the unit can be run again as before.
    """
    unit = current.unit
    had_written = unit is not None and unit.has_written

    def wrote_nothing() -> None:
        if unit is not None:
            unit.has_written = had_written

    yield wrote_nothing


def writes_repeatably() -> bool:
    """Whether what this thread writes may be written twice."""
    return current.writes_repeatably


@contextmanager
def repeatable() -> Iterator[None]:
    """Allow what the block writes to be written twice, so that it doesn't keep the unit from being run again."""
    before, current.writes_repeatably = current.writes_repeatably, True
    try:
        yield
    finally:
        current.writes_repeatably = before
