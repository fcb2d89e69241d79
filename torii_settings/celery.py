"""Celery: what is done off the request, and the clock that starts it.

`celery -A torii_settings worker` does the work, `celery -A torii_settings beat` keeps the time; the embedded
default runs both in one process with `worker -B -P solo`.
"""

import logging
import os
from typing import Any, cast

from celery import Celery, Task
from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun, worker_init
from django.conf import settings
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES

from lib import request_id
from lib.breaker import REDIS
from lib.broker.unreadable import SetsAside
from torii_settings import heartbeat

logger = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "torii_settings.settings")


TRANSPORT_ALIASES.update(
    redis="lib.broker.redis:Transport", rediss="lib.broker.redis:Transport", filesystem="lib.broker.folder:Transport"
)

app = Celery("torii_settings", task_cls="lib.tasks:UndisturbedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
heartbeat.connect()


@setup_logging.connect
def keep_our_lines(**kwargs: object) -> None:
    """Have worker and beat log as every process does; Celery sets nothing up where somebody has."""
    from torii_settings.logs import configure

    configure(settings.LOGGING)


@worker_init.connect
def say_in_lines(**kwargs: object) -> None:
    """Log what Celery prints, as text, when a signal ends or restarts the worker."""
    from celery.apps import worker

    worker.safe_say = lambda message, file=None: logger.info(message.strip())  # type: ignore[attr-defined]


@worker_init.connect
def look_around(**kwargs: object) -> None:
    """See, before a worker begins, that it can do its work."""
    from torii_settings import start

    start.look_around()


@before_task_publish.connect
def send_request_id(headers: dict[str, Any], **kwargs: object) -> None:
    """Send the id of what starts a task along with it; the clock has none, so each of its runs gets its own."""
    headers["request_id"] = request_id.known() or request_id.new()


@task_prerun.connect
def take_request_id(task: Task[..., Any], **kwargs: object) -> None:
    """Have the task go on under the id in its message, or, without one, that of what goes on here."""
    task.request.request_id_token = request_id.begin(task.request.get("request_id") or request_id.known())  # type: ignore[attr-defined]


@task_postrun.connect
def leave_request_id(task: Task[..., Any], **kwargs: object) -> None:
    """Go back to what was before the task."""
    request_id.end(task.request.request_id_token)  # type: ignore[attr-defined]


# How long a request may be held up by a broker that doesn't answer, at connecting and at each command.
BROKER_SECONDS = 0.3


def start_soon(task: Task[..., None], *arguments: str) -> None:
    """Have a worker run `task`, if the broker takes it.

    A broker that can't be reached or answers with an error must neither fail the request that asks, whose work is
    committed, nor hold it up. Celery's own connections wait for the broker to come back, so this takes one that
    doesn't.
    """
    if not REDIS.allows():
        logger.info("%s is not started: the broker was away a moment ago", task.name)
        return
    connection = impatient_connection()
    errors = (OperationalError, OSError, *connection.connection_errors, *connection.channel_errors)
    refusals = cast("tuple[type[Exception], ...]", errors)
    try:
        with connection:
            task.apply_async(arguments, retry=False, connection=connection)  # type: ignore[call-arg]
    except refusals as error:
        REDIS.trip(error)
        logger.warning("%s is not started: the broker can't be reached (%s)", task.name, type(error).__name__)
    else:
        REDIS.mend()


def messages_set_aside() -> int:
    """Return how many messages no worker could read. Raises what kombu raises if the broker can't be reached."""
    with impatient_connection() as connection:
        channel = connection.default_channel
        return channel.count_set_aside() if isinstance(channel, SetsAside) else 0


def impatient_connection() -> Connection:
    """Return a connection to the broker that gives up after BROKER_SECONDS."""
    options = app.conf.broker_transport_options | {
        "max_retries": 0,
        "socket_connect_timeout": BROKER_SECONDS,
        "socket_timeout": BROKER_SECONDS,
    }
    return app.connection_for_write(transport_options=options, connect_timeout=BROKER_SECONDS)
