"""A deployment in small, of which everything can be broken: PostgreSQL, Redis, a mail server, workers and clocks.

All of it runs in processes of its own, but the mail server. The database is this process's default while the rig is up.
"""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import redis
import time_machine
from django.core.management import call_command
from django.db import connections, transaction
from django.utils import timezone

from apikeys.mail import message_id
from apikeys.models import ApiKey, Notice
from members.models import Organization
from tests import dates_of_events, services
from tests.conftest import new_key, organization, person
from tests.reminders.mailbox import Mailbox, mail_server

DEADLINE = 60.0
ADMINS = ("ana@acme.example", "ada@acme.example")
CONTACT = "it@elsewhere.example"
Process = "subprocess.Popen[bytes]"


class Rig:
    """What runs; every method that breaks something is undone by its opposite."""

    def __init__(self, postgres: services.Server, redis_server: services.Server, folder: Path) -> None:
        self.postgres, self.redis, self.folder = postgres, redis_server, folder
        self.mailbox = Mailbox(services.free_port())
        self.mail_server = ExitStack()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.worker_options = ["--without-gossip", "--without-mingle"]
        self.clock = folder / "clock"
        self.clock.write_text("0")
        self.heartbeats = folder / "heartbeats"

    # Processes

    def run(self, *names: str) -> None:
        """Start those processes that do not run, named as in "worker 1" and "beat 2", and wait for the workers."""
        missing = [name for name in names if name not in self.processes]
        for name in missing:
            self.processes[name] = self.start(name)
        for name in missing:
            if name.startswith("worker"):
                self.wait_until(lambda name=name: "ready." in self.log(name).read_text())  # type: ignore[misc]

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "celery", "-A", "torii_settings", name.split()[0], "--loglevel", "INFO"]
        if name.startswith("worker"):
            command += ["-c", "1", "-n", f"{name.replace(' ', '-')}@%h", *self.worker_options]
        else:
            command += ["-s", str(self.folder / f"{name}.schedule"), "--pidfile", "", "--max-interval", "1"]
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.processes.worker_settings",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "PYTEST_XDIST_WORKER": "gw0",
            "EMAIL_URL": f"smtp://{self.mailbox.host}:{self.mailbox.port}",
            "REMINDER_INTERVAL": "1",
            "CLOCK": str(self.clock),
            "HEARTBEATS": str(self.heartbeats),
        }
        with self.log(name).open("wb") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def kill(self, *names: str) -> None:
        """Kill -9 processes with all they have started."""
        for name in names:
            process = self.processes.pop(name)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill_what_sends(self) -> None:
        """Kill -9 the process inside each worker that carries out tasks, as a machine short of memory does."""
        for name, process in self.processes.items():
            if name.startswith("worker"):
                for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                    with suppress(ProcessLookupError):
                        os.kill(int(child), signal.SIGKILL)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def stop(self) -> None:
        self.kill(*list(self.processes))
        self.mail_server.close()

    # Servers

    def open_mail_server(self) -> None:
        self.mail_server.enter_context(mail_server(mailbox=self.mailbox))

    def close_mail_server(self) -> None:
        self.mail_server.close()

    def flush_redis(self) -> None:
        with redis.Redis.from_url(self.redis.url) as server:
            server.flushall()

    def waiting_messages(self) -> int:
        """Return how many messages wait for a worker."""
        with redis.Redis.from_url(f"{self.redis.url}/0") as server:
            return int(server.llen("celery"))

    def restart_postgres(self) -> None:
        connections["default"].close()
        self.postgres.stop()
        self.postgres.start()

    def set_clock_ahead(self, span: dt.timedelta) -> None:
        self.clock.write_text(str(span.total_seconds()))

    def clock_is_ahead(self) -> bool:
        return float(self.clock.read_text()) != 0

    # What is sent

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Return once it is true; raise, with what the processes said, if that takes too long or one has ended."""
        deadline = time.monotonic() + DEADLINE
        while not true():
            ended = [name for name, process in self.processes.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                logs = [f"--- {name}\n{self.log(name).read_text()[-3000:]}" for name in self.processes]
                raise AssertionError("\n".join([f"Ended: {ended}" if ended else "Too slow", *logs]))
            time.sleep(0.05)

    def is_told(self, *keys: ApiKey) -> bool:
        """Whether every notice of these keys is sent or has failed, and there are some of each."""
        connections["default"].close_if_unusable_or_obsolete()
        notices = Notice.objects.filter(api_key__in=keys)
        told = notices.values_list("api_key", flat=True).distinct().count()
        return told == len(keys) and not notices.waiting().exists()

    def counts(self, *keys: ApiKey) -> Counter[str]:
        """Return how often each mail that there should be of these keys has arrived, by recipient, kind and key."""
        arrived = self.mailbox.message_ids()
        notices = Notice.objects.filter(api_key__in=keys).select_related("api_key")
        return Counter({f"{n.kind} {n.recipient} {n.api_key.key_id}": arrived[message_id(n)] for n in notices})


@contextmanager
def rig_in(folder: Path) -> Iterator[Rig]:
    """Run a rig whose database is migrated and empty, with the mail server open and nothing else started.

    Its clocks go ahead and keys are made in the past, so its database lets any date of an event pass.
    """
    with services.postgres() as postgres, services.redis() as redis_server, default_database(postgres.url):
        call_command("migrate", verbosity=0)
        dates_of_events.let_pass()
        rig = Rig(postgres, redis_server, folder)
        rig.open_mail_server()
        try:
            yield rig
        finally:
            rig.stop()


@contextmanager
def default_database(url: str) -> Iterator[None]:
    """Make the database at `url` this thread's default for the length of the block."""
    address = urlsplit(url)
    own = connections["default"]
    connections.settings["other"] = own.settings_dict | {
        "NAME": address.path[1:],
        "USER": address.username,
        "PASSWORD": address.password,
        "HOST": address.hostname,
        "PORT": address.port,
    }
    other = connections.create_connection("other")
    other.alias = "default"
    connections["default"] = other
    try:
        yield
    finally:
        other.close()
        connections["default"] = own
        del connections.settings["other"]


def company() -> Organization:
    """Make an organization with two Admins and a contact address: three mails for each step of a key."""
    acme = organization("Acme", "acme.example")
    for address in ADMINS:
        person(acme, address, "An Admin", "Admin")
    acme.reminder_contact = CONTACT
    acme.save()
    return acme


def keys_due(acme: Organization, count: int = 1, *, in_days: int = 21) -> list[ApiKey]:
    """Generate keys, two months ago, that expire soon; that they were made is told to nobody."""
    now = timezone.now()
    keys = []
    with transaction.atomic():
        for number in range(count):
            with time_machine.travel(now - dt.timedelta(days=60)):
                expires_on = now.date() + dt.timedelta(days=in_days)
                keys.append(new_key(acme, description=f"key {number}", expires_on=expires_on).api_key)
        Notice.objects.filter(api_key__in=keys).delete()
    return keys
