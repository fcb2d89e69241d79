# ruff: noqa: F403, F405
"""The settings of a worker that a test starts.

Without Redis it has a queue in a folder of its own, QUEUE_DIR. HEARTBEATS names the folder in which it says that it
lives, apart from the workers of other tests. The file that CLOCK names, if it does, holds the seconds
by which this process's clock is ahead: it is read at every look at the clock, so that it can leap while we run.
"""

import datetime as dt
import os
from pathlib import Path

from django.utils import timezone

from tests.settings import *

if not REDIS_URL:
    QUEUE_DIR = Path(os.environ["QUEUE_DIR"])
    CELERY_BROKER_URL = "filesystem://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(QUEUE_DIR),
        "data_folder_out": str(QUEUE_DIR),
        "control_folder": str(QUEUE_DIR),
        "polling_interval": 0.1,
    }

if "HEARTBEATS" in os.environ:
    HEARTBEATS = Path(os.environ["HEARTBEATS"])

if "CLOCK" in os.environ:
    CLOCK = Path(os.environ["CLOCK"])
    right_now = timezone.now

    def now_by_this_clock() -> dt.datetime:
        """Return what this process takes for now."""
        return right_now() + dt.timedelta(seconds=float(CLOCK.read_text() or 0))

    timezone.now = now_by_this_clock
