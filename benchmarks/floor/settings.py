# ruff: noqa: F403
"""The service's own settings, its database with them, and none of its middleware."""

from torii_settings.settings import *

INSTALLED_APPS = ["members", "apikeys", "audit", "django.contrib.auth", "django.contrib.contenttypes"]
MIDDLEWARE = []
ROOT_URLCONF = "benchmarks.floor.urls"
