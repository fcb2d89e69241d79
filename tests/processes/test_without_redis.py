"""Redis stopped, full, a replica or hanging: people sign in, SCIM answers, and limits hold within the process."""

import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core import mail

from members.models import Organization, User
from outbox.models import OutgoingMail
from outbox.tasks import deliver_mails
from tests.conftest import new_key
from tests.processes.rig import Rig, company, rig_in
from tests.server import web_server
from tests.visitor import Visitor

pytestmark = pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis")

PASSWORD = "correct horse battery"
ANA = "ana@acme.example"
# A call that finds Redis away waits a quarter of a second, and those after it don't wait at all.
SOON = 6.0


@pytest.fixture(scope="module")
def rig(django_db_blocker, tmp_path_factory) -> Iterator[Rig]:
    with django_db_blocker.unblock(), rig_in(tmp_path_factory.mktemp("rig")) as rig:
        yield rig


@pytest.fixture(scope="module")
def acme(rig) -> Organization:
    acme = company()
    User.objects.create_user(ANA, PASSWORD)
    return acme


@contextmanager
def stopped(rig: Rig) -> Iterator[None]:
    rig.redis.stop()
    try:
        yield
    finally:
        rig.redis.start()


@contextmanager
def hanging(rig: Rig) -> Iterator[None]:
    rig.redis.hang()
    try:
        yield
    finally:
        rig.redis.go_on()


@contextmanager
def full(rig: Rig) -> Iterator[None]:
    with redis.Redis.from_url(rig.redis.url) as server:
        server.config_set("maxmemory", "1")
        try:
            yield
        finally:
            server.config_set("maxmemory", "0")


@contextmanager
def a_replica(rig: Rig) -> Iterator[None]:
    with redis.Redis.from_url(rig.redis.url) as server:
        server.replicaof("127.0.0.1", "1")
        try:
            yield
        finally:
            server.replicaof("NO", "ONE")


def scim(server: str, key: str) -> tuple[int, float]:
    """Return status and seconds of a request over SCIM."""
    headers = {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{server}/scim/v2/Users?count=1", headers=headers)  # noqa: S310 - a server of ours
    start = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    return status, time.monotonic() - start


def code_for_ana() -> str:
    mail.outbox = []
    deliver_mails()
    # A sign-in from a new device is told of by another.
    (sent,) = [message for message in mail.outbox if "code" in message.subject]
    code = re.search(r"^    (\S+)$", str(sent.body), re.MULTILINE)
    assert code
    return code[1]


@pytest.mark.parametrize("away", [stopped, full, a_replica, hanging])
@pytest.mark.parametrize("starts_meanwhile", [False, True])
def test_people_sign_in_and_scim_answers_without_redis(rig, acme, away, starts_meanwhile):
    rig.flush_redis()
    OutgoingMail.objects.all().delete()
    key = new_key(acme).text
    options: dict[str, Any] = {"REDIS_URL": rig.redis.url, "PYTEST_XDIST_WORKER": "gw0", "KEY_RATE_LIMIT": "1"}
    options |= {"KEY_RATE_BURST": "5"}
    with ExitStack() as stack:
        if starts_meanwhile:
            stack.enter_context(away(rig))
        server = stack.enter_context(web_server(**options))
        if not starts_meanwhile:
            stack.enter_context(away(rig))
        visitor = Visitor(server)
        visitor.get("/accounts/login/")
        answer = visitor.post("/accounts/login/", login=ANA, password=PASSWORD)
        assert (answer.status, "/settings/" in answer.url) == (200, True)
        assert answer.seconds < SOON

        other = Visitor(server)
        other.get("/accounts/login/code/")
        answer = other.post("/accounts/login/code/", email=ANA)
        assert answer.status == 200
        assert answer.seconds < SOON
        answer = other.post("/accounts/login/code/confirm/", code=code_for_ana())
        assert (answer.status, "/settings/" in answer.url) == (200, True)

        # Five at once and one a second are let in; the rest is not, Redis or no Redis.
        statuses, seconds = zip(*[scim(server, key) for _ in range(30)], strict=True)
        assert set(statuses) == {200, 429}
        assert sum(seconds) < 30 * 0.25

        # Five wrong passwords in five minutes are allowed for one address, whichever thread answers.
        guesser = Visitor(server)
        guesser.get("/accounts/login/")
        guesses = [guesser.post("/accounts/login/", login="ada@acme.example", password="wrong") for _ in range(12)]
        assert all(guess.status in (200, 429) for guess in guesses)
        assert "Too many" in guesses[-1].text


def test_the_web_server_goes_back_to_redis_by_itself(rig, acme):
    rig.flush_redis()
    key = new_key(acme).text
    with (
        web_server(REDIS_URL=rig.redis.url, PYTEST_XDIST_WORKER="gw0") as server,
        redis.Redis.from_url(f"{rig.redis.url}/0") as client,
    ):
        with stopped(rig):
            assert scim(server, key)[0] == 200

        def is_counted() -> bool:
            scim(server, key)
            return bool(client.keys("limit:*"))

        rig.wait_until(is_counted)
