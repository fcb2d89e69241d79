"""What came of a turn."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """Requests that were answered in `seconds`, how many of them by an error, and how long they took, in ms."""

    requests: int
    seconds: float
    failed: int
    p50: float
    p99: float


def outcome_of(times: Sequence[float], seconds: float, failed: int) -> Outcome:
    """Return the outcome of requests that took `times` seconds each."""
    ordered = sorted(times)
    return Outcome(len(ordered), seconds, failed, percentile(ordered, 0.5) * 1000, percentile(ordered, 0.99) * 1000)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which this share of them lies; 0 of none."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
