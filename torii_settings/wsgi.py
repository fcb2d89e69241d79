"""The WSGI application: `granian --interface wsgi torii_settings.wsgi:application`.

The URLs, and the views behind them, are imported here rather than by the first request, which would wait a second.

What Django does before and behind every request is left out for machines, whose requests are the many: see `Handler`.

The client's address and scheme come from `X-Forwarded-For` and `X-Forwarded-Proto` only when the peer is one of
`TRUSTED_PROXIES`; from anyone else the headers mean nothing.
"""

import gc
import os
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import connection
from granian.utils.proxies import wrap_wsgi_with_proxy_headers

from torii_settings.middleware import MACHINE_PATHS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "torii_settings.settings")


class Handler(WSGIHandler):
    """Django's handler, which takes a machine's request straight to the middleware.

    The signals that Django sends at the start and the end of a request cost a tenth of a GET. Of what listens to them,
    a machine needs only that the connection to the database is left if it has aged or failed, and that once.
    """

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Answer a request, as WSGI has it (PEP 3333)."""
        if not environ.get("PATH_INFO", "").startswith(MACHINE_PATHS):
            return super().__call__(environ, start_response)
        connection.close_if_unusable_or_obsolete()
        with closing(WSGIRequest(environ)) as request:
            response: Any = self.get_response(request)
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return [response.content]


django.setup(set_prefix=False)
django_application = Handler()
import_module(settings.ROOT_URLCONF)

# What has been loaded by now stays; to look through all of it for garbage would hold up a request for 50 ms each time.
gc.collect()
gc.freeze()

application: Any = (
    wrap_wsgi_with_proxy_headers(django_application, trusted_hosts=settings.TRUSTED_PROXIES)
    if settings.TRUSTED_PROXIES
    else django_application
)
