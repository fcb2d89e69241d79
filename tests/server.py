"""The service as README has it in production: processes of its own, on the database of the running test."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from urllib.parse import quote

import httpx2
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.services import free_port, stop, wait_until

ROOT = Path(__file__).resolve().parents[1]


def database_url(to: BaseDatabaseWrapper = connection) -> str:
    """Return the URL of the database that this test uses; it must be marked `django_db(transaction=True)`."""
    database = to.settings_dict
    if to.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, password = quote(database["USER"]), quote(database["PASSWORD"])
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"


def web_command(port: int, root: Path = ROOT) -> list[str]:
    """Return the command that README gives for the web server, on a port; earlier releases have granian alone."""
    readme = (root / "README.md").read_text()
    commands = re.findall(r"^(?:python (-m torii_settings\.web.*)|(granian --interface.*))$", readme, re.MULTILINE)
    assert len(commands) == 1, "README has one command for the web server"
    ours, earlier = commands[0]
    return [sys.executable, *shlex.split(ours or f"-m {earlier}"), "--port", str(port)]


class WebServer:
    """A web server whose processes can be told apart."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
        self.process, self.port, self.folder = process, port, folder
        self.address = f"http://127.0.0.1:{port}"

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Return once it is true; raise if that takes too long or the server has ended."""
        wait_until(true, self.process, self.folder)

    def is_alive(self) -> bool:
        """Whether a worker answers. Connections are accepted before there is one, and wait for it."""
        try:
            return httpx2.get(f"{self.address}/healthz", timeout=0.5).status_code == 200
        except httpx2.TransportError:
            return False

    def workers(self) -> set[int]:
        """Return the process ids of the workers."""
        pid = self.process.pid
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def log(self) -> str:
        """Return what its processes have said."""
        return (self.folder / "log").read_text()


@contextmanager
def started(port: int = 0, root: Path = ROOT, /, **environment: str) -> Iterator[WebServer]:
    """Start the web server, and don't wait until it serves; `environment` is set on top of the tests' own."""
    port = port or free_port()
    # A single worker starts sooner, and is enough for what a single client asks.
    changed = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(root), "WEB_WORKERS": "1"}
    with tempfile.TemporaryDirectory(prefix="torii-web-") as name, (Path(name) / "log").open("wb") as log:
        process = subprocess.Popen(
            web_command(port, root),
            env=os.environ | {"BASE_URL": f"http://127.0.0.1:{port}"} | changed | environment,
            cwd=name,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield WebServer(process, port, Path(name))
        finally:
            stop(process, SIGTERM)


@contextmanager
def serving(port: int = 0, root: Path = ROOT, /, **environment: str) -> Iterator[WebServer]:
    """Start the web server and wait until it serves."""
    with started(port, root, **environment) as server:
        server.wait_until(server.is_alive)
        yield server


@contextmanager
def web_server(root: Path = ROOT, /, **environment: str) -> Iterator[str]:
    """Run the web server on the database of the test and yield its address; `root` is the checkout whose code it runs.

    The test has to use the `transactional_db` fixture, so that the server sees what it wrote.
    """
    with serving(0, root, **({"DATABASE_URL": database_url()} | environment)) as server:
        yield server.address
