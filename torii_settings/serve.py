"""`make run`: the whole product on this machine, for a first look.

Prepares the demo under `var/`, then keeps two processes going, the web server and the worker that also keeps the
time, until Ctrl-C or SIGTERM. When one of them ends by itself the other is stopped, and the exit code says so.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import NoReturn

import django
from django.core.management import call_command

BASE_DIR = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
STARTUP_SECONDS = 60
GRACE_SECONDS = 10
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Processes = dict[str, "subprocess.Popen[bytes]"]


def main() -> NoReturn:
    port = chosen_port()
    os.environ.setdefault("DEMO", "1")
    os.environ.setdefault("BASE_URL", f"http://{HOST}:{port}")
    for signum in ENDING_SIGNALS:
        signal.signal(signum, leave)
    how_to_sign_in = prepare()
    processes: Processes = {}
    try:
        say("Starting the web server and the worker")
        for name, command in commands(port).items():
            # In a session of its own it hears no Ctrl-C from the terminal, only what `stop` sends.
            processes[name] = subprocess.Popen(command, cwd=BASE_DIR, start_new_session=True)
        wait_until_healthy(port, processes)
        say(f"\nReady at {os.environ['BASE_URL']}\n{how_to_sign_in}")
        say("E-mail lands in var/mail. Ctrl-C stops everything.")
        watch(processes)
    finally:
        stop(processes)


def leave(signum: int, frame: FrameType | None) -> NoReturn:
    """Unwind to `stop`. Being told to end is no failure; being told twice must not leave a process behind."""
    for other in ENDING_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    say("\nStopping")
    sys.exit(0)


def chosen_port() -> int:
    """Read PORT, and make sure that nothing listens there yet."""
    value = os.environ.get("PORT", "8000")
    if not value.isdecimal() or not 0 < int(value) < 65536:
        sys.exit(f"PORT is a number from 1 to 65535, not {value!r}.")
    with socket.socket() as probe:
        # What an earlier run left half closed is no reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(value)))
        except OSError as error:
            sys.exit(f"Port {value} is not free ({error.strerror}): choose another with make run PORT=…")
    return int(value)


def prepare() -> str:
    """Bring database, static files and demo data up to date; return what the demo says about signing in."""
    django.setup()
    say("Preparing the database")
    call_command("migrate", verbosity=0, interactive=False)
    say("Collecting static files")
    call_command("collectstatic", verbosity=0, interactive=False)
    say("Filling in the demo")
    told = StringIO()
    call_command("seed_demo", stdout=told)
    return told.getvalue().rstrip()


def commands(port: int) -> dict[str, list[str]]:
    granian = ["granian", "--interface", "wsgi", "--host", HOST, "--port", str(port), "--workers", "1", "--no-ws"]
    granian += ["--blocking-threads", "4", "--log-level", "warning", "torii_settings.wsgi:application"]
    celery = ["celery", "--quiet", "-A", "torii_settings", "worker", "-B", "-P", "solo", "--loglevel", "warning"]
    celery += ["-s", str(BASE_DIR / "var" / "celerybeat-schedule")]
    # In a container everyone is root, and the advice not to be would bury what there is to read.
    quiet = ["-W", "ignore:You're running the worker with superuser privileges"]
    return {"web server": [sys.executable, "-m", *granian], "worker": [sys.executable, *quiet, "-m", *celery]}


def wait_until_healthy(port: int, processes: Processes) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while not is_healthy(port):
        insist_on_all(processes)
        if time.monotonic() > deadline:
            sys.exit(f"The web server did not answer /healthz within {STARTUP_SECONDS} seconds.")
        time.sleep(0.1)


def is_healthy(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=5).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def watch(processes: Processes) -> NoReturn:
    while True:
        insist_on_all(processes)
        time.sleep(0.5)


def insist_on_all(processes: Processes) -> None:
    for name, process in processes.items():
        if (code := process.poll()) is not None:
            sys.exit(f"The {name} ended by itself (exit code {code}), so everything is stopped.")


def stop(processes: Processes) -> None:
    """Ask all to end, wait, and kill those that do not, with every process they have started."""
    for process in processes.values():
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for process in processes.values():
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
