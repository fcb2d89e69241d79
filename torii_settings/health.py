"""`/healthz`: this process answers. `/readyz`: so do the database and the broker behind it."""

import logging
from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, JsonResponse

from torii_settings.celery import app

logger = logging.getLogger(__name__)

BROKER_TIMEOUT = 2


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200: the process is alive."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database and broker answer, 503 naming the part that doesn't."""
    parts = {"database": is_up(ask_database), "broker": is_up(ask_broker)}
    ready = all(parts.values())
    body = {name: "ok" if up else "unreachable" for name, up in parts.items()}
    return JsonResponse({"status": "ok" if ready else "unavailable", **body}, status=200 if ready else 503)


def is_up(ask: Callable[[], None]) -> bool:
    """Whether `ask` succeeds. Why it doesn't is for the log, not for the answer."""
    try:
        ask()
    except Exception:
        logger.exception("not ready: %s", ask.__name__)
        return False
    return True


def ask_database() -> None:
    """Run the smallest query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def ask_broker() -> None:
    """Open a connection to the broker."""
    with app.connection_for_write(connect_timeout=BROKER_TIMEOUT) as broker:
        broker.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT)
