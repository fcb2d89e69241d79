"""Plain http to a service that is served over TLS: refused at every door.

A redirect would hide that the client sends its key in the clear each time, and many clients turn a redirected POST
into a GET. RFC 7644 §2 requires TLS. A proxy that ends TLS without saying so looks the same: behind it a redirect would
lead a browser back to where it came from, without end. So nothing is redirected, and the refusal names the setting.
"""

from typing import Any

from django.conf import settings

from torii_settings.middleware import MACHINE_PATHS
from torii_settings.refusals import HEALTH_PATHS, Refusal


def check_scheme(environ: dict[str, Any]) -> None:
    """Raise Refusal, a 403, for a request over plain http, if the service is served over TLS."""
    path: str = environ.get("PATH_INFO", "")
    if settings.SERVED_OVER_TLS and environ["wsgi.url_scheme"] != "https" and path not in HEALTH_PATHS:
        shows = "its key" if path.startswith(MACHINE_PATHS) else "what is sent with it"
        raise Refusal(
            403,
            f"This request came over http, which shows {shows} to the network: call {settings.BASE_URL}. If it was sent"
            " over https, the proxy in between has to be one of TRUSTED_PROXIES, and to send X-Forwarded-Proto and"
            " X-Forwarded-For.",
            code="https_required",
        )
