"""`/healthz` and `/readyz`, as a load balancer asks them. tests/processes/test_readiness.py breaks real servers."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory

from lib import probe
from tests.application import Handler
from torii_settings.readiness import Broker, Database, Part, Report, overall


def part(name: str, *states: str) -> Part:
    """Return a part that says these states, one after the other."""
    said = iter(states)
    return Part(name, lambda: Report(next(said)))


def test_a_ready_service_says_so(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torii_settings.health.PARTS", [part("database", "ok"), part("broker", "ok")])
    assert client.get("/healthz").json() == {"status": "ok"}
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "database": "ok", "broker": "ok"})


def test_no_health_check_is_refused_however_many_come_at_once():
    handler, answers = Handler(), []
    environ = RequestFactory(HTTP_HOST="testserver").get("/healthz").environ
    with ThreadPoolExecutor(60) as probes:
        with handler.liveness.taken():
            asked = [
                probes.submit(handler, dict(environ), lambda status, headers: answers.append(status)) for _ in range(60)
            ]
            done, _ = wait(asked, timeout=0.5)
            assert not done
        assert all(each.result(30) == [b'{"status": "ok"}'] for each in asked)
    assert answers == ["200 OK"] * 60


def test_a_part_that_is_not_well_makes_the_service_not_ready_and_says_why(
    client: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("torii_settings.health.PARTS", [part("database", "full"), part("broker", "ok")])
    response = client.get("/readyz")
    assert client.get("/healthz").status_code == 200
    assert (response.status_code, response.json()) == (
        503,
        {"status": "unavailable", "database": "full", "broker": "ok"},
    )


def test_a_warning_leaves_the_service_ready(client: Client, monkeypatch: pytest.MonkeyPatch):
    late = Part("database", lambda: Report(warnings=["mail is overdue by an hour"]))
    monkeypatch.setattr("torii_settings.health.PARTS", [late])
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "database": "ok", "warnings": ["mail is overdue by an hour"]}


def test_a_part_that_hangs_is_waited_for_a_moment_and_asked_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torii_settings.readiness.PATIENCE", 0.2)
    let_go, asked = threading.Event(), []

    def hang() -> Report:
        asked.append(1)
        let_go.wait(30)
        return Report()

    hanging = Part("database", hang)
    began = time.monotonic()
    for _ in range(5):
        assert overall([hanging])[0] == {"status": "unavailable", "database": "does not answer"}
    assert time.monotonic() - began < 10
    assert asked == [1]
    let_go.set()
    assert hanging.report(time.monotonic() + 10).state == "ok"


def test_many_probes_cost_as_much_as_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torii_settings.readiness.FRESH", 3600.0)
    asked: list[int] = []

    def ask() -> Report:
        asked.append(1)
        return Report()

    counted = Part("database", ask)
    for _ in range(1000):
        assert overall([counted])[1]
    assert asked == [1]


def test_a_change_is_logged_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr("torii_settings.readiness.FRESH", 0.0)
    caplog.set_level("INFO")
    changing = part("database", "ok", "full", "full", "ok")
    for _ in range(4):
        overall([changing])
        changing._answered.wait(10)
    assert [record.getMessage() for record in caplog.records] == ["the database: full", "the database: ok"]


def test_a_part_that_fails_unexpectedly_is_not_well(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("threading.excepthook", lambda arguments: None)
    failing = Part("database", lambda: 1 // 0)  # type: ignore[arg-type,return-value]
    assert overall([failing])[0]["database"] == "can't be asked"


@pytest.mark.django_db(transaction=True)
def test_the_parts_of_a_service_that_is_well(client: Client):
    assert Database().ask().state == "ok"
    assert Broker().ask().state == "ok"


@pytest.mark.parametrize(("room", "state"), [(1, "ok"), (2**62, "full")])
def test_a_folder_in_place_of_a_broker_is_full_with_its_disk(
    room: int, state: str, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings.REDIS_URL = ""
    settings.CELERY_BROKER_URL = "filesystem://localhost"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_in": str(tmp_path)}
    monkeypatch.setattr("torii_settings.readiness.ROOM", room)
    assert Broker().ask().state == state


@pytest.mark.django_db(transaction=True)
def test_what_the_database_says_is_not_repeated(monkeypatch: pytest.MonkeyPatch):
    def down(*args: Any) -> None:
        raise OperationalError("password=secret host=inside")

    monkeypatch.setattr("torii_settings.readiness.transaction.atomic", down)
    assert Database().ask() == Report("unreachable")


def test_the_probe_tells_who_was_not_heard_of(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.setattr(probe, "FOLDER", tmp_path)
    assert probe.main(["worker"]) == 1
    assert capsys.readouterr().out == "No worker has run on this machine.\n"
    (tmp_path / "worker").touch()
    assert probe.main(["worker"]) == 0
    os.utime(tmp_path / "worker", (time.time() - 100, time.time() - 100))
    assert probe.main(["worker"]) == 1
    assert "100 seconds ago" in capsys.readouterr().out
    assert probe.main(["beat", "folder", "worker"]) == probe.main(["web"]) == 2
