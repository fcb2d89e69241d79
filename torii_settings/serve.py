"""`make run`: the whole product on this machine, for a first look.

Prepares the demo under `var/`, then keeps two processes going, the web server and the worker that also keeps the
time, until Ctrl-C or SIGTERM. One that ends by itself is started again, and the other goes on meanwhile.
"""

import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import NoReturn

import django
from django.core.management import CommandError, call_command

from lib.supervisor import Supervisor
from torii_settings.failures import in_a_sentence

BASE_DIR = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
STARTUP_SECONDS = 60
# The worker takes up to ten seconds to leave the mail server.
GRACE_SECONDS = 15
LOOK_SECONDS = 0.5
WEB_SERVER = "web server"
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> NoReturn:
    port = chosen_port()
    os.environ.setdefault("DEMO", "1")
    os.environ.setdefault("WEB_WORKERS", "1")
    os.environ.setdefault("WEB_THREADS", "4")
    os.environ.setdefault("BASE_URL", f"http://{HOST}:{port}")
    for signum in ENDING_SIGNALS:
        signal.signal(signum, leave)
    try:
        with in_a_sentence():
            how_to_sign_in = prepare()
    except CommandError as error:
        sys.exit(str(error))
    # From here on a signal interrupts nothing: it might come between the start of a process and our knowing of it.
    ending = threading.Event()
    for signum in ENDING_SIGNALS:
        signal.signal(signum, lambda signum, frame: ending.set())
    supervisor = Supervisor(commands(port), BASE_DIR, say)
    try:
        say("Starting the web server and the worker")
        if is_healthy_in_time(port, supervisor, ending):
            say(f"\nReady at {os.environ['BASE_URL']}\n{how_to_sign_in}")
            say("E-mail lands in var/mail. Ctrl-C stops everything.")
        while not ending.wait(LOOK_SECONDS):
            supervisor.look()
        say("\nStopping")
    finally:
        supervisor.stop(GRACE_SECONDS)
    sys.exit(0)


def leave(signum: int, frame: FrameType | None) -> NoReturn:
    """End while nothing is started yet. Being told to end is no failure."""
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
    web = ["torii_settings.web", "--host", HOST, "--port", str(port)]
    celery = ["celery", "--quiet", "-A", "torii_settings", "worker", "-B", "-P", "solo", "--loglevel", "warning"]
    celery += ["-s", str(BASE_DIR / "var" / "celerybeat-schedule")]
    # In a container everyone is root, and the advice not to be would bury what there is to read.
    quiet = ["-W", "ignore:You're running the worker with superuser privileges"]
    return {WEB_SERVER: [sys.executable, "-m", *web], "worker": [sys.executable, *quiet, "-m", *celery]}


def is_healthy_in_time(port: int, supervisor: Supervisor, ending: threading.Event) -> bool:
    """Wait until the web server answers; return False if we are told to end before it does.

    Exits if the web server ends or takes too long: what is wrong at the first start won't mend itself.
    """
    deadline = time.monotonic() + STARTUP_SECONDS
    supervisor.look()
    web_server = supervisor.supervised[WEB_SERVER].process
    while not ending.wait(0.1):
        if is_healthy(port):
            return True
        if web_server is None or web_server.poll() is not None:
            sys.exit("The web server ended before it answered.")
        if time.monotonic() > deadline:
            sys.exit(f"The web server did not answer /healthz within {STARTUP_SECONDS} seconds.")
        supervisor.look()
    return False


def is_healthy(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=5).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
