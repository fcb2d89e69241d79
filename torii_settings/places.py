"""Places for requests: how many are answered at the same time, and how many more may wait.

The server has more threads than there are places, so that some thread is always left for a health check, and for
telling the caller who finds no place to come back. A place owns the connections to the database: there are as many of
them as places, whichever thread has one, and statements stay prepared.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Lock

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from torii_settings.refusals import Refusal

RETRY_AFTER = 1


class Place:
    """Room for one request, and the connections that it is answered with."""

    def __init__(self) -> None:
        self._wrappers: dict[str, BaseDatabaseWrapper] = {}

    def lend(self) -> bool:
        """Make the place's connections this thread's; return False if the thread has its own, as tests do."""
        if connections.all(initialized_only=True):
            return False
        for alias in connections:
            connections[alias] = self._wrappers.get(alias) or self._connect(alias)
        return True

    def take_back(self) -> None:
        """Leave the thread without connections."""
        for alias in connections:
            del connections[alias]

    def _connect(self, alias: str) -> BaseDatabaseWrapper:
        wrapper: BaseDatabaseWrapper = connections.create_connection(alias)
        # Many threads use it, but only one at a time.
        wrapper.inc_thread_sharing()
        self._wrappers[alias] = wrapper
        return wrapper


class Turn:
    """A request that waits for a place, until it is called and has one."""

    __slots__ = ("_called", "place")

    def __init__(self) -> None:
        self.place: Place | None = None
        self._called = Lock()
        self._called.acquire()

    def call(self, place: Place) -> None:
        """Give the place to whoever waits."""
        self.place = place
        self._called.release()

    def wait(self, seconds: float) -> None:
        """Return once it is called, or after so many seconds."""
        self._called.acquire(timeout=seconds)


class Places:
    """`count` places, and room for `queue` requests more, which wait up to `patience` seconds for a place.

    A place that gets free goes to the request that has waited longest. If the threads had to race for it, the one that
    is just done would often win with its next request, and some would wait ten times as long as others.
    """

    def __init__(self, count: int, *, queue: int, patience: float) -> None:
        self._patience = patience
        self._lock = Lock()
        self._free = [Place() for _ in range(count)]
        self._waiting: deque[Turn] = deque()
        self._room: SimpleQueue[None] = SimpleQueue()
        for _ in range(count + queue):
            self._room.put(None)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Be one of those who wait or have a place, in the block. Raises Refusal, a 503, if there is no room."""
        try:
            self._room.get_nowait()
        except Empty:
            raise too_busy() from None
        try:
            yield
        finally:
            self._room.put(None)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have a place for the length of the block. Raises Refusal, a 503, if none gets free in time."""
        place = self._take()
        try:
            lent = place.lend()
            try:
                yield
            finally:
                if lent:
                    place.take_back()
        finally:
            self._pass_on(place)

    def _take(self) -> Place:
        with self._lock:
            if self._free:
                return self._free.pop()
            turn = Turn()
            self._waiting.append(turn)
        turn.wait(self._patience)
        with self._lock:
            if turn.place is None:
                self._waiting.remove(turn)
                raise too_busy()
        return turn.place

    def _pass_on(self, place: Place) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().call(place)
            else:
                self._free.append(place)


def too_busy() -> Refusal:
    """Return the 503 for a request that found no place."""
    return Refusal(503, "Too many requests are being answered; try again.", retry_after=RETRY_AFTER)
