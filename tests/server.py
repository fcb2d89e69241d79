"""The service as it runs in production: granian in a process of its own, on the database of the running test."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from urllib.parse import quote

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.services import accepts_connections, free_port, running, wait_until

ROOT = Path(__file__).resolve().parents[1]


def database_url(to: BaseDatabaseWrapper = connection) -> str:
    """Return the URL of the database that this test uses; it must be marked `django_db(transaction=True)`."""
    database = to.settings_dict
    if to.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, password = quote(database["USER"]), quote(database["PASSWORD"])
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"


@contextmanager
def web_server(root: Path = ROOT, /, **environment: str) -> Iterator[str]:
    """Run the web server and yield its address; `environment` is set on top of the tests' own.

    `root` is the checkout whose code it runs.

    The test has to use the `transactional_db` fixture, so that the server sees what it wrote.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--blocking-threads", "2", "--working-dir", str(root), "torii_settings.wsgi:application"]
    changed = {"DATABASE_URL": database_url(), "BASE_URL": address, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    previous = {name: os.environ.get(name) for name in (changed | environment)}
    os.environ.update(changed | environment)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="torii-web-") as name,
            running(command, Path(name), SIGTERM) as process,
        ):
            wait_until(lambda: accepts_connections(port), process, Path(name))
            yield address
    finally:
        for variable, value in previous.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
