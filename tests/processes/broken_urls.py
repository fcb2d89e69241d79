"""Settings with which no web worker can start."""

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.processes.there_is_no_such_module"
