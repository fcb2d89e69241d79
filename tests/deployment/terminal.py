"""A terminal, for commands that talk to a person."""

import os
import pty
import select
import shlex
import subprocess
import time
from pathlib import Path

DEADLINE = 60.0


def run_in_a_terminal(command: str, answers: list[str], *, cwd: Path, environment: dict[str, str]) -> str:
    """Run `command`, give an answer to each prompt, and return all that was on the screen; fail if the command does."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        shlex.split(command), cwd=cwd, env=environment, stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    screen, unread = "", ""
    deadline = time.monotonic() + DEADLINE
    while text := read(ours, deadline):
        screen, unread = screen + text, unread + text
        if answers and unread.endswith(": "):
            os.write(ours, f"{answers.pop(0)}\n".encode())
            unread = ""
    os.close(ours)
    if time.monotonic() > deadline:
        process.kill()
    assert process.wait() == 0, screen
    return screen


def read(terminal: int, deadline: float) -> str:
    """Return what is on the terminal next; nothing when the command has ended, or isn't heard of any more."""
    if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
        return ""
    try:
        return os.read(terminal, 4096).decode()
    except OSError:  # Linux says EIO when nobody has the other end
        return ""
