"""Shortcuts through Django's settings, connections and URL configuration, each of which a request needs many times.

Django reads a setting by a method in Python, which looks for a proxy's methods; settings have none. It keeps
connections and the URL configuration in objects that serve asynchronous code too; a WSGI server runs none. The
shortcuts save some 30 of the 380 µs that a GET took. tests/project/test_private_parts.py says what we expect of the
parts that they replace.
"""

import threading
from typing import Any

from django.conf import LazySettings
from django.db import connections
from django.urls import base, get_resolver

from lib.web.routes import Routes


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
    resolver: Any = get_resolver()
    resolver.resolve = Routes(resolver).resolve
