"""Web workers that are killed, and a database that restarts, while people are created: no acknowledged one is lost."""

import os
import signal
import threading
from pathlib import Path

import httpx2
import pytest
from django.conf import settings

from tests.conftest import new_key
from tests.identity_provider import USER
from tests.processes.hosts import identity_provider
from tests.processes.rig import company, rig_in
from tests.server import serving

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis"),
    pytest.mark.django_db(transaction=True),
]

KILLS = 4


class Writer(threading.Thread):
    """Creates people one after the other, and doesn't mind that some requests fail."""

    def __init__(self, name: str, address: str, key: str, done: threading.Event) -> None:
        super().__init__(name=name)
        self.client = identity_provider(address, key)
        self.done = done
        self.tried = 0
        self.created: list[str] = []

    def run(self) -> None:
        with self.client:
            while not self.done.is_set():
                self.tried += 1
                self.create(f"{self.name}-{self.tried}@acme.example")

    def create(self, user_name: str) -> None:
        try:
            answer = self.client.post("/Users", json={"schemas": [USER], "userName": user_name})
        except httpx2.TransportError:
            self.done.wait(0.05)
            return
        if answer.status_code == 201:
            self.created.append(answer.json()["id"])


def test_killed_workers_and_a_restarted_database_lose_nothing_and_the_service_answers_again(tmp_path: Path):
    with rig_in(tmp_path) as rig:
        acme = company()
        key = new_key(acme).text
        environment = {"DATABASE_URL": rig.postgres.url, "REDIS_URL": rig.redis.url, "WEB_WORKERS": "2"}
        with serving(0, **environment, KEY_RATE_LIMIT="0") as server:
            done = threading.Event()
            writers = [Writer(f"writer-{number}", server.address, key, done) for number in range(3)]
            for writer in writers:
                writer.start()
            try:
                for number in range(KILLS):
                    server.wait_until(lambda: len(server.workers()) == 2)
                    os.kill(max(server.workers()), signal.SIGKILL)
                    done.wait(1)
                    if number == 1:
                        rig.restart_postgres()
                acknowledged = sum(len(writer.created) for writer in writers)
                server.wait_until(lambda: sum(len(writer.created) for writer in writers) > acknowledged + 20)
            finally:
                done.set()
                for writer in writers:
                    writer.join()
            assert server.log().count("was killed by signal 9") == KILLS
        created = {member_id for writer in writers for member_id in writer.created}
        assert {str(pk) for pk in acme.members.values_list("pk", flat=True)} >= created
