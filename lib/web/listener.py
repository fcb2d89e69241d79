"""The socket that listens. The main process owns it and every worker accepts from it.

So a connection that waits to be accepted outlives the worker that would have accepted it, a port that is taken is
noticed, and nothing is lost when it closes: first no connection comes in any more, then those that wait are accepted.
"""

import ctypes
import socket
import struct
import time
from contextlib import suppress

from lib.web.tcp import tcp_info

# Linux' number of an option that Python doesn't name.
SO_ATTACH_FILTER = 26

# Drops packets that open a connection (SYN, of the flags in byte 13) and lets all others through, so that handshakes
# under way complete: load byte, jump if set, drop, accept. See linux/filter.h.
NO_MORE = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))

# A handshake takes a round trip.
ROUND_TRIP = 0.1
EMPTYING = 2.0


class PortTaken(Exception):
    """The address can't be listened on; the text is a sentence that says so."""


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Return a socket that listens, with up to `backlog` connections waiting. Raises PortTaken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        # What an earlier run left half closed is no reason to refuse; a process that listens is.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError as error:
        raise PortTaken(f"Can't listen on {host}:{port} ({error.strerror}): choose another --host or --port.") from None
    return listener


def close_gently(listener: socket.socket) -> None:
    """Let no new connection in, and return once those that wait have been accepted by a worker.

    Without it those would be reset when the socket closes, with the requests that they have already sent. The caller
    closes it, after which a client is refused and may go elsewhere.
    """
    # A kernel without these keeps a window of microseconds.
    with suppress(OSError):
        attach_filter(listener)
        time.sleep(ROUND_TRIP)
        deadline = time.monotonic() + EMPTYING
        while tcp_info(listener).waiting and time.monotonic() < deadline:
            time.sleep(0.01)


def attach_filter(listener: socket.socket) -> None:
    """Have the kernel drop every attempt to connect. Raises OSError."""
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in NO_MORE)
    buffer = ctypes.create_string_buffer(program)
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(NO_MORE), ctypes.addressof(buffer)))
