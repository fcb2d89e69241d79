# ruff: noqa: F403, F405
"""The tests' settings, with an app whose migrations are still to come."""

from tests.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.deployment.later"]
