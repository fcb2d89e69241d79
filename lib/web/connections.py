"""The clients' connections of this process. Granian has them, and tells nothing about them; the kernel does."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lib.web.tcp import tcp_info


def client_connections(port: int) -> Iterator[socket.socket]:
    """Yield each connection to `port`, as a second handle that is closed afterwards."""
    for link in Path("/proc/self/fd").iterdir():
        # Any of them may be closed in this moment.
        with suppress(OSError):
            if str(link.readlink()).startswith("socket:"):
                with socket.socket(fileno=os.dup(int(link.name))) as handle:
                    if handle.family in (socket.AF_INET, socket.AF_INET6) and handle.getsockname()[1] == port:
                        handle.getpeername()
                        yield handle


def has_clients(port: int) -> bool:
    """Whether any client is connected."""
    return any(True for _ in client_connections(port))


def cut_off_senders(port: int, seconds: float) -> None:
    """End what clients send that have sent a request, or part of it, and not been answered for so many seconds.

    They can still be answered. A connection that waits for its next request isn't touched, unless the last one came and
    was answered within the same tick of the kernel's clock, and so long ago that nobody will miss it.
    """
    for connection in client_connections(port):
        with suppress(OSError):
            info = tcp_info(connection)
            if info.since_received <= info.since_sent and info.since_sent >= seconds:
                connection.shutdown(socket.SHUT_RD)
