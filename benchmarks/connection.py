"""A connection of our own client: HTTP/1.1 as far as the measured servers speak it, at a tenth of a library's cost."""

import asyncio
import re
from dataclasses import dataclass

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, 0 if none came, its body and its head."""

    status: int
    body: bytes = b""
    head: bytes = b""

    @property
    def failed(self) -> bool:
        """Whether it is an error."""
        return not 200 <= self.status < 400


class Connection(asyncio.Protocol):
    """One connection, kept as long as the server keeps it and opened again when it is needed."""

    def __init__(self, address: str) -> None:
        self.host, _, self.port = address.partition("://")[2].partition(":")
        self.transport: asyncio.WriteTransport | None = None
        self.received = b""
        self.has_body = True
        self.answer: asyncio.Future[Answer] | None = None

    async def exchange(self, request: bytes, *, has_body: bool = True) -> Answer:
        """Send a request and return its answer, which `has_body` unless HEAD asked for it."""
        loop = asyncio.get_running_loop()
        if self.transport is None:
            self.transport, _ = await loop.create_connection(lambda: self, self.host, int(self.port))
        self.received, self.has_body, self.answer = b"", has_body, loop.create_future()
        self.transport.write(request)
        return await self.answer

    def close(self) -> None:
        """Hang up."""
        if self.transport is not None:
            self.transport.close()
            self.transport = None

    # What asyncio calls -----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Settle the answer once all of it is here."""
        self.received += data
        head, found, rest = self.received.partition(b"\r\n\r\n")
        body = body_in(head, rest) if found and self.has_body else b"" if found else None
        if body is None:
            return
        # A server that will hang up must not be sent the next request meanwhile.
        if head.startswith(b"HTTP/1.0") or CLOSES.search(head):
            self.close()
        self._settle(Answer(status_of(head), body, head))

    def connection_lost(self, exc: Exception | None) -> None:
        """Let whoever waits for an answer know that none comes."""
        self.transport = None
        self._settle(Answer(0))

    def _settle(self, answer: Answer) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(answer)


def status_of(head: bytes) -> int:
    """Return the status in the head of an answer, 0 if there is none."""
    found = STATUS.match(head)
    return int(found[1]) if found else 0


def body_in(head: bytes, rest: bytes) -> bytes | None:
    """Return the body behind a head (RFC 9112 §6.3), or None while there is more to come."""
    if CHUNKED.search(head):
        return joined_chunks(rest)
    length = LENGTH.search(head)
    return rest if length is None or len(rest) >= int(length[1]) else None


def joined_chunks(rest: bytes) -> bytes | None:
    """Return the body that comes in chunks (RFC 9112 §7.1), or None while the last one is missing."""
    chunks: list[bytes] = []
    place = 0
    while (end := rest.find(b"\r\n", place)) >= 0:
        size = int(rest[place:end], 16)
        if size == 0:
            return b"".join(chunks) if rest.endswith(b"\r\n\r\n") else None
        chunks.append(rest[end + 2 : end + 2 + size])
        place = end + 2 + size + 2
    return None
