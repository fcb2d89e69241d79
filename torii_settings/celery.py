"""Celery: what is done off the request, and the clock that starts it.

`celery -A torii_settings worker` does the work, `celery -A torii_settings beat` keeps the time; the embedded
default runs both in one process with `worker -B -P solo`.
"""

import logging
import os

from celery import Celery, Task
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "torii_settings.settings")

app = Celery("torii_settings")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def start_soon(task: Task[..., None]) -> None:
    """Have a worker run `task`, which the clock starts anyway, without waiting for the clock.

    A broker that can't be reached must not fail the request that asks: what is to be done is in the database.
    """
    try:
        task.apply_async(retry=False)
    except OperationalError as error:
        logger.warning("%s waits for the clock: the broker can't be reached (%s)", task.name, type(error).__name__)
