"""Side records: written if the database takes them, so that a read never fails because a write can't be made.

After a failure this process leaves them alone for a moment, and tries again at the next chance: what can't be written
now mustn't cost every read a round trip, or SQLite's wait for its lock.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext

from django.db import Error, connection, transaction

from lib.database_errors import Fault, report
from lib.time_limit import TimeLimit

PAUSE = 5.0
# So long may a write wait, for a lock say, before whatever it goes along with goes on without it.
PATIENCE = 1.0

_paused_until = 0.0


def try_to_write(write: Callable[[], None]) -> bool:
    """Call `write` and return whether it was carried out; it isn't while the database refuses writes.

    In a transaction it has a savepoint: if it fails, what is around it goes on. Raises what isn't the database's fault
    but our code's.
    """
    global _paused_until
    if time.monotonic() < _paused_until:
        return False
    try:
        with (
            transaction.atomic() if connection.in_atomic_block else nullcontext(),
            TimeLimit(PATIENCE, is_for_change=True),
        ):
            write()
    except Error as error:
        fault = report(error)
        if fault is None:
            raise
        if fault is not Fault.CONFLICT:
            _paused_until = time.monotonic() + PAUSE
        return False
    return True
