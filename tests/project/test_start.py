"""How a process starts: workers, the clock and most commands have no use for what answers requests."""

import os
import subprocess
import sys

START = "import sys, django; django.setup(); print(*sys.modules)"


def test_what_answers_requests_is_not_loaded_until_somebody_asks_for_the_urls() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    start = subprocess.run([sys.executable, "-c", START], env=environment, capture_output=True, text=True, check=True)
    # Making scim2-models' classes takes longer than all the rest.
    assert set(start.stdout.split()).isdisjoint({"scim2_models", "api.openapi", "torii_settings.urls"})
