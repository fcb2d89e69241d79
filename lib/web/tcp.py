"""What Linux tells about a TCP connection (`struct tcp_info` in linux/tcp.h)."""

import socket
import struct
from typing import NamedTuple

# Eight bytes come first, then numbers of 32 bits.
FIELDS = struct.Struct("=8x13I")


class TcpInfo(NamedTuple):
    """Of a socket that listens, the connections that wait to be accepted; of others, seconds since data last went."""

    waiting: int
    since_sent: float
    since_received: float


def tcp_info(connection: socket.socket) -> TcpInfo:
    """Return what the kernel knows. Raises OSError where there is no such option."""
    found = FIELDS.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, FIELDS.size))
    return TcpInfo(waiting=found[4], since_sent=found[9] / 1000, since_received=found[11] / 1000)
