"""What ships, as it ships: README's "In production", walked word by word on a machine that has nothing else.

The commands and the variables come from README; only the placeholders are filled in. The environment holds what
requirements.txt names, so a package that the tests alone need is missing here as it is missing there.
"""

import os
import secrets
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis
from django.conf import settings
from django.db import connection

from tests.databases import connection_to, new_database
from tests.deployment.checkout import bare_environment, copy_what_ships, production_venv, run
from tests.deployment.readme import Instructions, in_production
from tests.deployment.terminal import run_in_a_terminal
from tests.identity_provider import USER
from tests.reminders.mailbox import Mailbox, mail_server
from tests.server import database_url
from tests.services import free_port, redis_server

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis"),
    pytest.mark.django_db(transaction=True),
]

DEADLINE = 60.0
# The reverse proxy that README asks for speaks TLS with the client, and says so.
PROXY = {"Host": "settings.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}

IMPORT_EVERYTHING = """
import importlib, pathlib, sys, django
django.setup()
for path in sorted(pathlib.Path().rglob("*.py")):
    if path.name not in ("manage.py", "__main__.py") and "var" not in path.parts:
        importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
        print(path)
"""


@dataclass
class Production:
    """A checkout, what is set in its environment, and the processes that run in it."""

    checkout: Path
    environment: dict[str, str]
    instructions: Instructions
    mailbox: Mailbox
    address: str = ""
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def run(self, command: str) -> str:
        """Run a command to its end and return what it has printed."""
        return run(command, self.checkout, self.environment).stdout

    def command(self, name: str) -> str:
        """Return README's command of `manage.py` called `name`."""
        return next(step for step in self.instructions.steps if step.startswith(f"python manage.py {name}"))

    @contextmanager
    def running(self, command: str, *options: str) -> Iterator[None]:
        """Keep a process of the service going for the length of the block; it ends by itself when it is told to."""
        log = self.log(command)
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*shlex.split(command), *options],
                cwd=self.checkout,
                env=self.environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self.processes[command] = process
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(DEADLINE)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def log(self, command: str) -> Path:
        return self.checkout / f"{self.instructions.processes.index(command)}.log"

    def wait_until(self, is_true: Callable[[], bool]) -> None:
        """Return once it is true; fail, with what the processes have said, if one has ended or it takes too long."""
        deadline = time.monotonic() + DEADLINE
        while not is_true():
            ended = [command for command, process in self.processes.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                logs = [f"--- {command}\n{self.log(command).read_text()[-3000:]}" for command in self.processes]
                pytest.fail("\n".join([f"ended: {ended}" if ended else "too slow", *logs]))
            time.sleep(0.05)

    def get(self, path: str) -> httpx2.Response | None:
        """Make a request through the reverse proxy; nothing if nobody answers."""
        try:
            return httpx2.get(f"{self.address}{path}", headers=PROXY, timeout=10)
        except httpx2.TransportError:
            return None

    def is_ready(self) -> bool:
        answer = self.get("/readyz")
        return answer is not None and answer.status_code == 200


class Visitor:
    """A browser at a host, behind the reverse proxy, which is where TLS ends: cookies are for https alone."""

    def __init__(self, address: str, host: str) -> None:
        self.address, self.host = address, host
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> httpx2.Response:
        return self.send("GET", path)

    def post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        """Send the form of the page `path`."""
        token = self.get(path).text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        return self.send("POST", path, form | {"csrfmiddlewaretoken": token})

    def send(self, method: str, path: str, form: dict[str, str] | None = None) -> httpx2.Response:
        headers = PROXY | {
            "Host": self.host,
            "Referer": f"https://{self.host}/",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        answer = httpx2.request(method, f"{self.address}{path}", headers=headers, data=form, timeout=10)
        for line in answer.headers.get_list("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer


@pytest.fixture(scope="module")
def production(tmp_path_factory: Any, django_db_setup: Any, django_db_blocker: Any) -> Iterator[Production]:
    """The service, installed and started as README says."""
    instructions = in_production()
    checkout = tmp_path_factory.mktemp("production")
    copy_what_ships(checkout)
    venv = production_venv(checkout, instructions.steps[0])
    port = free_port()
    with django_db_blocker.unblock(), new_database("template1") as name:
        url = database_url(connection_to(name))
        connection.close()
        with redis_server() as redis_url, mail_server() as mailbox:
            filled_in = instructions.environment(
                {
                    "SECRET_KEY": secrets.token_urlsafe(48),
                    "API_KEY_PEPPERS": secrets.token_urlsafe(48),
                    "DATABASE_URL": url,
                    "REDIS_URL": redis_url,
                    "EMAIL_URL": f"smtp://{mailbox.host}:{mailbox.port}",
                    "TRUSTED_PROXIES": "127.0.0.1",
                }
            )
            # A clock that strikes every quarter of an hour is not to be waited for.
            environment = bare_environment(venv) | filled_in | {"REMINDER_INTERVAL": "1s"}
            service = Production(checkout, environment, instructions, mailbox, f"http://127.0.0.1:{port}")
            with ExitStack() as started:
                service.run(service.command("migrate"))
                service.run(service.command("collectstatic"))
                for command in instructions.processes:
                    # README's web server takes its own port, which somebody else may have here.
                    options = [] if command.startswith("celery") else [f"--port={port}"]
                    started.enter_context(service.running(command, *options))
                service.wait_until(service.is_ready)
                yield service


def test_a_first_customer_generates_a_key_and_provisions_with_it(production: Production):
    organization = production.run(production.command("create_organization")).strip()
    production.run(f"python manage.py set_scim {organization} on")
    made = production.run(f"python manage.py create_api_key {organization} --type scim --description Okta").strip()
    production.wait_until(lambda: len(production.mailbox.mails) > 0)
    mail = production.mailbox.mails[0]
    assert (mail["To"], mail["From"]) == ("ana@example.com", production.environment["DEFAULT_FROM_EMAIL"])
    assert made.startswith("torii_scim_")
    assert made not in mail.as_string()

    headers = PROXY | {"Authorization": f"Bearer {made}", "Content-Type": "application/scim+json"}
    with httpx2.Client(base_url=f"{production.address}/scim/v2", headers=headers, timeout=30) as okta:
        user = okta.post("/Users", json={"schemas": [USER], "userName": "bob@example.com"})
        assert user.status_code == 201, user.text
        read = okta.get(f"/Users/{user.json()['id']}")
        assert (read.status_code, read.json()["userName"]) == (200, "bob@example.com")
        assert read.json()["meta"]["location"].startswith("https://settings.example.com/scim/v2/Users/")


def test_pages_and_their_files_are_served(production: Production):
    page = production.get("/accounts/login/")
    assert page is not None
    assert page.status_code == 200
    sheet = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    served = production.get(sheet)
    assert served is not None
    assert (served.status_code, served.headers["Content-Type"]) == (200, 'text/css; charset="utf-8"')


def test_the_first_member_of_staff_is_asked_for_an_address_and_a_password(production: Production):
    password = secrets.token_urlsafe(16)
    said = run_in_a_terminal(
        production.command("createsuperuser"),
        ["staff@example.com", password, password],
        cwd=production.checkout,
        environment=production.environment,
    )
    assert "Superuser created successfully." in said
    assert Visitor(production.address, PROXY["Host"]).get("/admin/").status_code == 404
    browser = Visitor(production.address, production.environment["ADMIN_HOST"])
    form = {"login": "staff@example.com", "password": password}
    assert browser.post("/accounts/login/", form).status_code == 302
    answer = browser.get("/admin/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/second-factor/setup/")
    page = browser.get("/accounts/second-factor/setup/")
    assert page.status_code == 200
    assert 'src="data:image/svg+xml;base64,' in page.text


def test_every_process_goes_on_and_has_nothing_to_complain_of(production: Production):
    assert len(production.processes) == 3
    for command, process in production.processes.items():
        assert process.poll() is None, command
        assert "Traceback" not in production.log(command).read_text()


def test_the_clock_strikes_and_the_worker_hears_it(production: Production):
    with redis.Redis.from_url(production.environment["REDIS_URL"]) as broker:

        def sent() -> int:
            return int(broker.info("commandstats").get("cmdstat_lpush", {}).get("calls", 0))

        # Nobody but the clock sends anything now.
        before = sent()
        production.wait_until(lambda: sent() > before)
        production.wait_until(lambda: not broker.llen("celery"))


def test_every_module_of_ours_can_be_imported(production: Production):
    environment = production.environment | {"DJANGO_SETTINGS_MODULE": "torii_settings.settings"}
    imported = run(f"python -c {shlex.quote(IMPORT_EVERYTHING)}", production.checkout, environment).stdout.split()
    assert {"members/models/member.py", "scim/views/users.py", "torii_settings/serve.py"} <= set(imported)


def test_nothing_is_installed_that_the_lock_does_not_name_and_nothing_is_missing(production: Production):
    assert "No broken requirements found." in production.run("pip check")
    lock = (production.checkout / "requirements.txt").read_text().lower()
    installed = production.run("pip freeze").replace("_", "-").split()
    assert len(installed) > 40
    assert [package for package in installed if f"{package.lower()} " not in lock] == []


def test_djangos_deployment_checks_find_nothing(production: Production):
    assert "no issues" in production.run("python manage.py check --deploy --fail-level INFO")
