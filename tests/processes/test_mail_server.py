"""Whatever the mail server does, no request waits for it, and what people wait for arrives once it is well again."""

import re
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.conf import settings

from members.models import Organization
from outbox.models import OutgoingMail
from tests.conftest import new_key, person
from tests.processes.mail_servers import cutting, dripping, hanging, refusing
from tests.processes.rig import Rig, company, rig_in
from tests.reminders.mailbox import parts
from tests.server import web_server
from tests.visitor import Answer, Visitor

pytestmark = pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis")

# A request takes milliseconds, on a busy machine some more. One that waited for the mail server would take 20 seconds.
AT_ONCE = 8.0
PEOPLE = [f"person{number}@acme.example" for number in range(8)]


@pytest.fixture(scope="module")
def rig(django_db_blocker, tmp_path_factory) -> Iterator[Rig]:
    with django_db_blocker.unblock(), rig_in(tmp_path_factory.mktemp("rig")) as rig:
        yield rig


@pytest.fixture(autouse=True)
def fresh(rig) -> None:
    """Start each test without mails and without a mail server, even if the test before it failed halfway."""
    rig.close_mail_server()
    if rig.redis.process is None:
        rig.redis.start()
    OutgoingMail.objects.all().delete()
    rig.mailbox.mails.clear()


@pytest.fixture(scope="module")
def acme(rig) -> Organization:
    acme = company()
    for address in PEOPLE:
        person(acme, address, "A Person", "Read Only")
    return acme


@contextmanager
def web_server_of(rig: Rig) -> Iterator[str]:
    """Run the web server beside the rig's Redis, with the rig's mail server."""
    email_url = f"smtp://{rig.mailbox.host}:{rig.mailbox.port}"
    with web_server(EMAIL_URL=email_url, REDIS_URL=rig.redis.url, PYTEST_XDIST_WORKER="gw0") as server:
        yield server


def asked(visitor: Visitor, path: str, email: str) -> Answer:
    visitor.get(path)
    return visitor.post(path, email=email)


def seconds(url: str, key: str = "") -> float:
    start = time.monotonic()
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - a server of ours
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310
    return time.monotonic() - start


def arrived(rig: Rig) -> Counter[str]:
    return Counter(mail["To"] for mail in rig.mailbox.mails)


@pytest.mark.parametrize("bad", [hanging, refusing, cutting, dripping])
def test_no_request_waits_for_the_mail_server_and_codes_arrive_when_it_is_back(rig, acme, bad):
    key = new_key(acme).text
    rig.flush_redis()
    with web_server_of(rig) as server:
        visitors = {email: Visitor(server) for email in PEOPLE}
        with bad(rig.mailbox.port):
            rig.run("worker 1", "beat 1")
            with ThreadPoolExecutor(len(PEOPLE) + 2) as pool:
                forms = [pool.submit(asked, visitors[email], "/accounts/login/code/", email) for email in PEOPLE]
                others = [pool.submit(seconds, f"{server}/{path}", key) for path in ("healthz", "scim/v2/Users")]
            reset = asked(Visitor(server), "/accounts/password/reset/", "ana@acme.example")
            answers = [form.result() for form in forms]
            assert {answer.status for answer in [*answers, reset]} == {200}
            assert max(answer.seconds for answer in [*answers, reset]) < AT_ONCE
            assert max(other.result() for other in others) < AT_ONCE
            assert OutgoingMail.objects.count() == len(PEOPLE) + 1
            # The worker has met the server, and may be in the middle of something.
            rig.wait_until(lambda: OutgoingMail.objects.filter(attempts__gt=0).exists() or bad in (hanging, dripping))

        rig.open_mail_server()
        rig.wait_until(lambda: not OutgoingMail.objects.exists())
        counts = arrived(rig)
        assert {address: counts[address] for address in PEOPLE} == dict.fromkeys(PEOPLE, 1)

        mail = next(mail for mail in rig.mailbox.mails if mail["To"] == PEOPLE[0])
        text, html = parts(mail)
        code = re.search(r"^    (\S+)$", text.replace("\r", ""), re.MULTILINE)
        assert code
        assert code[1] in html
        answer = visitors[PEOPLE[0]].post("/accounts/login/code/confirm/", code=code[1])
        assert "/settings/" in answer.url


def test_with_the_broker_down_a_code_arrives_when_the_clock_strikes(rig, acme):
    rig.open_mail_server()
    rig.run("worker 1", "beat 1")
    with web_server_of(rig) as server:
        rig.redis.stop()
        answer = asked(Visitor(server), "/accounts/login/code/", PEOPLE[1])
        assert answer.status == 200
        assert answer.seconds < AT_ONCE
        assert OutgoingMail.objects.count() == 1
        rig.redis.start()
    rig.wait_until(lambda: not OutgoingMail.objects.exists())
    assert arrived(rig)[PEOPLE[1]] == 1


@pytest.mark.parametrize("bad", [hanging, dripping])
def test_a_worker_that_is_told_to_stop_leaves_a_mail_server_that_hangs(rig, acme, bad):
    rig.kill(*rig.processes)
    with web_server_of(rig) as server, bad(rig.mailbox.port):
        rig.run("worker 1")
        asked(Visitor(server), "/accounts/login/code/", PEOPLE[2])
        rig.wait_until(lambda: "deliver_mails" in rig.log("worker 1").read_text().partition("ready.")[2])
        worker = rig.processes.pop("worker 1")
        time.sleep(1)  # the conversation has begun, or is about to
        start = time.monotonic()
        worker.terminate()
        assert worker.wait(60) == 0
        assert time.monotonic() - start < 30

    assert OutgoingMail.objects.count() == 1
    rig.open_mail_server()
    rig.run("worker 1", "beat 1")
    rig.wait_until(lambda: not OutgoingMail.objects.exists())
    assert arrived(rig)[PEOPLE[2]] == 1
