"""A way to PostgreSQL on which connections can go silent, as they do when the machine at the other end is gone."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from lib.web.bpf import DROP_ALL, SO_ATTACH_FILTER, attach

PIECE = 64 * 1024


@contextmanager
def forwarded(
    database_url: str, hold: Callable[[bytes], None] = lambda piece: None
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the URL of the same database through a forwarder, and a function that makes its connections go silent.

    From then on the kernel drops what arrives on them, and acknowledges nothing. Later connections work. `hold` is
    called with what a client says, which is sent on when `hold` returns.
    """
    address = urlsplit(database_url)
    there = (address.hostname or "", address.port or 0)
    ways: list[Way] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                ways.append(Way(client, socket.create_connection(there), hold))

    def vanish() -> None:
        for way in ways:
            way.vanish()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        userinfo, port = address.netloc.rpartition("@")[0], listener.getsockname()[1]
        try:
            yield address._replace(netloc=f"{userinfo}@127.0.0.1:{port}").geturl(), vanish
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for way in ways:
                way.close()


class Way:
    """What is forwarded between a client and the server."""

    def __init__(self, client: socket.socket, server: socket.socket, hold: Callable[[bytes], None]) -> None:
        self.client, self.server, self.hold = client, server, hold
        self.is_silent = False
        directions = [(client, server), (server, client)]
        self._threads = [threading.Thread(target=self.forward, args=each, daemon=True) for each in directions]
        for thread in self._threads:
            thread.start()

    def forward(self, source: socket.socket, target: socket.socket) -> None:
        """Send on what comes from `source`, and that it has ended."""
        with suppress(OSError):
            while piece := source.recv(PIECE):
                if source is self.client:
                    self.hold(piece)
                target.sendall(piece)
            if not self.is_silent:
                target.shutdown(socket.SHUT_RDWR)

    def vanish(self) -> None:
        """Say nothing to the client any more. The server ends its side, which the client doesn't hear of."""
        self.is_silent = True
        attach(self.client, SO_ATTACH_FILTER, DROP_ALL)
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End both sides."""
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self.client.close()
        self.server.close()
