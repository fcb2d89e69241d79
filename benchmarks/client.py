"""The client: wrk drives a server for some seconds with the requests that a piece of work consists of."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.usage import cpu_seconds

SCRIPT = Path(__file__).with_name("client.lua")
CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Request:
    """One request. In `body`, `{n}` stands for a number that no other request has."""

    method: str
    path: str
    body: str = ""

    def line(self, base: str) -> str:
        """Return the request below the path `base`, as client.lua reads it."""
        return f"{self.method}\t{base}{self.path}\t{self.body}\n"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of some seconds of work: times in milliseconds, CPU in seconds for 1,000 requests."""

    rate: float
    p50: float
    p99: float
    failed: int
    server_cpu: float
    database_cpu: float


def try_once(url: str, headers: dict[str, str], request: Request) -> None:
    """Send a request once. Raises RuntimeError unless the answer is a success that, for a filter, found somebody."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=120)
    connection.request(request.method, parts.path + request.path, request.body.replace("{n}", "0"), headers)
    response = connection.getresponse()
    answer = response.read()
    if response.status >= 300 or ("filter=" in request.path and len(json.loads(answer)["Resources"]) != 1):
        raise RuntimeError(f"{request.method} {url}{request.path}: {response.status} {answer[:300]!r}")


def drive(
    url: str, headers: dict[str, str], requests: Sequence[Request], seconds: int, server: int, database: int
) -> Run:
    """Send `requests` to `url` over and over for `seconds`; `server` and `database` are their processes' ids."""
    with tempfile.NamedTemporaryFile("w", suffix=".requests") as file:
        file.writelines(request.line(urlsplit(url).path) for request in requests)
        file.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT)]
        for name, value in headers.items():
            command += ["-H", f"{name}: {value}"]
        before = cpu_seconds(server), cpu_seconds(database)
        output = subprocess.run([*command, url, "--", file.name], capture_output=True, text=True, check=True).stdout
        after = cpu_seconds(server), cpu_seconds(database)
    told = json.loads(output.split("RESULT ")[1])
    thousands = max(told["requests"], 1) / 1000
    return Run(
        rate=told["requests"] / told["seconds"],
        p50=told["p50"],
        p99=told["p99"],
        failed=told["failed"],
        server_cpu=(after[0] - before[0]) / thousands,
        database_cpu=(after[1] - before[1]) / thousands,
    )
