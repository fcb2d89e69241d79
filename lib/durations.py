"""Lengths of time as people say them."""

UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def lasting(seconds: int) -> str:
    """Return `seconds` in the largest unit of which they are a whole number, as in "15 minutes"."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds % size == 0)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"
