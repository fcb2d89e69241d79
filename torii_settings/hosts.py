"""The Host header: at every door it names one of `ALLOWED_HOSTS`, or the request is refused.

Health checks are answered whatever it says: load balancers call hosts by their address. `X-Forwarded-Host` is read
nowhere, so a proxy has to pass Host on.
"""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from torii_settings.refusals import HEALTH_PATHS, Refusal


def check_host(environ: dict[str, Any]) -> None:
    """Raise Refusal, a 400, for a request whose Host header is missing, malformed or none of ours."""
    if not is_ours(environ.get("HTTP_HOST", "")) and environ.get("PATH_INFO") not in HEALTH_PATHS:
        detail = f"The Host header names no host of this service: call it at {settings.BASE_URL}."
        raise Refusal(400, detail, code="wrong_host")


@lru_cache(maxsize=64)
def is_ours(host: str) -> bool:
    """Whether `host`, with or without a port, is one of `ALLOWED_HOSTS`; remembered, since nearly all ask for one."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
