"""What every request asks of Django some twenty times, without the care that only others need.

Django reads settings by a method in Python, in case a proxy's method was asked for, which settings have none of. And it
keeps connections, and what URLs are looked up in, so that asynchronous code can have them too; a WSGI server runs none.
Together that was 30 of the 390 µs that a GET took. tests/project/test_private_parts.py says what we expect of the parts
that are changed.
"""

import threading
from typing import Any

from django.conf import LazySettings
from django.db import connections
from django.urls import base


def take_shortcuts() -> None:
    """Have settings read as plain attributes, and the rest kept for each thread, in this process from now on."""
    LazySettings.__getattribute__ = object.__getattribute__  # type: ignore[method-assign]
    kept: Any = connections
    by_thread = threading.local()
    for alias in kept:
        if (opened := getattr(kept._connections, alias, None)) is not None:
            setattr(by_thread, alias, opened)
    kept._connections = by_thread
    base._urlconfs = threading.local()  # type: ignore[attr-defined]
