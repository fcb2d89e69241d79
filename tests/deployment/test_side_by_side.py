"""Old and new code side by side: while hosts are replaced one after the other, both serve on today's schema.

The old code makes the database and fills it, serves while today's code migrates, and goes on serving beside today's.
Nobody gets a 5xx or anything else that wasn't expected, and whatever one has written the other reads.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.db import connection

from tests.databases import connection_to, new_database
from tests.deployment.release import unpack_previous_release
from tests.deployment.traffic import traffic
from tests.processes.hosts import submit
from tests.processes.walk import Walker, assert_ok
from tests.server import ROOT, database_url, web_server
from tests.services import redis_server

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis"),
    pytest.mark.django_db(transaction=True),
]

ADMIN = "ana@acme.example"
PASSWORD = "correct horse battery staple"  # of nobody
CLIENTS = 2
ROUNDS = 2


@dataclass
class Deployment:
    """What both releases share: the database, Redis, secrets; and an organization with its keys."""

    old: Path
    environment: dict[str, str]
    scim_key: str = ""
    api_key: str = ""
    written: dict[str, str] = field(default_factory=dict)

    def manage(self, root: Path, *arguments: str, stdin: str = "") -> str:
        """Run a command of the release in `root` and return what it has printed."""
        command = [sys.executable, "manage.py", *arguments]
        environment = os.environ | self.environment | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
        done = subprocess.run(
            command, cwd=root, env=environment, input=stdin, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def fill(self) -> None:
        """Make an organization with an Admin, keys and members, as the old release does."""
        organization = self.manage(
            *(self.old, "create_organization", "Acme", "--domain", "acme.example", "--admin-email", ADMIN),
            "--admin-password-stdin",
            stdin=f"{PASSWORD}\n",
        )
        self.manage(self.old, "set_scim", organization, "on")
        generate = ("create_api_key", organization, "--description", "side by side", "--type")
        self.scim_key = self.manage(self.old, *generate, "scim")
        self.api_key = self.manage(self.old, *generate, "api-write")

    def walker(self, address: str) -> Walker:
        """Return clients at a server, one of them a browser in which the Admin is signed in."""
        web = httpx2.Client(base_url=address, timeout=30)
        assert submit(web, "/accounts/login/", login=ADMIN, password=PASSWORD).status_code == 302
        assert_ok(web.get("/settings/members", follow_redirects=True))
        return Walker.at(address, scim_key=self.scim_key, api_key=self.api_key, web=web)

    def walk(self, walker: Walker, name: str) -> Callable[[], None]:
        """Return what a client does over and over, each time under another name."""
        numbers = iter(range(1_000_000))

        def go_round() -> None:
            turn = f"{name}t{next(numbers)}"
            self.written[turn] = walker.go_round(turn)

        return go_round


@pytest.fixture
def deployment(tmp_path: Path, transactional_db: None) -> Iterator[Deployment]:
    """A database as the old release has made it."""
    unpack_previous_release(tmp_path)
    with new_database("template1") as name, redis_server() as redis_url:
        environment = {
            "DATABASE_URL": database_url(connection_to(name)),
            "REDIS_URL": redis_url,
            "KEY_RATE_LIMIT": "0",
            "EMAIL_URL": "memorymail://",
            # Of two servers with addresses of their own; the organization's is the proxy's before them.
            "BASE_URL": "http://localhost:8000",
        }
        deployment = Deployment(tmp_path, environment)
        deployment.manage(tmp_path, "migrate")
        deployment.fill()
        connection.close()
        yield deployment


def test_the_release_before_serves_while_todays_migrates_and_beside_it(deployment: Deployment):
    with ExitStack() as running:
        old = running.enter_context(web_server(deployment.old, **deployment.environment))
        old_walkers = [running.enter_context(closing(deployment.walker(old))) for _ in range(CLIENTS)]
        old_walks = [deployment.walk(walker, f"old{number}") for number, walker in enumerate(old_walkers)]
        with traffic(*old_walks) as flow:
            flow.flows(ROUNDS)
            deployment.manage(ROOT, "migrate")
            flow.flows(ROUNDS)
        today = running.enter_context(web_server(**deployment.environment))
        new_walkers = [running.enter_context(closing(deployment.walker(today))) for _ in range(CLIENTS)]
        new_walks = [deployment.walk(walker, f"new{number}") for number, walker in enumerate(new_walkers)]
        with traffic(*old_walks, *new_walks) as flow:
            flow.flows(4 * ROUNDS)
        for walker in (old_walkers[0], new_walkers[0]):
            everything_is_there(deployment, walker)
        for root in (deployment.old, ROOT):
            deployment.manage(root, "send_expiry_reminders")


def everything_is_there(deployment: Deployment, walker: Walker) -> None:
    """Look for every user that was written, through the server of `walker`."""
    assert {turn[:3] for turn in deployment.written} == {"old", "new"}
    for turn, user_id in deployment.written.items():
        for name in (turn, f"b0{turn}", f"b1{turn}"):
            assert len(walker.found(f"{name}@acme.example")) == 1, name
        user: Any = walker.sent(200, "GET", f"/Users/{user_id}")
        assert (user["title"], user["active"]) == ("Sir", True)
        assert [group["display"] for group in user["groups"]] == [turn]
