"""Places for requests: how many are answered at the same time, and how many more may wait.

The server has more threads than there are places, so that some thread is always left for a health check, and for
telling the caller who finds no place to come back. A place owns the connections to the database: there are as many of
them as places, whichever thread has one, and statements stay prepared.

No organization slows another: none has all places, a place that gets free goes to the organization that has the fewest,
and in it to its keys and sessions in turn. What a key and an organization may have under way is bounded too, so that
neither fills the room to wait.
"""

from collections import deque
from threading import Lock

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from torii_settings.callers import NOBODY, Caller
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

    __slots__ = ("_called", "caller", "place")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
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


Counts = dict[str | int | None, int]


def add(counts: Counts, name: str | int | None) -> None:
    """Count one more of the name."""
    counts[name] = counts.get(name, 0) + 1


def remove(counts: Counts, name: str | int | None) -> None:
    """Count one less of the name. A name whose count is 0 takes no memory."""
    if left := counts[name] - 1:
        counts[name] = left
    else:
        del counts[name]


class Room:
    """Who is in it: so many requests at most wait or have a place, and of each caller and organization fewer."""

    def __init__(self, size: int, *, is_shared: bool) -> None:
        self._left = size
        self._is_shared = is_shared
        self._callers: Counts = {}
        self._organizations: Counts = {}
        self._lock = Lock()

    def enter(self, caller: Caller) -> Refusal | None:
        """Let a request in, until it leaves. Return the 429 for a caller who has enough under way, to be raised once
        the body has been read. Raises Refusal: a 503 if there is no room, or the 429 if too many wait for theirs.
        """
        with self._lock:
            refusal = self._check(caller)
            self._left -= 1
            add(self._callers, caller.name)
            add(self._organizations, caller.organization)
        return refusal

    def leave(self, caller: Caller) -> None:
        """Make room again."""
        with self._lock:
            self._left += 1
            remove(self._callers, caller.name)
            remove(self._organizations, caller.organization)

    def _check(self, caller: Caller) -> Refusal | None:
        own, shared = (settings.KEY_IN_FLIGHT, settings.ORGANIZATION_IN_FLIGHT) if self._is_shared else (0, 0)
        all_of_them = self._organizations.get(caller.organization, 0)
        # Strangers have nothing in common that one of them could do something about.
        if self._left <= 0 or (caller.organization is None and shared and all_of_them >= shared):
            raise too_busy()
        if caller.name is not None and own and (count := self._callers.get(caller.name, 0)) >= own:
            return too_many(f"{own} requests of yours are under way.", waits=count < 2 * own)
        if caller.organization is not None and shared and all_of_them >= shared:
            return too_many(f"{shared} requests of your organization are under way.", waits=all_of_them < 2 * shared)
        return None


class Admitted:
    """A request is in the room for the length of the block, which is given what `Room.enter` returns, or raises."""

    __slots__ = ("caller", "room")

    def __init__(self, room: Room, caller: Caller) -> None:
        self.room, self.caller = room, caller

    def __enter__(self) -> Refusal | None:
        return self.room.enter(self.caller)

    def __exit__(self, *exc_info: object) -> None:
        self.room.leave(self.caller)


class Taken:
    """A request has a place for the length of the block. Raises Refusal, a 503, if none gets free in time."""

    __slots__ = ("caller", "lent", "place", "places")

    def __init__(self, places: "Places", caller: Caller) -> None:
        self.places, self.caller = places, caller

    def __enter__(self) -> None:
        self.place = self.places.take(self.caller)
        try:
            self.lent = self.place.lend()
        except BaseException:
            self.places.pass_on(self.place, self.caller)
            raise

    def __exit__(self, *exc_info: object) -> None:
        try:
            if self.lent:
                self.place.take_back()
        finally:
            self.places.pass_on(self.place, self.caller)


class Places:
    """`count` places, and room for `queue` requests more, which wait up to `patience` seconds for a place.

    `is_shared`: whether callers and organizations share them, each of which has no more than its part.

    If the threads had to race for a place, the one that is just done would often win with its next request, and some
    would wait ten times as long as others.
    """

    def __init__(self, count: int, *, queue: int, patience: float, is_shared: bool = True) -> None:
        self._patience = patience
        self._room = Room(count + queue, is_shared=is_shared)
        # No organization has more places than this.
        self._share = max(count - 1, 1)
        self._lock = Lock()
        self._free = [Place() for _ in range(count)]
        self._held: Counts = {}
        # Those who wait, by caller: the caller who had a place last comes last.
        self._lines: dict[str | int | None, deque[Turn]] = {}

    def admitted(self, caller: Caller = NOBODY) -> Admitted:
        """Be in the room, with a place or waiting for one, for the length of a `with` block."""
        return Admitted(self._room, caller)

    def taken(self, caller: Caller = NOBODY) -> Taken:
        """Have a place for the length of a `with` block."""
        return Taken(self, caller)

    def take(self, caller: Caller) -> Place:
        """Return a place, until it is passed on. Raises Refusal, a 503, if none gets free in time."""
        with self._lock:
            if self._free and self._held.get(caller.organization, 0) < self._share:
                add(self._held, caller.organization)
                return self._free.pop()
            turn = Turn(caller)
            self._lines.setdefault(caller.name, deque()).append(turn)
        turn.wait(self._patience)
        with self._lock:
            if turn.place is None:
                self._leave(turn)
                raise too_busy()
        return turn.place

    def pass_on(self, place: Place, caller: Caller) -> None:
        """Give the place that the caller had to whoever is next."""
        with self._lock:
            remove(self._held, caller.organization)
            turn = self._next() if self._lines else None
            if turn is None:
                self._free.append(place)
                return
            self._leave(turn)
            add(self._held, turn.caller.organization)
            turn.call(place)

    def _next(self) -> Turn | None:
        """Return whose turn it is; of organizations with as many places, whichever waits longest."""
        fewest, chosen = self._share, None
        for line in self._lines.values():
            held = self._held.get(line[0].caller.organization, 0)
            if held < fewest:
                fewest, chosen = held, line[0]
        return chosen

    def _leave(self, turn: Turn) -> None:
        line = self._lines.pop(turn.caller.name)
        line.remove(turn)
        if line:
            self._lines[turn.caller.name] = line


def too_busy() -> Refusal:
    """Return the 503 for a request that found no place."""
    return Refusal(503, "Too many requests are being answered; try again.", retry_after=RETRY_AFTER)


def too_many(why: str, *, waits: bool) -> Refusal:
    """Return the 429 for a caller who has too many requests under way; raise it unless its body can be waited for."""
    detail = f"{why} Send fewer at once, and this one again after Retry-After."
    refusal = Refusal(429, detail, retry_after=RETRY_AFTER, closes=not waits)
    if not waits:
        raise refusal
    return refusal
