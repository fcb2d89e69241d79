"""Traffic: clients that go on making requests while something is done to the service."""

import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2

DEADLINE = 60.0

Round = Callable[[], None]


class Traffic:
    """What has been done, and what has failed; a round is what a client does over and over."""

    def __init__(self) -> None:
        self.rounds = 0
        self.failures: list[str] = []
        self.changed = threading.Condition()
        self.ended = threading.Event()

    def go_round(self, walk: Round) -> None:
        """Repeat `walk` until the traffic ends. A client whose round has failed stops: one failure is enough."""
        while not self.ended.is_set():
            try:
                walk()
            except (AssertionError, httpx2.HTTPError, LookupError, ValueError):
                with self.changed:
                    self.failures.append(traceback.format_exc())
                    self.changed.notify_all()
                return
            with self.changed:
                self.rounds += 1
                self.changed.notify_all()

    def flows(self, rounds: int) -> None:
        """Wait until so many more rounds are done; fail if one fails, or if that takes too long."""
        with self.changed:
            until = self.rounds + rounds
            in_time = self.changed.wait_for(lambda: self.failures or self.rounds >= until, DEADLINE)
        assert not self.failures, "\n".join(self.failures)
        assert in_time, f"only {self.rounds} rounds in {DEADLINE} seconds, {until} expected"


@contextmanager
def traffic(*walks: Round) -> Iterator[Traffic]:
    """Have each of `walks` repeated by a client of its own for the length of the block; none may fail."""
    flow = Traffic()
    clients = [threading.Thread(target=flow.go_round, args=(walk,)) for walk in walks]
    for client in clients:
        client.start()
    try:
        yield flow
    finally:
        flow.ended.set()
        for client in clients:
            client.join(DEADLINE)
    assert not flow.failures, "\n".join(flow.failures)
