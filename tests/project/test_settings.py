"""What has to be in the environment, and what is said when it isn't."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PRODUCTION = {
    "SECRET_KEY": "production-secret-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "API_KEY_PEPPERS": "pepper",
    "DATABASE_URL": "postgres://u:p@127.0.0.1/none",
    "ALLOWED_HOSTS": "settings.example",
    "BASE_URL": "https://settings.example",
    "EMAIL_URL": "smtp://127.0.0.1:25",
    "DEFAULT_FROM_EMAIL": "settings@settings.example",
}


def manage(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run manage.py with nothing but `environment`."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_deployment_is_clean():
    result = manage("check", "--deploy", "--fail-level", "INFO", **PRODUCTION)
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


@pytest.mark.parametrize("name", PRODUCTION)
def test_a_missing_setting_is_named_in_a_sentence(name: str):
    result = manage("check", **{key: value for key, value in PRODUCTION.items() if key != name})
    assert result.returncode != 0
    assert f"Not set in the environment: {name}." in result.stderr


def test_all_that_is_missing_is_named_at_once():
    result = manage("check")
    assert all(name in result.stderr for name in PRODUCTION)
