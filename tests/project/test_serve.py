"""`make run` keeps its processes going: with small programs in place of the web server and the worker."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server import ROOT
from tests.services import free_port

DEADLINE = 30.0

# Each program notes its process id, so that a test sees how often it was started.
NOTE = "import os, time; open('{name}', 'a').write(f'{{os.getpid()}}\\n'); "
RUN = """
import sys
from pathlib import Path
from torii_settings import serve
worker = sys.argv[1]
note = {note!r}
serve.BASE_DIR = Path.cwd()
serve.GRACE_SECONDS = 2
serve.prepare = lambda: "Sign in."
serve.commands = lambda port: {{
    "web server": [sys.executable, "-c", note.format(name="web") + (
        "from http.server import *; "
        f"ThreadingHTTPServer(('127.0.0.1', {{port}}), SimpleHTTPRequestHandler).serve_forever()")],
    "worker": [sys.executable, "-c", note.format(name="worker") + worker],
}}
serve.main()
"""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], "subprocess.Popen[bytes]"]]:
    """Return a function that starts `make run`, with a worker that does what it is given."""
    (tmp_path / "healthz").write_text("ok")
    started: list[subprocess.Popen[bytes]] = []

    def start(worker: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", RUN.format(note=NOTE), worker]
        environment = os.environ | {"PORT": str(port), "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": ""}
        with (tmp_path / "said").open("w") as said:
            process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=said)
        started.append(process)
        return process

    port = free_port()
    start.port = port  # type: ignore[attr-defined]
    yield start
    for process in started:
        process.terminate()
        process.wait(DEADLINE)


def pids(folder: Path, name: str) -> list[int]:
    file = folder / name
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
    except OSError:
        return False
    return True


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("killed", ["worker", "web"])
def test_one_that_is_killed_is_started_again_and_the_other_goes_on(serve, tmp_path, killed):
    serve("time.sleep(1000)")
    other = {"worker": "web", "web": "worker"}[killed]
    wait_until(lambda: bool(pids(tmp_path, "worker")) and "Ready" in (tmp_path / "said").read_text())

    os.kill(pids(tmp_path, killed)[0], signal.SIGKILL)

    wait_until(lambda: len(pids(tmp_path, killed)) == 2 and answers(serve.port))
    assert len(pids(tmp_path, other)) == 1


def test_a_worker_that_ends_every_time_is_started_with_pauses_and_takes_nobody_down(serve, tmp_path):
    process = serve("raise SystemExit(1)")
    wait_until(lambda: len(pids(tmp_path, "worker")) >= 3)
    assert answers(serve.port)
    assert process.poll() is None
    assert len(pids(tmp_path, "worker")) < 10

    # In one of its pauses.
    process.terminate()
    assert process.wait(DEADLINE) == 0
    assert not runs(pids(tmp_path, "web")[0])


@pytest.mark.parametrize("times", [1, 2])
def test_what_does_not_end_when_told_to_is_killed(serve, tmp_path, times):
    process = serve("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('deaf', 'w'); time.sleep(1000)")
    wait_until(lambda: (tmp_path / "deaf").exists() and answers(serve.port))

    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)

    assert process.wait(DEADLINE) == 0
    assert not any(runs(pid) for name in ("web", "worker") for pid in pids(tmp_path, name))
