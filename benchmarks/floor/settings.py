# ruff: noqa: F403
"""The service's own settings, its database with them, and none of its middleware."""

import environ

from torii_settings.settings import *

INSTALLED_APPS = [
    "members",
    "apikeys",
    "audit",
    "outbox",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]
MIDDLEWARE = []
ROOT_URLCONF = "benchmarks.floor.urls"

# As the peer next to it: Django's own backend as it comes, but with connections that are kept.
DATABASES = {"default": environ.Env().db("DATABASE_URL") | {"CONN_MAX_AGE": 600}}
