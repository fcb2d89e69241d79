"""Keeps processes going: starts again what has ended by itself, with growing pauses, and ends all of them in time."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
# A process that has run for so long was well: its next pause is the first again.
RAN_WELL = 60.0


class Supervised:
    """One command and the process that runs it, if one does."""

    def __init__(self, name: str, command: list[str], folder: Path, say: Callable[[str], None]) -> None:
        self.name, self._command, self._folder, self._say = name, command, folder, say
        self.process: subprocess.Popen[bytes] | None = None
        self._started_at = self._start_at = 0.0
        self._pause = FIRST_PAUSE

    def look(self) -> None:
        """Start the process if it doesn't run and its pause is over."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            self._note_end(self.process, now)
        if self.process is None and now >= self._start_at:
            self._started_at = now
            # In a session of its own it hears no Ctrl-C from the terminal, only what `stop` sends.
            self.process = subprocess.Popen(self._command, cwd=self._folder, start_new_session=True)

    def _note_end(self, process: "subprocess.Popen[bytes]", now: float) -> None:
        kill_all(process)
        self.process = None
        if now - self._started_at >= RAN_WELL:
            self._pause = FIRST_PAUSE
        self._start_at = now + self._pause
        code = process.returncode
        self._say(f"The {self.name} ended by itself (exit code {code}). It starts again in {self._pause:.0f} s.")
        self._pause = min(self._pause * 2, LONGEST_PAUSE)


class Supervisor:
    """Several processes, by name."""

    def __init__(self, commands: dict[str, list[str]], folder: Path, say: Callable[[str], None]) -> None:
        self.supervised = {name: Supervised(name, command, folder, say) for name, command in commands.items()}

    def look(self) -> None:
        """Start what doesn't run. Call it again and again."""
        for one in self.supervised.values():
            one.look()

    def stop(self, grace: float) -> None:
        """Ask all to end, wait for `grace` seconds, and kill those that haven't, with every process they started."""
        processes = [one.process for one in self.supervised.values() if one.process is not None]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + grace
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0, deadline - time.monotonic()))
            kill_all(process)


def kill_all(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and whatever of its session is left: a child of a killed server would keep its port."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
