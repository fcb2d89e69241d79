"""The pepper is changed in a rolling restart, as docs/keys.md has it: no key is refused on the way.

Every state that a host is in on the way is a web server of its own. At each moment two neighbouring states run side by
side, and every key calls both.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from apikeys.models import ApiKey
from members.models import Organization
from tests.conftest import SETUP, new_key
from tests.processes.hosts import identity_provider
from tests.server import ROOT, database_url, web_server

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis"),
    pytest.mark.django_db(transaction=True),
]

[OLD] = settings.API_KEY_PEPPERS
NEW = "the pepper that comes after it and is long enough for production"
BEFORE, BOTH, MOVING, AFTER = [
    {"API_KEY_PEPPERS": peppers, "API_KEY_PEPPER_MOVE": move}
    for peppers, move in [(OLD, "off"), (f"{NEW},{OLD}", "off"), (f"{NEW}, {OLD}", "on"), (NEW, "off")]
]
LACKING = "API_KEY_PEPPERS lacks a pepper; 1 key that works needs one that was taken off the list"


@pytest.fixture(scope="module")
def hosts(django_db_setup: Any) -> Iterator[list[str]]:
    """The addresses of a host in each state but the last, in which no host starts while a key needs the old pepper."""
    with ExitStack() as servers:
        yield [servers.enter_context(web_server(**state)) for state in (BEFORE, BOTH, MOVING)]


def make_key(acme: Organization, state: dict[str, str], settings: Any) -> str:
    """Generate a key as a host in this state does."""
    settings.API_KEY_PEPPERS = [pepper.strip() for pepper in state["API_KEY_PEPPERS"].split(",")]
    settings.API_KEY_PEPPER_MOVE = state["API_KEY_PEPPER_MOVE"] == "on"
    return new_key(acme).text


def status(host: str, key: str) -> int:
    with identity_provider(host, key) as client:
        return client.get("/Users?count=1").status_code


def test_no_key_is_refused_at_any_step(hosts: list[str], acme: Organization, settings: Any, capsys):
    keys = [make_key(acme, BEFORE, settings)]
    unused = ApiKey.objects.get(key_id=make_key(acme, BEFORE, settings).split("_")[2])
    for (one, other), states in zip(pairwise(hosts), pairwise([BEFORE, BOTH, MOVING]), strict=True):
        keys += [make_key(acme, state, settings) for state in states]
        assert [status(host, key) for host in (one, other, one, other) for key in keys] == [200] * 4 * len(keys)

    settings.API_KEY_PEPPERS = [NEW, OLD]
    call_command("check_peppers")
    assert capsys.readouterr().out == f"Pepper 1: {len(keys)} keys\nPepper 2: 1 keys\n"
    with pytest.raises(RuntimeError, match=LACKING), web_server(**AFTER):
        pass

    unused.delete_key(by=SETUP)
    with web_server(**AFTER) as last:
        keys.append(make_key(acme, AFTER, settings))
        assert [status(host, key) for host in (hosts[-1], last) for key in keys] == [200] * 2 * len(keys)


def worker(**environment: str) -> "subprocess.CompletedProcess[str]":
    """Start a worker that is told to end when it is ready."""
    code = "import os, signal; from celery.signals import worker_ready; from torii_settings.celery import app\n"
    code += "worker_ready.connect(lambda sender, **kwargs: os.kill(os.getpid(), signal.SIGTERM), weak=False)\n"
    code += "app.worker_main(['worker', '-P', 'solo', '--without-gossip', '--without-mingle'])\n"
    own = {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database_url()}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | own | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_worker_refuses_to_start_without_a_pepper_that_keys_need(acme: Organization):
    new_key(acme)
    done = worker(**AFTER)
    assert done.returncode == 1
    assert LACKING in done.stderr
    assert "Traceback" not in done.stderr
    assert worker(**BOTH).returncode == 0


def test_a_key_that_has_expired_or_is_deleted_or_whose_pepper_is_not_known_needs_none(acme: Organization, settings):
    new_key(acme).api_key.delete_key(by=SETUP)
    new_key(acme)
    ApiKey.objects.existing().update(pepper=None)
    settings.API_KEY_PEPPERS = [NEW]
    call_command("check_peppers")
    ApiKey.objects.existing().update(pepper="0" * 16)
    with pytest.raises(CommandError, match="1 keys need a pepper that isn't listed"):
        call_command("check_peppers")


def test_a_host_starts_without_its_database_and_says_that_it_did_not_ask():
    with web_server(DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing") as host:
        assert httpx2.get(f"{host}/healthz").status_code == 200
