"""A breaker: while a server doesn't answer, nobody waits for it again and again.

After a failure, calls go without the server for PAUSE_SECONDS. Then one call tries it while the others still go
without. Each process has breakers of its own.
"""

import logging
import threading
import time

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
# How often the log says that the server is still away.
REMINDER_SECONDS = 60.0


class Breaker:
    """Stands between this process and one server. `meanwhile` says in the log how calls go on without it."""

    def __init__(self, server: str, meanwhile: str) -> None:
        self._server, self._meanwhile = server, meanwhile
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Take the server for well."""
        self._open_until = 0.0
        self._is_tripped = False
        self._said_at = -REMINDER_SECONDS

    def allows(self) -> bool:
        """Return whether to call the server now. Call `mend` or `trip` afterwards."""
        if not self._is_tripped:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._open_until:
                return False
            self._open_until = now + PAUSE_SECONDS
            return True

    def mend(self) -> None:
        """Note that the server has answered."""
        if self._is_tripped:
            with self._lock:
                self._is_tripped = False
            logger.warning("%s answers again", self._server)

    def trip(self, error: Exception) -> None:
        """Note that the server has not answered, or has answered with an error of its own."""
        with self._lock:
            now = time.monotonic()
            self._is_tripped, self._open_until = True, now + PAUSE_SECONDS
            if now - self._said_at < REMINDER_SECONDS:
                return
            self._said_at = now
        logger.warning("%s can't be used (%s): %s", self._server, type(error).__name__, self._meanwhile)


REDIS = Breaker("Redis", "limits and the cache hold within each process, and work off the request waits for the clock")
