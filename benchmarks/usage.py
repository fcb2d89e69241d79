"""What processes have used, as the kernel tells in /proc (proc(5))."""

import os
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return the ids of a process and of all below it."""
    return [pid, *(below for child in _children(pid) for below in family(child))]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    # Threads come and go while one looks.
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU time, user and system, that a process and all below it have used; what has ended counts too."""
    return sum(_ticks(each) for each in family(pid)) / TICKS


def _ticks(pid: int) -> int:
    try:
        # Field 2, in parentheses, may hold spaces; utime, stime, cutime and cstime are fields 14 to 17.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])


def peak_megabytes(pid: int) -> float:
    """Return the most memory that any one process below `pid`, or it if there is none, has ever held (VmHWM)."""
    return _largest(pid, "VmHWM:")


def megabytes(pid: int) -> float:
    """Return the most memory that any one process below `pid`, or it if there is none, holds now (VmRSS)."""
    return _largest(pid, "VmRSS:")


def _largest(pid: int, field: str) -> float:
    return max((_kilobytes(each, field) for each in family(pid)[1:] or [pid]), default=0) / 1024


def _kilobytes(pid: int, field: str) -> int:
    try:
        _, found, rest = Path(f"/proc/{pid}/status").read_text().partition(field)
    except OSError:
        return 0
    return int(rest.split()[0]) if found else 0
