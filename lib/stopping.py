"""Whether the worker that this process belongs to is about to stop.

Celery tells its main process alone, and lets tasks run to their end. A task that goes through many items asks here
between two of them. The answer is one byte of memory that the worker shares with the processes it starts.
"""

import mmap
from typing import Any

from celery.signals import worker_shutting_down

_flag = mmap.mmap(-1, 1)


def is_stopping() -> bool:
    """Return whether to finish what is in hand and begin nothing else."""
    return _flag[0] == 1


@worker_shutting_down.connect
def begin_to_stop(**kwargs: Any) -> None:
    """Tell every process of this worker."""
    _flag[0] = 1
