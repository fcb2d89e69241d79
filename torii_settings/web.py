"""`python -m torii_settings.web`: the web server, as production runs it (`lib.web`).

It keeps WEB_WORKERS processes. SIGTERM ends it once requests under way are answered, SIGHUP replaces the workers one
after the other, as for new code.
"""

from lib.web.supervisor import Plan, Supervisor, block_signals

# Before all that takes time: a signal that comes meanwhile is obeyed afterwards.
if __name__ == "__main__":
    block_signals()

import argparse
import os
import re
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.log import configure_logging

from lib.web.listener import PortTaken, listen
from torii_settings.environment.hosts import is_loopback

APPLICATION = "torii_settings.wsgi:application"
BACKLOG = 1024
LAST_PORT = 65535
DEMO_STAYS_HERE = (
    "DEMO is on, in which anybody signs in as anybody; --host must then be this machine alone, as in 127.0.0.1."
)
# Beyond those that answer customers or wait with them: for health checks, and for telling others to come back.
SPARE_THREADS = 8


def main() -> int:
    """Serve; return the exit status."""
    options = arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "torii_settings.settings")
    try:
        configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
        if settings.DEMO and not is_loopback(options.host):
            raise ImproperlyConfigured(DEMO_STAYS_HERE)
        listeners = listen(options.host, options.port, BACKLOG, settings.WEB_WORKERS)
    except (ImproperlyConfigured, PortTaken) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    plan = Plan(
        application=APPLICATION,
        threads=settings.WEB_THREADS + settings.WEB_QUEUE + SPARE_THREADS,
        max_rss=settings.WEB_MAX_RSS,
        body_timeout=settings.WEB_BODY_TIMEOUT,
        stop_timeout=settings.WEB_STOP_TIMEOUT,
    )
    return Supervisor(plan, listeners).run()


def arguments() -> argparse.Namespace:
    """Return where to listen."""
    parser = argparse.ArgumentParser(prog="python -m torii_settings.web", description="Run the web server.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--port", default=8000, type=port, help="the port to listen on (8000)")
    return parser.parse_args()


def port(text: str) -> int:
    """Return the number of a port. Raises ArgumentTypeError: the system would take the rest of a larger number."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {LAST_PORT}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
