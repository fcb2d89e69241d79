# ruff: noqa: E402, F403, F405
"""What the tests set, around settings.py: a value for all it requires, and speed where speed costs no truth."""

import os
from pathlib import Path
from urllib.parse import urlsplit

VAR = Path(__file__).resolve().parent.parent / "var"

os.environ.setdefault("SECRET_KEY", "a secret for tests only that is long enough for production")
os.environ.setdefault("API_KEY_PEPPERS", "a pepper for tests only that is long enough for production")
# The name that Django's test client calls, and those under which a real browser finds the live server.
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
os.environ.setdefault("BASE_URL", "http://localhost")
os.environ.setdefault("EMAIL_URL", "memorymail://")
os.environ.setdefault("DEFAULT_FROM_EMAIL", "settings@torii.example")
# A line for every request would bury what pytest has to say.
os.environ.setdefault("ACCESS_LOG", "off")
# The tests make a database of their own beside this one. Were this one :memory:, pytest-django's live server would have
# all its threads share one connection, and crash.
os.environ.setdefault("DATABASE_URL", f"sqlite:///{VAR / 'unused.sqlite3'}")

# Workers must not share counters and queues: worker gw1 works in Redis database 1.
if "REDIS_URL" in os.environ:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{worker}").geturl()

from torii_settings.settings import *

# A file, because an in-memory SQLite knows nothing of WAL and of waiting for a lock, which deployments rely on.
if DATABASES["default"]["ENGINE"] == "lib.sqlite":
    VAR.mkdir(exist_ok=True)
    DATABASES["default"]["TEST"] = {"NAME": str(VAR / "test.sqlite3")}

# The queue in var/ is the demo's, whose worker would carry out what a test has queued.
if not REDIS_URL:
    CELERY_BROKER_URL = "memory://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {}

# Warnings and uncaught exceptions are pytest's to report.
LOGGING_CONFIG = "logging.config.dictConfig"

# A slow hasher is worth its time against thieves; here it would only be waited for.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Files are served from where they are edited, so that a test needs no `collectstatic` before it and sees no old copy.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
