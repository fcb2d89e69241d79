"""The WSGI application, which `python -m torii_settings.web` serves.

The URLs, and the views behind them, are imported here rather than by the first request, which would wait a second.

A request is answered in steps, each in a module of its own: its body is read, its host is checked, it takes a place, a
view answers it, and the place is free again. docs/decisions/0031-places-for-requests.md says why in this order. What
Django does before and behind every request is left out for machines, whose requests are the many: see `Handler.answer`.
Around all of that go the request's id and its line in the log (`torii_settings.access`).

The client's address and scheme come from a proxy if the peer is one of `TRUSTED_PROXIES` (`torii_settings.proxies`).
"""

import gc
import os
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection

from lib.web.server import CONNECTIONS
from lib.web.shortcuts import take_shortcuts
from torii_settings.middleware import MACHINE_PATHS
from torii_settings.undisturbed import UndisturbedHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "torii_settings.settings")
django.setup(set_prefix=False)
if settings.WEB_SHORTCUTS:
    take_shortcuts()

from torii_settings.access import CALLER, AccessLog, request_seen  # noqa: E402
from torii_settings.body import read_body  # noqa: E402 - the doors that write refusals need the apps
from torii_settings.callers import NOBODY, Callers  # noqa: E402
from torii_settings.charset import check_charset  # noqa: E402
from torii_settings.hosts import check_host  # noqa: E402
from torii_settings.places import Places  # noqa: E402
from torii_settings.proxies import believing  # noqa: E402
from torii_settings.refusals import Answer, Refusal, refused  # noqa: E402
from torii_settings.scheme import check_scheme  # noqa: E402
from torii_settings.start import look_around  # noqa: E402


class Handler:
    """Has requests answered by Django, as many at the same time as there are places, and machines' with little ado."""

    def __init__(self) -> None:
        self.django = UndisturbedHandler()
        self.customers = Places(settings.WEB_THREADS, queue=settings.WEB_QUEUE, patience=PATIENCE)
        self.callers = Callers()
        self.liveness = Places(1, queue=CONNECTIONS, patience=PATIENCE, is_shared=False)
        self.readiness = Places(1, queue=PROBES, patience=PATIENCE, is_shared=False)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Answer a request, as WSGI has it (PEP 3333)."""
        places = self.places_for(environ.get("PATH_INFO", ""))
        caller = self.callers.of(environ) if places is self.customers else NOBODY
        try:
            with places.admitted(caller) as too_many:
                # A health check has none, and one that comes with one waits for no body either.
                if places is self.customers:
                    read_body(environ)
                if too_many:
                    raise too_many
                check_host(environ)
                check_scheme(environ)
                check_charset(environ)
                with places.taken(caller):
                    answer = self.answer(environ)
                if caller.organization is None:
                    self.callers.learn(environ, request_seen())
        except Refusal as refusal:
            environ[CALLER] = caller
            answer = refused(environ, refusal)
        start_response(answer.status, answer.headers)
        return [answer.body]

    def places_for(self, path: str) -> Places:
        """Return the places for requests to `path`: health checks have their own, and never wait behind customers."""
        if path == "/readyz":
            return self.readiness
        return self.liveness if path == "/healthz" else self.customers

    def answer(self, environ: dict[str, Any]) -> Answer:
        """Return what the view answers.

        The signals that Django sends at the start and the end of a request cost a tenth of a GET. Of what listens to
        them, a machine needs only that the connection to the database is left if it has aged or failed, and that once.
        """
        if not environ.get("PATH_INFO", "").startswith(MACHINE_PATHS):
            return self.page(environ)
        connection.close_if_unusable_or_obsolete()
        request = WSGIRequest(environ)
        try:
            response: Any = self.django.get_response(request)
        finally:
            request.close()
        return Answer(f"{response.status_code} {response.reason_phrase}", list(response.items()), response.content)

    def page(self, environ: dict[str, Any]) -> Answer:
        """Return what Django's own handler answers, complete: a slow reader of it holds up nobody."""
        head: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
            head.update(status=status, headers=headers)
            return body.append

        body: list[bytes] = []
        with closing(self.django(environ, start_response)) as response:
            body.extend(response)
        return Answer(body=b"".join(body), **head)


# For how many seconds a request waits for a place, and how many questions at once whether the service is well wait for
# theirs. Whether the process is alive takes no time, so none is refused: many come at once when a worker starts late.
PATIENCE = 10
PROBES = 4

look_around()
django_application = AccessLog(Handler())
import_module(settings.ROOT_URLCONF)

# What has been loaded by now stays; to look through all of it for garbage would hold up a request for 50 ms each time.
gc.collect()
gc.freeze()
# Python looks for garbage after each 700 objects that are new, which are those of a few requests: a seventh of the time
# that a GET takes.
gc.set_threshold(10_000)

application = believing(django_application, settings.TRUSTED_PROXIES)
