"""What has to be in the environment, and what is said when it isn't."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.test_environment import PRODUCTION
from torii_settings.environment import readme
from torii_settings.environment.reading import Refused
from torii_settings.environment.table import Environment

ROOT = Path(__file__).resolve().parents[2]


def manage(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run manage.py with nothing but `environment`."""
    return python("manage.py", *arguments, **environment)


def python(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with nothing but `environment`."""
    return subprocess.run(
        [sys.executable, *arguments],
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


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "migrate"],
        ["manage.py", "createsuperuser"],
        ["-m", "celery", "-A", "torii_settings", "worker"],
        ["-m", "celery", "-A", "torii_settings", "beat"],
        ["-m", "granian", "--interface", "wsgi", "--workers", "1", "--port", "0", "torii_settings.wsgi:application"],
        ["-m", "torii_settings.serve"],
    ],
    ids=" ".join,
)
def test_every_process_ends_with_a_sentence_for_each_fault(command: list[str]):
    wrong = {"SECRET_KEY": "hunter2", "KEY_RATE_LIMIT": "abc", "ALLOWED_HOSTS": "settings.example,*"}
    result = python(*command, **PRODUCTION | wrong)
    said = [line for line in result.stderr.splitlines() if line.split()[0].isupper()]
    assert [line.split()[0] for line in said] == ["SECRET_KEY", "ALLOWED_HOSTS", "KEY_RATE_LIMIT"]
    assert said[0].startswith("SECRET_KEY holds a secret of 7 characters, which is too short; it must be ")
    assert said[1].startswith("ALLOWED_HOSTS holds 'settings.example,*', of which '*' stands for any host; it must be ")
    assert said[2] == "KEY_RATE_LIMIT holds 'abc'; it must be a whole number from 0 to 2147483647."
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "hunter2" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("together", "sentence"),
    [
        (
            {"SCIM_PAGE_SIZE": "100", "SCIM_PAGE_SIZE_MAX": "50"},
            "SCIM_PAGE_SIZE holds 100; it must be at most SCIM_PAGE_SIZE_MAX, 50.",
        ),
        ({"API_KEY_PEPPERS": PRODUCTION["SECRET_KEY"]}, "SECRET_KEY holds one of API_KEY_PEPPERS; it must be another"),
        (
            {"BASE_URL": "https://other.example"},
            "ALLOWED_HOSTS holds 'settings.example,127.0.0.1'; it must have the host of BASE_URL among them",
        ),
        ({"DEMO": "1"}, "DEMO is on, in which anybody signs in as anybody; BASE_URL and ALLOWED_HOSTS must"),
    ],
    ids=["page", "secrets", "host", "demo"],
)
def test_values_that_do_not_go_together_are_refused(together: dict[str, str], sentence: str):
    with pytest.raises(Refused) as refused:
        Environment(PRODUCTION | together, ROOT)
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


def test_an_empty_value_is_none():
    empty = {variable.name: " \n" for variable in Environment.variables() if variable.name not in PRODUCTION}
    assert Environment(PRODUCTION | empty, ROOT).values == Environment(PRODUCTION, ROOT).values
    with pytest.raises(Refused, match="SECRET_KEY is not set"):
        Environment(PRODUCTION | {"SECRET_KEY": " "}, ROOT)


def test_the_demo_needs_nothing(tmp_path: Path):
    demo = Environment({"DEMO": "on"}, tmp_path)
    again = Environment({"DEMO": "1"}, tmp_path)
    assert (demo.SECRET_KEY, demo.API_KEY_PEPPERS) == (again.SECRET_KEY, again.API_KEY_PEPPERS)
    assert {"ENGINE": "sqlite3", "NAME": str(tmp_path / "demo.sqlite3")} == demo.DATABASE_URL


def test_a_name_that_looks_like_a_slip_is_told_of():
    typos = {"KEY_RATELIMIT": "5", "ALLOWED_HOST": "x", "DATABASE_URLS": "x", "HOME": "x", "SECRETS_DIR": "x"}
    assert Environment(PRODUCTION | typos, ROOT).misspelled() == [
        "KEY_RATELIMIT is not read by anything here; is KEY_RATE_LIMIT meant?",
        "ALLOWED_HOST is not read by anything here; is ALLOWED_HOSTS meant?",
        "DATABASE_URLS is not read by anything here; is DATABASE_URL meant?",
    ]


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


@pytest.mark.parametrize(
    ("url", "for_celery"),
    [
        ("redis://u:p@h:1/2", "redis://u:p@h:1/2"),
        # kombu checks no certificate unless it is told to.
        ("rediss://h", "rediss://h:6379/0?ssl_cert_reqs=required"),
        ("rediss://h?ssl_cert_reqs=none", "rediss://h:6379/0?ssl_cert_reqs=none"),
        ("unix:///run/redis.sock?db=3", "redis+socket:///run/redis.sock?virtual_host=3"),
    ],
)
def test_celery_is_told_of_the_same_redis_in_its_own_spelling(url: str, for_celery: str):
    address = Environment(PRODUCTION | {"REDIS_URL": url}, ROOT).REDIS_URL
    assert address is not None
    assert address.broker_url == for_celery
