# ruff: noqa: F403, F405
"""Production's settings, but that static files are served from where they are edited."""

from torii_settings.settings import *

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
