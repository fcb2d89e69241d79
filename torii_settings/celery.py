"""Celery: what is done off the request, and the clock that starts it.

`celery -A torii_settings worker` does the work, `celery -A torii_settings beat` keeps the time; the embedded
default runs both in one process with `worker -B -P solo`.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "torii_settings.settings")

app = Celery("torii_settings")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
