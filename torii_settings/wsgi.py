"""The WSGI application: `granian --interface wsgi torii_settings.wsgi:application`.

The URLs, and the views behind them, are imported here rather than by the first request, which would wait a second.

The client's address and scheme come from `X-Forwarded-For` and `X-Forwarded-Proto` only when the peer is one of
`TRUSTED_PROXIES`; from anyone else the headers mean nothing.
"""

import gc
import os
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from granian.utils.proxies import wrap_wsgi_with_proxy_headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "torii_settings.settings")

django_application = get_wsgi_application()
import_module(settings.ROOT_URLCONF)

# What has been loaded by now stays; to look through all of it for garbage would hold up a request for 50 ms each time.
gc.collect()
gc.freeze()

application: Any = (
    wrap_wsgi_with_proxy_headers(django_application, trusted_hosts=settings.TRUSTED_PROXIES)
    if settings.TRUSTED_PROXIES
    else django_application
)
