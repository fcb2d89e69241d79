"""The request id: one name for everything that a request caused.

A request's id is in its answer, its access line, its errors, and in the audit events and e-mails that it caused. Celery
tasks carry the id of the request that started them (`torii_settings.celery`); commands and clock runs have their own.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from os import urandom

HEADER = "X-Request-Id"
LENGTH = 128

# What proxies, gateways and tracing tools send. An `@` is not among it, so that no e-mail address gets into a log.
SANE = re.compile(r"[A-Za-z0-9._:/+=~-]{1,%d}" % LENGTH)  # noqa: UP031 - braces would have to be doubled

_current: ContextVar[str] = ContextVar("request_id", default="")


def known() -> str:
    """Return the id of what goes on, or "" where nothing has one."""
    return _current.get()


def current() -> str:
    """Return the id of what goes on: a request, a task, or else this command, which gets one that stays."""
    if not (request_id := _current.get()):
        request_id = new()
        _current.set(request_id)
    return request_id


def new() -> str:
    """Return an id that nothing else has."""
    return urandom(16).hex()


def begin(proposed: str) -> Token[str]:
    """Make `proposed` the id of what begins here, or a new id if it is empty, too long or has odd characters."""
    return _current.set(proposed if SANE.fullmatch(proposed) else new())


def end(token: Token[str]) -> None:
    """Go back to the id before the `begin` that returned `token`."""
    _current.reset(token)


@contextmanager
def using(proposed: str) -> Iterator[str]:
    """Have the block go on under one id: see `begin`."""
    token = begin(proposed)
    try:
        yield known()
    finally:
        end(token)
