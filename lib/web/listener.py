"""The sockets that listen on one port. The main process owns them, and the worker in each slot accepts from one.

With one socket for all, whichever worker wakes first gets the connection, and now and then a single worker got all of
them (docs/decisions/0053-a-socket-for-each-worker.md). Here the kernel spreads connections over the sockets, and the
main process says over which. A connection that waits to be accepted outlives the worker that would have accepted it,
since the next worker in the slot has the same socket. A port that is taken is noticed. Nothing is lost when the sockets
close: first no connection comes in any more, then those that wait are accepted.
"""

import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

from lib.web.bpf import (
    IP_HEADER,
    JUMP,
    JUMP_IF_EQUAL,
    JUMP_IF_GREATER_OR_EQUAL,
    JUMP_IF_SET,
    LOAD_BYTE,
    LOAD_HALF,
    MODULO,
    RETURN,
    SHIFT_RIGHT,
    SO_ATTACH_FILTER,
    SO_ATTACH_REUSEPORT_CBPF,
    Instruction,
    attach,
)
from lib.web.tcp import tcp_info

# Drops packets that open a connection (SYN, of the flags in byte 13) and lets all others through, so that handshakes
# under way complete.
NO_MORE = ((LOAD_BYTE, 0, 0, 13), (JUMP_IF_SET, 0, 1, 0x02), (RETURN, 0, 0, 0), (RETURN, 0, 0, 0xFFFFFFFF))

# Loads the client's port: it follows an IP header of 20 bytes, or of 40 if the version, the first four bits, is 6.
CLIENT_PORT = (
    (LOAD_BYTE, 0, 0, IP_HEADER),
    (JUMP_IF_GREATER_OR_EQUAL, 2, 0, 0x60),
    (LOAD_HALF, 0, 0, IP_HEADER + 20),
    (JUMP, 0, 0, 1),
    (LOAD_HALF, 0, 0, IP_HEADER + 40),
)
# As a power of 2, how many neighbouring ports go to the same socket. Linux hands out ports in ascending order, 2 to 16
# further each time, so connections from one host alternate.
NEIGHBOURS = 4

# A handshake takes a round trip.
ROUND_TRIP = 0.1
EMPTYING = 2.0


class PortTaken(Exception):
    """The address can't be listened on; the text is a sentence that says so."""


def listen(host: str, port: int, backlog: int, count: int) -> list[socket.socket]:
    """Return `count` sockets that listen on one port, each with up to `backlog` connections waiting. Raises PortTaken.

    The first one has the port for itself for a moment: if another process listened, even one that shares its port,
    or did so at the same time, one of the two would be refused. Only then are the others let in.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        first = listening(family, address, backlog)
    except OSError as error:
        raise PortTaken(f"Can't listen on {host}:{port} ({error.strerror}): choose another --host or --port.") from None
    if count > 1:
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return [first, *(another(first, backlog) for _ in range(count - 1))]


def listening(family: int, address: Any, backlog: int, *, shares: bool = False) -> socket.socket:
    """Return a socket that listens, on a port that others listen on if it `shares` it. Raises OSError."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        # What an earlier run left half closed is no reason to refuse; a process that listens is.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shares)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(backlog)
        stack.pop_all()
    return listener


def another(first: socket.socket, backlog: int) -> socket.socket:
    """Return one more socket that listens where `first` does, or `first` again if the kernel lets none share it."""
    try:
        return listening(first.family, first.getsockname(), backlog, shares=True)
    except OSError:
        return first.dup()


def steer(listeners: Sequence[socket.socket], chosen: Sequence[int]) -> None:
    """Have new connections go to some of the sockets alone, named by their places in the list, and evenly.

    A process that joins the port later, as SO_REUSEPORT allows, gets none of them.
    """
    program: list[Instruction] = [*CLIENT_PORT, (SHIFT_RIGHT, 0, 0, NEIGHBOURS), (MODULO, 0, 0, len(chosen))]
    for number, place in enumerate(chosen):
        program += [(JUMP_IF_EQUAL, 0, 1, number), (RETURN, 0, 0, place)]
    # It is never reached, but a program has to end in a return.
    program.append((RETURN, 0, 0, chosen[-1]))
    # A kernel without these spreads over all of them.
    with suppress(OSError):
        attach(listeners[0], SO_ATTACH_REUSEPORT_CBPF, program)


def waiting(listener: socket.socket) -> int:
    """Return how many connections wait to be accepted, 0 if the kernel doesn't tell."""
    with suppress(OSError):
        return tcp_info(listener).waiting
    return 0


def close_gently(listeners: Sequence[socket.socket]) -> None:
    """Let no new connection in, and return once those that wait have been accepted by workers.

    Without it those would be reset when the sockets close, with the requests that they have already sent. The caller
    closes them, after which a client is refused and may go elsewhere.
    """
    # A kernel without these keeps a window of microseconds.
    with suppress(OSError):
        for listener in listeners:
            attach(listener, SO_ATTACH_FILTER, NO_MORE)
        time.sleep(ROUND_TRIP)
        deadline = time.monotonic() + EMPTYING
        while any(map(waiting, listeners)) and time.monotonic() < deadline:
            time.sleep(0.01)
