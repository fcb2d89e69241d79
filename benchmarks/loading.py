"""Loading: a process with its settings fills each database, all of them at the same time.

A process at work waits for the database half of its time, so several use both cores.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import urlsplit

import psycopg
from django.db import connection

from benchmarks.subject import Content, Size

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be loaded: `module` has the function that fills the database which `environment` names."""

    name: str
    size: Size
    module: str
    environment: dict[str, str]

    def call(self) -> str:
        """Return the Python text that the process executes."""
        return (
            f"from benchmarks import loading, subject; from {self.module} import fill; "
            f"loading.tell(fill, subject.Size({self.size.members}, {self.size.organizations}))"
        )


def manage(environment: dict[str, str], *arguments: str) -> None:
    """Run a management command."""
    subprocess.run([sys.executable, str(ROOT / "manage.py"), *arguments], env=os.environ | environment, check=True)


def load_all(loads: Sequence[Load], say: Callable[[str], None]) -> Generator[tuple[Load, Content], None, None]:
    """Run `loads`, yield each when it is done, and `say` how long it took. Raises RuntimeError if one fails."""
    with ExitStack() as stack:
        finishes = [stack.enter_context(_process(load)) for load in loads]
        for load, finish in zip(loads, finishes, strict=True):
            content = finish()
            say(f"Loaded {load.name} {load.size} in {content.seconds:.0f} s")
            yield load, content


@contextmanager
def _process(load: Load) -> Iterator[Callable[[], Content]]:
    """Start a loading process and yield what waits for it; one that isn't waited for is ended."""
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "--command", load.call()]
    with TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | load.environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )

        def finish() -> Content:
            told, _ = process.communicate()
            if process.returncode:
                errors.seek(0)
                raise RuntimeError(f"Loading {load.name} {load.size} failed:\n{errors.read()}")
            return Content.of(json.loads(told))

        try:
            yield finish
        finally:
            process.kill()
            process.wait()


def tell(fill: Callable[[Size], Content], size: Size) -> None:
    """Fill a database, have PostgreSQL look at what is in it, and tell what it is. This is what the process does."""
    begun = time.monotonic()
    content = fill(size)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    sys.stdout.write(json.dumps(asdict(replace(content, seconds=time.monotonic() - begun))))


def new_database(server: str, name: str) -> str:
    """Create a database on a server and return its URL."""
    with psycopg.connect(server, autocommit=True) as maintenance:
        maintenance.execute(f'CREATE DATABASE "{name}"')
    return urlsplit(server)._replace(path=f"/{name}").geturl()
