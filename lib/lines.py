"""One line at a time on standard error, whole, whichever thread writes it.

A line goes out in one `write`. Linux keeps that together on a pipe unless the pipe is full and the line is longer than
4 KiB, so that the lines of several processes don't mix either.
"""

import os
import threading

STDERR = 2

# A signal's handler may write a line while its thread is writing another.
_lock = threading.RLock()
# A process that is forked while another thread writes would find the lock taken for ever.
os.register_at_fork(after_in_child=_lock._at_fork_reinit)  # type: ignore[attr-defined]


def write_line(line: bytes) -> None:
    """Write `line`, which ends in a newline, to standard error. A reader that is gone is no reason to fail."""
    with _lock:
        while line:
            try:
                written = os.write(STDERR, line)
            except OSError:
                return
            line = line[written:]
