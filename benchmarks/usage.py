"""What processes have used, as the kernel tells in /proc (proc(5))."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return the ids of a process and of all below it."""
    try:
        children = [int(child) for path in Path(f"/proc/{pid}/task").iterdir()
                    for child in (path / "children").read_text().split()]  # fmt: skip
    except OSError:
        return []
    return [pid, *(below for child in children for below in family(child))]


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
    """Return the most memory that any one process below `pid` has held (VmHWM)."""
    return max((_peak(each) for each in family(pid)[1:]), default=0) / 1024


def _peak(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) if "VmHWM:" in status else 0
