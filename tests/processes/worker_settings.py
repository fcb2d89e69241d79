# ruff: noqa: F403, F405
"""The settings of a worker that a test starts: without Redis it has a queue in a folder of its own, QUEUE_DIR."""

import os
from pathlib import Path

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
