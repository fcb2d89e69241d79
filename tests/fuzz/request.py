"""A request as it goes over the wire, and as a person repeats it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, quote_from_bytes

# What may stand in a path or a query as it is; everything else would be no HTTP.
PLAIN = "!$&'()*+,/:;=?@-._~%[]{}|^\"<>\\`"

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the caller of some organizations, named by letters, whose data they may see."""

    door: str
    method: str
    target: str
    headers: Sequence[Header] = ()
    body: bytes = b""
    sees: str = ""

    def raw(self, host: str) -> bytes:
        """Return the bytes to send to `host`."""
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        if not any(name.lower() == "host" for name, _ in self.headers):
            lines.append(f"Host: {host}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.is_chunked:
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(self.body), self.body) if self.body else b"0\r\n\r\n"
        else:
            body = self.body
            if body or self.method in ("POST", "PUT", "PATCH"):
                lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + body

    @property
    def is_chunked(self) -> bool:
        """Whether the body goes out in chunks."""
        return any(name.lower() == "transfer-encoding" for name, _ in self.headers)

    def curl(self, address: str) -> str:
        """Return the command that sends it, if its body is short enough for a command line."""
        words = ["curl", "-sS", "-i", "--path-as-is", "-g", "-X", self.method, address + self.target]
        for name, value in self.headers:
            words += ["-H", f"{name}: {value}" if value else f"{name};"]
        if self.body:
            words += ["--data-binary", "@-"]
        command = shlex.join(words).encode("utf-8", "backslashreplace").decode()
        if not self.body:
            return command
        escaped = "".join(
            chr(byte) if 32 <= byte < 127 and byte not in b"'\\%" else f"\\{byte:03o}" for byte in self.body
        )
        return f"printf '{escaped}' | {command}"


def with_query(path: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Return a path with a query; each value is escaped so that the server sees it as it is."""
    if not parameters:
        return path
    return f"{path}?" + "&".join(f"{escaped(name)}={escaped(value)}" for name, value in parameters)


def escaped(text: str) -> str:
    """Return a text as an address has it."""
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")


def sendable(path: str) -> str:
    """Return a path without what would end the request's line."""
    return quote(path.encode("utf-8", "surrogatepass"), safe=PLAIN)


def header_value(text: str) -> str:
    """Return a text without what would end the header."""
    return "".join(letter for letter in text if letter >= " " and letter != "\x7f").strip()
