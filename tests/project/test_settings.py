"""What has to be in the environment, and what is said when it isn't."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.test_environment import PRODUCTION
from torii_settings.environment import readme

ROOT = Path(__file__).resolve().parents[2]


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
    assert result.returncode == 1
    assert re.fullmatch(rf"{name} is not set; it must be .*\.\n", result.stderr)


def test_all_that_is_missing_is_named_at_once():
    result = manage("check")
    assert [line.split()[0] for line in result.stderr.splitlines()] == list(PRODUCTION)


def test_readme_has_the_table_of_variables():
    """`make readme` writes it."""
    text = (ROOT / "README.md").read_text()
    assert readme.table() in text
    assert readme.with_table(text) == text


def test_settings_read_no_variable_past_the_table():
    """Nor does anything else that is shipped; manage.py and its like name the settings module themselves."""
    for app in ("api", "apikeys", "audit", "members", "scim", "torii_settings"):
        for path in (ROOT / app).rglob("*.py"):
            reads = re.findall(r"os\.environ\b(?!\.setdefault)|os\.getenv", path.read_text())
            assert path.name in ("settings.py", "serve.py") or reads == [], path
