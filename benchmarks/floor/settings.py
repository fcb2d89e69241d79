# ruff: noqa: F403
"""The service's own settings, its database with them, and none of its middleware."""

import environ

from torii_settings.settings import *

INSTALLED_APPS = [
    "members",
    "apikeys",
    "audit",
    "outbox",
    # What the members' models and their signals import.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]
# allauth insists on it when it starts. The WSGI application then has none.
MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"]
ROOT_URLCONF = "benchmarks.floor.urls"

# As the peer next to it: Django's own backend as it comes, but with connections that are kept.
DATABASES = {"default": environ.Env().db("DATABASE_URL") | {"CONN_MAX_AGE": 600}}
