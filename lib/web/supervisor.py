"""The main process: starts workers, replaces those that die or grow too large, and stops them all.

It is one thread that waits for signals with a timeout, so no signal is lost, whenever it comes, and looks around after
each. Signals are blocked from `block_signals` on, which comes first of all, and are taken in turn.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lib.web.listener import close_gently, steer, waiting

logger = logging.getLogger(__name__)

ENDING = {signal.SIGTERM, signal.SIGINT}
SIGNALS = {*ENDING, signal.SIGHUP, signal.SIGCHLD}

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")

TICK = 0.5
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
# A worker that has lived for so long is no part of a series of deaths.
SETTLED = 30.0
MEMORY_SECONDS = 5.0
# Glibc gives threads a part of memory each, up to eight for each core, whose leftovers no other thread uses: 5 MB of a
# worker's. As one thread at a time runs Python, two are enough.
FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}
# When connections are found waiting for so long, their worker is stuck, or has as many as it takes.
STUCK_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: times are in seconds, `max_rss` in MiB of resident memory (0 for no bound)."""

    application: str
    threads: int
    max_rss: int
    body_timeout: float
    stop_timeout: float


@dataclass(eq=False)
class Slot:
    """The place of a worker and of those that follow it, which accept from the same socket."""

    listener: socket.socket
    # Since when connections have waited although a worker serves.
    waiting_since: float | None = None

    def look(self, *, is_served: bool) -> None:
        """Note whether connections wait."""
        if not is_served or not waiting(self.listener):
            self.waiting_since = None
        elif self.waiting_since is None:
            self.waiting_since = time.monotonic()

    @property
    def is_stuck(self) -> bool:
        """Whether connections have waited for too long."""
        return self.waiting_since is not None and time.monotonic() - self.waiting_since > STUCK_SECONDS


@dataclass(eq=False)
class Worker:
    """A worker's process; `lifeline` is the main process's end of the socket between them."""

    slot: Slot
    process: "subprocess.Popen[bytes]"
    lifeline: socket.socket
    born: float = field(default_factory=time.monotonic)
    is_ready: bool = False
    # Set once it has been told to end: when it is killed.
    deadline: float | None = None

    def rss(self) -> int:
        """Return how many bytes of memory it takes, 0 if it is gone."""
        try:
            return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE
        except OSError:
            return 0

    def look(self) -> None:
        """Note whether it serves by now."""
        if not self.is_ready:
            try:
                self.is_ready = bool(self.lifeline.recv(1))
            except OSError:
                return


