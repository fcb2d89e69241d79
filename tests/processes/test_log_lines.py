"""What every process writes, with production's settings: a line of JSON an event, and nothing personal in it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.test import Client

from apikeys.models import Notice
from audit.models import Event
from members.models import Member, User
from tests.conftest import ACME, new_key, person
from tests.processes.hosts import browser
from tests.processes.rig import Rig, company, rig_in
from tests.processes.walk import Walker
from tests.server import ROOT, web_command
from tests.services import free_port

pytestmark = pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis")

DEADLINE = 60.0
CANARY = "canarybird"
ADDRESS = f"{CANARY}@acme.example"


class Processes:
    """Production's processes beside a rig's servers, and what they write."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig, self.folder = rig, folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")} | {
            "DJANGO_SETTINGS_MODULE": "tests.processes.production_settings",
            "SECRET_KEY": settings.SECRET_KEY,
            "API_KEY_PEPPERS": ",".join(settings.API_KEY_PEPPERS),
            "DATABASE_URL": rig.postgres.url,
            "REDIS_URL": f"{rig.redis.url}/0",
            "ALLOWED_HOSTS": "127.0.0.1",
            "BASE_URL": self.address,
            "EMAIL_URL": f"smtp://{rig.mailbox.host}:{rig.mailbox.port}",
            "DEFAULT_FROM_EMAIL": "settings@torii.example",
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start_web(self, **environment: str) -> None:
        self.start("web", *web_command(self.port)[1:], **environment)
        self.wait_until(self.serves)

    def serves(self) -> bool:
        try:
            return httpx2.get(f"{self.address}/healthz", timeout=1).status_code == 200
        except httpx2.TransportError:
            return False

    def start_celery(self, name: str, *arguments: str, **environment: str) -> None:
        """Start README's worker or beat."""
        self.start(name, "-m", "celery", "--quiet", "-A", "torii_settings", name, *arguments, **environment)

    def start(self, name: str, *command: str, **environment: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.environment | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def text(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return what a process has written, each line of which has to be JSON."""
        return [json.loads(line) for line in self.text(name).splitlines()]

    def wait_until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not true():
            assert time.monotonic() < deadline, {name: self.text(name)[-3000:] for name in self.running}
            time.sleep(0.1)

    def stop(self) -> None:
        for process in self.running.values():
            process.send_signal(SIGTERM)
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, SIGKILL)
            process.wait()


@contextmanager
def processes(rig: Rig, folder: Path) -> Iterator[Processes]:
    made = Processes(rig, folder)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def rig(tmp_path_factory: Any, django_db_setup: Any, django_db_blocker: Any) -> Iterator[Rig]:
    with django_db_blocker.unblock(), rig_in(tmp_path_factory.mktemp("rig")) as rig:
        yield rig


def test_every_process_writes_lines_of_json_with_nothing_personal(rig: Rig, tmp_path: Path):
    acme = company()
    canary = person(acme, ADDRESS, f"{CANARY.title()} Bird", "Admin")
    admin = Client()
    user = User.objects.create(email=ADDRESS)
    admin.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    # What the mail server says of an address must not be repeated.
    rig.mailbox.answers[ADDRESS, "RCPT"] = [f"550 5.1.1 <{ADDRESS}> {CANARY} is unknown here"] * 50

    with processes(rig, tmp_path) as production, ExitStack() as stack:
        production.start_celery("worker", "-c", "1")
        production.start_celery("beat", "-s", str(tmp_path / "schedule"), "--pidfile", "")
        production.start_web()
        keys = {"scim_key": new_key(acme).text, "api_key": new_key(acme, "api_write").text}
        walker = Walker.at(production.address, **keys, web=browser(production.address, admin))
        stack.callback(walker.close)
        walker.go_round(f"{CANARY}s")
        refuse(walker, canary)
        production.wait_until(lambda: Notice.objects.exclude(failed_at=None).exists())
        production.wait_until(lambda: production.text("beat") != "")

        for name in ("web", "worker", "beat"):
            lines = production.lines(name)
            assert lines
            for line in lines:
                assert line.keys() >= {"timestamp", "level", "event"}, line
            said = production.text(name)
            for personal in (CANARY, CANARY.title(), ADDRESS, *keys.values()):
                assert personal not in said, [line for line in lines if personal in str(line)]
            assert "Traceback" not in said
            assert not [line for line in lines if "exception" in line]

        access = [line for line in production.lines("web") if line.get("logger") == "access"]
        assert {line["door"] for line in access} == {"scim", "api", "web", "staff", "static", "health"}
        assert {line["status"] for line in access} >= {200, 201, 204, 302, 400, 401, 403, 404, 405, 413}
        faults = [line for line in access if line["status"] >= 500]
        assert not faults, json.dumps([faults, [line for line in production.lines("web") if line["level"] != "info"]])

        # From the request to the worker and back to the audit log.
        caused = walker.directory.post(
            "/Users", json={"userName": f"b{CANARY}@acme.example"}, headers={"X-Request-Id": "one-thing"}
        )
        assert caused.headers["X-Request-Id"] == "one-thing"
        assert Event.objects.filter(request_id="one-thing", action="member.created").exists()
        requests = {line["request_id"] for line in access}
        production.wait_until(lambda: any(line.get("request_id") in requests for line in production.lines("worker")))
    for name in ("web", "worker", "beat"):
        assert production.lines(name), "the end of a process is told in lines of JSON, too"
    assert "worker: Warm shutdown (MainProcess)" in [line["event"] for line in production.lines("worker")]


def refuse(walker: Walker, canary: Member) -> None:
    """Ask for what rules refuse, at every door, with values that must not be repeated."""
    address = walker.address
    with httpx2.Client(base_url=address, timeout=30) as stranger:
        stranger.get(f"/{ADDRESS}?q={ADDRESS}")
        stranger.get("/healthz")
        stranger.get("/static/settings.css")
        stranger.get(f"/admin/{ADDRESS}/")
        stranger.get(f"/scim/v2/Users/{ADDRESS}?filter={ADDRESS}")
        stranger.get(f"/v1.0/members/{ADDRESS}", headers={"Authorization": f"Bearer {CANARY}"})
        stranger.post("/accounts/login/", data={"login": ADDRESS, "password": CANARY})
        stranger.post("/accounts/login/code/", data={"email": ADDRESS}, headers={"Origin": f"http://{CANARY}.example"})
        stranger.get("/healthz", headers={"Host": f"{CANARY}.example"})
        stranger.get(
            f"/settings/members?search={ADDRESS}", headers={"Host": f"{CANARY}.example", "User-Agent": ADDRESS}
        )
        stranger.get("/healthz", headers={"X-Request-Id": ADDRESS})
    scim = walker.directory
    scim.post("/Users", content=f'{{"userName": "{ADDRESS}"')
    scim.post("/Users", json={"userName": ADDRESS})
    scim.post("/Users", json={"userName": f"x{ADDRESS}", "userType": CANARY})
    scim.post("/Users", content=b"x" * 2_000_000)
    scim.get(f"/Users?filter=userName eq {ADDRESS}")
    scim.delete("/Schemas")
    walker.script.get(f"{address}/v1.0/members?{CANARY}={ADDRESS}")
    walker.script.put(f"{address}/v1.0/members/{canary.pk}/role", json={"role": CANARY})
    walker.web.get(f"{ACME}/members?search={ADDRESS}")
    walker.web.post(f"{ACME}/members/{canary.pk}/deactivation", data={"x": ADDRESS})


def test_the_log_level_is_obeyed(rig: Rig, tmp_path: Path):
    with processes(rig, tmp_path) as production:
        quiet = {"LOG_LEVEL": "ERROR", "ACCESS_LOG": "off"}
        production.start_celery("worker", "-c", "1", **quiet)
        production.start_celery("beat", "-s", str(tmp_path / "schedule"), "--pidfile", "", LOG_LEVEL="DEBUG")
        production.start_web(**quiet)
        production.wait_until(lambda: any(line["level"] == "debug" for line in production.lines("beat")))
        assert httpx2.get(f"{production.address}/nothing").status_code == 404
        assert production.lines("web") == []
        assert [line for line in production.lines("worker") if line["level"] not in ("error", "critical")] == []


def test_a_fault_of_ours_is_one_line_with_its_story(tmp_path: Path):
    code = """
import django
django.setup()
import logging, threading, warnings
from members.models import Organization
threading.Thread(target=lambda: 1 / 0).start()
warnings.warn("old")
logging.getLogger("x").error("told canarybird@acme.example")
try:
    raise ValueError("canarybird@acme.example")
except ValueError as error:
    raise RuntimeError("several\\nlines") from error
"""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.processes.production_settings",
        "PYTHONPATH": str(ROOT),
    }
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=False)
    lines = [json.loads(line) for line in ran.stderr.decode().splitlines()]
    assert (ran.returncode, ran.stdout) == (1, b"")
    assert CANARY not in ran.stderr.decode()
    by_logger = {line["logger"]: line for line in lines}
    assert by_logger.keys() == {"torii_settings.logs", "py.warnings", "x"}
    assert "ZeroDivisionError" in lines[0]["exception"]
    assert by_logger["x"]["event"] == "told …@…"
    last = lines[-1]
    assert (last["level"], last["event"]) == ("critical", "uncaught")
    assert last["exception"].index("ValueError: …@…") < last["exception"].index("RuntimeError: several")
