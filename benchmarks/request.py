"""A request, as the bytes that go over the wire: whichever client sends them, it has nothing left to compose."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

# Stands in a body for a number that no other request has. Clients put one of DIGITS digits there, so that the length
# which the header tells is right.
NUMBER = "{n}"
DIGITS = 15


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the absolute `path`."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def raw(self, host: str) -> bytes:
        """Return the request to `host`, but for the numbers."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            added = self.body.count(NUMBER) * (DIGITS - len(NUMBER))
            lines.append(f"Content-Length: {len(self.body.encode()) + added}")
        return "\r\n".join([*lines, "", self.body]).encode()


def numbered(raw: bytes, number: int) -> bytes:
    """Return a raw request with the number in its places."""
    return raw.replace(NUMBER.encode(), str(number).encode())


def first_number() -> int:
    """Return the first number of a turn, from the clock: the next turn's is larger than all that this one takes.

    It has DIGITS digits until the year 2286.
    """
    return time.time_ns() // 10_000