def block_signals() -> None:
    """Have signals wait until the main process takes them. A worker takes them as ever."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


class Supervisor:
    """Keeps a worker in the slot of each of the `listeners`, until it is told to end."""

    def __init__(self, plan: Plan, listeners: Sequence[socket.socket]) -> None:
        self.plan = plan
        self.listeners = listeners
        self.slots = [Slot(listener) for listener in listeners]
        # The slots that get new connections, by number.
        self.open_slots: list[int] = []
        self.workers: list[Worker] = []
        # Workers to be replaced, one after the other: the first one's successor is being started.
        self.outgoing: deque[Worker] = deque()
        self.has_served = False
        self.can_not_start = False
        self.pause = FIRST_PAUSE
        self.next_start = 0.0
        self.next_weighing = 0.0

    def run(self) -> int:
        """Serve; return the exit status."""
        logger.info("serving on %s:%s", *self.listeners[0].getsockname()[:2])
        while True:
            self.reap()
            if self.can_not_start:
                logger.error("a web worker can't start")
                self.stop()
                return 1
            self.look_around()
            self.start_missing()
            self.replace_next()
            self.weigh()
            match self.taken_signal(TICK):
                case signal.SIGTERM | signal.SIGINT:
                    self.stop()
                    return 0
                case signal.SIGHUP:
                    self.outgoing.extend(worker for worker in self.serving if worker not in self.outgoing)

    @property
    def serving(self) -> list[Worker]:
        """The workers that have not been told to end."""
        return [worker for worker in self.workers if worker.deadline is None]

    def serving_in(self, slot: Slot) -> list[Worker]:
        """Return the workers in a slot that have not been told to end: a second one is the successor of the first."""
        return [worker for worker in self.serving if worker.slot is slot]

    def taken_signal(self, seconds: float) -> int | None:
        """Wait for a signal, but no longer than `seconds`, or a moment while a worker is expected to do something."""
        if any(not worker.is_ready or worker.deadline for worker in self.workers):
            seconds = 0.05
        found = signal.sigtimedwait(SIGNALS, seconds)
        return found.si_signo if found else None

    def look_around(self) -> None:
        """Find out who serves by now, and have new connections go where they are accepted soonest."""
        for worker in self.workers:
            worker.look()
        self.has_served = self.has_served or any(worker.is_ready for worker in self.workers)
        ready = [n for n, slot in enumerate(self.slots) if any(worker.is_ready for worker in self.serving_in(slot))]
        for number, slot in enumerate(self.slots):
            slot.look(is_served=number in ready)
        # If there is none to be preferred, connections wait wherever it is.
        chosen = [n for n in ready if not self.slots[n].is_stuck] or ready or list(range(len(self.slots)))
        if chosen != self.open_slots:
            steer(self.listeners, chosen)
            self.open_slots = chosen

    # Starting

    def start(self, slot: Slot) -> None:
        """Start a worker in a slot."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        listener = os.dup(slot.listener.fileno())
        command = [sys.executable, "-m", "lib.web.worker", self.plan.application]
        command += ["--listener", str(listener), "--lifeline", str(theirs.fileno())]
        command += ["--threads", str(self.plan.threads), "--body-timeout", str(self.plan.body_timeout)]
        command += ["--stop-timeout", str(self.plan.stop_timeout)]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        process = subprocess.Popen(
            command,
            env={**FEW_ARENAS, **os.environ, "PYTHONPATH": path},
            pass_fds=[listener, theirs.fileno()],
            preexec_fn=take_signals,
        )
        theirs.close()
        os.close(listener)
        self.workers.append(Worker(slot, process, ours))
        logger.info("web worker %s starts", process.pid)

    def start_missing(self) -> None:
        """Start workers in the place of those that died, after a pause that grows while they die soon."""
        if time.monotonic() >= self.next_start:
            for slot in self.slots:
                if not self.serving_in(slot):
                    self.start(slot)

    # Ending

    def reap(self) -> None:
        """Take leave of workers that have ended, and kill those that were told to end too long ago."""
        for worker in list(self.workers):
            if worker.deadline and time.monotonic() > worker.deadline and worker.process.poll() is None:
                logger.warning("web worker %s did not end in time and is killed", worker.process.pid)
                worker.process.kill()
                worker.process.wait()
            if worker.process.poll() is not None:
                self.workers.remove(worker)
                worker.lifeline.close()
                if worker.deadline is None:
                    self.mourn(worker)

    def mourn(self, worker: Worker) -> None:
        """Note the end of a worker that wasn't told to end, and when the next one may be started."""
        code = worker.process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit status {code}"
        logger.error("web worker %s %s", worker.process.pid, how)
        if worker in self.outgoing:
            self.outgoing.remove(worker)
        if time.monotonic() - worker.born > SETTLED:
            self.pause = FIRST_PAUSE
        self.next_start = time.monotonic() + self.pause
        self.pause = min(2 * self.pause, LONGEST_PAUSE)
        # An error before any worker has ever served won't mend itself.
        self.can_not_start = code > 0 and not self.has_served

    def dismiss(self, worker: Worker) -> None:
        """Tell a worker to end."""
        worker.deadline = time.monotonic() + self.plan.stop_timeout
        worker.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Let requests under way end, and end all; whoever tells it twice has no time."""
        logger.info("stopping")
        if any(worker.is_ready for worker in self.workers):
            close_gently(self.listeners)
        for listener in self.listeners:
            listener.close()
        for worker in self.serving:
            self.dismiss(worker)
        while self.workers:
            if self.taken_signal(TICK) in ENDING:
                for worker in self.workers:
                    worker.process.kill()
            self.reap()

    # Replacing

    def replace_next(self) -> None:
        """Start a successor for the next worker that has to go; once it serves, tell the old one to end."""
        if not self.outgoing:
            return
        old = self.outgoing[0]
        successors = [worker for worker in self.serving_in(old.slot) if worker is not old]
        if any(worker.is_ready for worker in successors):
            self.dismiss(self.outgoing.popleft())
        elif not successors and time.monotonic() >= self.next_start:
            self.start(old.slot)

    def weigh(self) -> None:
        """Find workers that have grown too large."""
        if not self.plan.max_rss or time.monotonic() < self.next_weighing:
            return
        self.next_weighing = time.monotonic() + MEMORY_SECONDS
        for worker in self.serving:
            rss = worker.rss()
            if worker.is_ready and rss > self.plan.max_rss * MIB and worker not in self.outgoing:
                logger.warning("web worker %s takes %s MiB and is replaced", worker.process.pid, rss // MIB)
                self.outgoing.append(worker)


def take_signals() -> None:
    """In a worker that is about to be: take signals as usual, but leave Ctrl-C to the main process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
