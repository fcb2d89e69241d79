"""The parts of granian that serve one process: its own `MPServer` joins them in the same way.

None of them is public, so granian's version is pinned, and tests/processes/test_web_server.py says what we expect.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

from granian import _futures, _granian, _loops
from granian.http import HTTP1Settings

# Granian's annotations of these are not those of the version that we use.
granian: Any = _granian
futures: Any = _futures

# Connections that are open at the same time; as many more wait in the kernel.
CONNECTIONS = 1024
# Threads that had nothing to do for so many seconds end.
IDLE_SECONDS = 300
HEADER_SECONDS = 30
# What WSGI tells an application of its server (PEP 3333). Granian would add all variables of the process, secrets too.
OF_SERVER = {
    "SCRIPT_NAME": "",
    "wsgi.errors": sys.stderr,
    "wsgi.multiprocess": True,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}


def answering(application: Callable[..., Any]) -> Callable[[Any, dict[str, Any]], None]:
    """Return what granian calls with each request: a WSGI application, whose answers are whole when they are sent."""

    def answer(protocol: Any, request: dict[str, Any]) -> None:
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            head[:] = int(status[:3]), headers

        body = b"".join(application(OF_SERVER | request, start_response))
        protocol.response_bytes(*head, body)

    return answer


class Server:
    """Serves a WSGI application on a socket, with up to `threads` threads, from when it is made until `stop`."""

    def __init__(self, application: Any, listener: int, threads: int) -> None:
        self._signal = granian.WorkerSignal()
        self._stopped = threading.Event()
        self._signal.add_cb(self._stopped.set)
        worker = granian.WSGIWorker(
            1,  # the worker's number
            (None, granian.SocketHolder(listener, False, CONNECTIONS)),
            None,  # where metrics go
            1,  # threads that talk to clients
            1,  # threads for files, of which we serve none
            threads,
            IDLE_SECONDS,
            CONNECTIONS,
            "1",  # HTTP/1
            HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
            None,  # HTTP/2
            None,  # files
            *(False, None, None, None, "tls1.3", None, [], False),  # TLS, which ends before us
            (None, None),  # metrics
        )
        loop = _loops.loops.get("asyncio")  # which nothing runs on: WSGI has threads
        scheduler = futures._new_cbscheduler(loop, answering(application), impl_asyncio=True)
        worker.serve_mtr(scheduler, loop, self._signal)

    def stop(self) -> None:
        """Close connections on which nothing is under way, and return once what is under way has been answered."""
        self._signal.set()
        self._stopped.wait()
