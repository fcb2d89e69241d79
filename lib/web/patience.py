"""A bound on how long the body of a request may take.

Granian reads a body without a timeout, and nothing ends a read but its client. So whoever reads says so here, and a
thread of the worker looks once a second who has read for too long, and has the kernel end what that client sends.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TICK = 0.5


class Reading:
    """A body that is being read, since `begun`; it is `late` once the time for it is up."""

    __slots__ = ("begun", "late")

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.late = False


readings: set[Reading] = set()


@contextmanager
def reading() -> Iterator[Reading]:
    """Read a body in the block; afterwards it is `late` if it was cut off."""
    current = Reading()
    readings.add(current)
    try:
        yield current
    finally:
        readings.discard(current)


def watch(seconds: float, cut_off: Callable[[float], None]) -> None:
    """Start the thread that calls `cut_off` with `seconds` while a body takes longer."""

    def look() -> None:
        while True:
            time.sleep(TICK)
            late = [each for each in list(readings) if time.monotonic() - each.begun > seconds]
            for each in late:
                each.late = True
            if late:
                cut_off(seconds)

    threading.Thread(target=look, name="patience", daemon=True).start()
