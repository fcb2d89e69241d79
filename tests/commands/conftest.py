"""How the tests run a command."""

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO

import pytest
from django.core.management import CommandError, call_command


@dataclass(frozen=True)
class Told:
    """What a command has said; `error` is why it failed, or empty."""

    out: str
    err: str
    error: str


@pytest.fixture
def run() -> Callable[..., Told]:
    """Return a function that runs a command, as manage.py does with these arguments."""

    def run(*arguments: str) -> Told:
        out, err, error = StringIO(), StringIO(), ""
        try:
            call_command(*arguments, stdout=out, stderr=err)
        except CommandError as failure:
            error = str(failure)
        return Told(out.getvalue(), err.getvalue(), error)

    return run
