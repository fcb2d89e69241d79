"""Management commands that run in a process of their own, beside whatever a test does meanwhile."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper

from tests.server import ROOT, database_url

# A command that hangs is killed after so many seconds, so that no test waits for what it says.
LONGEST = 60.0


@contextmanager
def manage(
    database: BaseDatabaseWrapper, *arguments: str, settings: str = "tests.settings", **environment: str
) -> "Iterator[subprocess.Popen[str]]":
    """Run manage.py on `database`, for as long as the block is."""
    own = {"DJANGO_SETTINGS_MODULE": settings, "DATABASE_URL": database_url(database)}
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | own | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(LONGEST, process.kill)
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def wait_for(process: "subprocess.Popen[str]", words: str) -> None:
    """Read what `process` says on standard error until `words` are in it."""
    assert process.stderr is not None
    while words not in (line := process.stderr.readline()):
        assert line, f"it ended without saying {words!r}"
