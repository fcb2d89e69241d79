"""`/readyz` and the probes tell the truth about real servers, whatever is done to them, and within two seconds."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from apikeys.models import Notice
from members.models import Organization
from tests.processes.rig import Rig, company, keys_due, rig_in
from tests.server import web_server

pytestmark = pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis")

# The promise is two seconds; the machine may be busy.
BOUND = 10.0
DEADLINE = 40.0

# In the same database of Redis as the workers.
LIKE_THE_RIG = {"PYTEST_XDIST_WORKER": "gw0"}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: Any, django_db_setup: Any, django_db_blocker: Any) -> Iterator[Rig]:
    with django_db_blocker.unblock(), rig_in(tmp_path_factory.mktemp("rig")) as rig:
        company()
        yield rig


@pytest.fixture(scope="module")
def service(rig: Rig) -> Iterator[httpx2.Client]:
    with (
        web_server(DATABASE_URL=rig.postgres.url, REDIS_URL=rig.redis.url, **LIKE_THE_RIG) as address,
        httpx2.Client(base_url=address, timeout=30) as client,
    ):
        yield client


@pytest.fixture
def well(service: httpx2.Client) -> httpx2.Client:
    """Return the service, well."""
    wait_for(service, 200, database="ok", broker="ok")
    return service


def ready(service: httpx2.Client) -> tuple[int, dict[str, Any]]:
    """Return what the service says of itself, which it does in time."""
    began = time.monotonic()
    response = service.get("/readyz")
    assert time.monotonic() - began < BOUND
    assert service.get("/healthz").status_code == 200
    return response.status_code, response.json()


def wait_for(service: httpx2.Client, status: int, **states: str) -> dict[str, Any]:
    """Wait until the service says so: what it says may be a second old."""
    deadline = time.monotonic() + DEADLINE
    while True:
        code, body = ready(service)
        if code == status and states.items() <= body.items():
            return body
        assert time.monotonic() < deadline, (code, body)
        time.sleep(0.2)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def sql(rig: Rig, *statements: str) -> None:
    connections["default"].close()
    with psycopg.connect(rig.postgres.url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for statement in statements:
            connection.execute(statement)


def test_a_database_that_takes_no_changes(rig: Rig, well: httpx2.Client):
    sql(rig, "ALTER DATABASE torii SET default_transaction_read_only = on")
    try:
        wait_for(well, 503, database="takes no changes", broker="ok")
    finally:
        sql(rig, "ALTER DATABASE torii RESET default_transaction_read_only")
    wait_for(well, 200, database="ok")


def test_a_database_that_is_not_migrated(rig: Rig):
    (_, newest) = MigrationLoader(None).graph.leaf_nodes("audit")[0]
    row = f"FROM django_migrations WHERE app = 'audit' AND name = '{newest}'"
    sql(rig, f"CREATE TABLE kept AS SELECT * {row}", f"DELETE {row}")
    try:
        with (
            web_server(DATABASE_URL=rig.postgres.url, REDIS_URL=rig.redis.url, **LIKE_THE_RIG) as address,
            httpx2.Client(base_url=address, timeout=30) as client,
        ):
            wait_for(client, 503, database="not migrated")
            sql(rig, "INSERT INTO django_migrations SELECT * FROM kept")
            wait_for(client, 200, database="ok")
    finally:
        sql(rig, "DROP TABLE kept")


def test_a_database_that_is_stopped_or_hangs(rig: Rig, well: httpx2.Client):
    connections["default"].close()
    process = rig.postgres.process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        wait_for(well, 503, database="does not answer")
    finally:
        os.kill(process.pid, signal.SIGCONT)
    wait_for(well, 200, database="ok")
    rig.postgres.stop()
    try:
        wait_for(well, 503, database="unreachable")
    finally:
        rig.postgres.start()
    wait_for(well, 200, database="ok")


def test_a_broker_that_is_full_a_replica_hangs_or_is_stopped(rig: Rig, well: httpx2.Client):
    with redis.Redis.from_url(rig.redis.url) as server:
        server.config_set("maxmemory", "1")
        wait_for(well, 503, broker="full", database="ok")
        server.config_set("maxmemory", "0")
        wait_for(well, 200, broker="ok")
        server.replicaof("127.0.0.1", "1")
        wait_for(well, 503, broker="takes no changes", database="ok")
        server.replicaof("NO", "ONE")
        wait_for(well, 200, broker="ok")
    process = rig.redis.process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        body = wait_for(well, 503, database="ok")
        assert body["broker"] in ("unreachable", "does not answer")
    finally:
        os.kill(process.pid, signal.SIGCONT)
    wait_for(well, 200, broker="ok")
    rig.redis.stop()
    try:
        wait_for(well, 503, broker="unreachable")
    finally:
        rig.redis.start()
    wait_for(well, 200, broker="ok")


def test_mail_that_is_overdue_is_a_warning(rig: Rig, well: httpx2.Client):
    acme = Organization.objects.get()
    (api_key,) = keys_due(acme)
    Notice.objects.add(api_key, Notice.Kind.MONTH, ["a@acme.example"], now=timezone.now() - dt.timedelta(hours=2))
    connections["default"].close()
    try:
        wait_until(lambda: "mail is overdue by an hour" in ready(well)[1].get("warnings", []))
        assert ready(well)[0] == 200
    finally:
        Notice.objects.all().delete()


def test_worker_and_beat_are_heard_of_while_they_run(rig: Rig, well: httpx2.Client):
    warnings = {"no worker was heard of lately", "no beat was heard of lately"}
    assert warnings <= set(ready(well)[1]["warnings"])
    rig.run("worker 1", "beat 1")
    wait_until(lambda: not warnings & set(ready(well)[1].get("warnings", [])))
    wait_until(lambda: (probe("worker", rig), probe("beat", rig)) == (0, 0))
    process = rig.processes["worker 1"]
    os.kill(process.pid, signal.SIGSTOP)
    long_ago = time.time() - 1000
    for name in ("worker", "beat"):
        os.utime(rig.heartbeats / name, (long_ago, long_ago))
    with redis.Redis.from_url(f"{rig.redis.url}/0") as server:
        server.delete("heard:worker")
    wait_until(lambda: probe("beat", rig) == 0)
    assert probe("worker", rig) == 1
    wait_until(lambda: "no worker was heard of lately" in ready(well)[1].get("warnings", []))
    assert ready(well)[0] == 200
    os.kill(process.pid, signal.SIGCONT)
    wait_until(lambda: probe("worker", rig) == 0)
    rig.kill("worker 1", "beat 1")


def test_a_thousand_probes_cost_a_few_looks(rig: Rig, well: httpx2.Client):
    with redis.Redis.from_url(rig.redis.url) as server:
        server.config_resetstat()
        began = time.monotonic()
        for _ in range(300):
            assert well.get("/readyz").status_code == 200
        looks = server.info("commandstats").get("cmdstat_set", {"calls": 0})["calls"]
    assert looks <= time.monotonic() - began + 2


def probe(name: str, rig: Rig) -> int:
    """Return what an orchestrator gets."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "lib.probe", name, str(rig.heartbeats)]
    return subprocess.run(command, cwd=root, env={}, check=False, capture_output=True).returncode
