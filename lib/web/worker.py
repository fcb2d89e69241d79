"""A worker: `python -m lib.web.worker`, started by `lib.web.supervisor` alone.

It tells the main process through a socket that it serves. When it is told to end (SIGTERM), or the main process is
gone (the socket ends), it takes no more connections, has each answer say that its connection closes, and waits a while
until clients have gone by themselves: a request that is on its way to an idle connection when that closes is lost.
"""

import argparse
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

from lib.web import patience
from lib.web.connections import cut_off_senders, has_clients
from lib.web.server import Server

# A reverse proxy that keeps connections open must close idle ones sooner than this, as deploy/nginx.conf does.
DRAIN_SECONDS = 5.0
READY = b"r"
CLOSE = ("Connection", "close")


def main() -> None:
    """Serve until told to end."""
    options = arguments()
    application = load(options.application)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda signum, frame: stopping.set())
    lifeline = socket.socket(fileno=options.lifeline)
    threading.Thread(target=await_end, args=(lifeline, stopping), daemon=True).start()
    port = socket.socket(fileno=os.dup(options.listener)).getsockname()[1]
    patience.watch(options.body_timeout, partial(cut_off_senders, port))
    draining = threading.Event()
    server = Server(telling_to_close(application, draining), options.listener, options.threads)
    # The main process may be gone, which the other thread notices too.
    with suppress(OSError):
        lifeline.send(READY)
    stopping.wait()
    # Whatever hangs, and whether or not the main process is there to see to it.
    timer = threading.Timer(options.stop_timeout, os._exit, [1])
    timer.daemon = True
    timer.start()
    draining.set()
    accept_no_more(options.listener)
    deadline = time.monotonic() + DRAIN_SECONDS
    while has_clients(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    server.stop()
    sys.stderr.flush()
    # Nothing is under way; threads that wait for work are nobody's to wait for.
    os._exit(0)


def arguments() -> argparse.Namespace:
    """Return what the main process tells a worker."""
    parser = argparse.ArgumentParser()
    parser.add_argument("application")
    parser.add_argument("--listener", type=int)
    parser.add_argument("--lifeline", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--body-timeout", type=float)
    parser.add_argument("--stop-timeout", type=float)
    return parser.parse_args()


def load(name: str) -> Any:
    """Return the WSGI application `module:attribute`."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def await_end(lifeline: socket.socket, stopping: threading.Event) -> None:
    """Set `stopping` once the main process is gone, however it went."""
    # A socket that was closed before all was read from it ends in an error.
    with suppress(OSError):
        lifeline.recv(1)
    stopping.set()


def telling_to_close(application: Any, draining: threading.Event) -> Any:
    """Return the application, whose answers close their connections once `draining` is set."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, CLOSE] if draining.is_set() else headers)

        return application(environ, start)

    return answer


def accept_no_more(listener: int) -> None:
    """Put a socket to which nobody connects in the listener's place.

    Closing it is granian's, and closes idle connections with it. Connections that wait stay where they are, for the
    worker that follows in this slot.
    """
    nowhere = socket.socket(socket.AF_UNIX)
    nowhere.bind("")
    nowhere.listen(1)
    nowhere.setblocking(False)
    os.dup2(nowhere.fileno(), listener)


if __name__ == "__main__":
    main()
