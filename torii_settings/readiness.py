"""Whether the service is well: each part says so itself, on a connection of its own, and why it isn't.

A part is asked in a thread of its own, at most once a second however often anybody wants to know; a part that doesn't
answer within `PATIENCE` isn't well, and is not asked again before it has answered. So a thousand probes cost as much
as one, and none of them waits longer than that.
"""

import datetime as dt
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q
from django.utils import timezone

from apikeys.models import Notice
from lib import database_errors
from lib.database_errors import Fault
from lib.probe import NAMES
from outbox.models import OutgoingMail
from torii_settings import heartbeat

logger = logging.getLogger(__name__)

FRESH = 1.0
PATIENCE = 1.5
OVERDUE = dt.timedelta(hours=1)
ROOM = 10 * 1024 * 1024

# A server that is gone without a word is given up, so that it can be asked again.
TIMEOUTS: dict[str, dict[str, Any]] = {
    "postgresql": {
        "connect_timeout": 2,
        "tcp_user_timeout": 3000,
        "keepalives_idle": 2,
        "keepalives_interval": 1,
        "keepalives_count": 2,
    },
    "sqlite": {"timeout": 0.2},
}

# Sorting this in so little memory writes to the disk that the database is on, which fails when that is full. It leaves
# nothing behind.
LITTLE_MEMORY = "SET LOCAL work_mem = '64kB'"
SPILL = "SELECT max(number) FROM (SELECT number FROM generate_series(1, 20000) AS number ORDER BY -number) AS sorted"
TAKES_NO_CHANGES = "SELECT current_setting('transaction_read_only') = 'on' OR pg_is_in_recovery()"


@dataclass
class Report:
    """What a part says: why it isn't well, or "ok", and what to look at although it is."""

    state: str = "ok"
    warnings: list[str] = field(default_factory=list)


class Part:
    """Something that the service needs, asked in the background."""

    def __init__(self, name: str, ask: Callable[[], Report]) -> None:
        self.name = name
        self._ask = ask
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._is_asked = False
        self._report = Report()
        self._at = float("-inf")

    def begin(self) -> None:
        """Ask the part, unless it has answered a moment ago or is being asked."""
        with self._lock:
            if not self._is_asked and time.monotonic() - self._at >= FRESH:
                self._is_asked = True
                self._answered.clear()
                threading.Thread(target=self._run, name=f"readiness of {self.name}", daemon=True).start()

    def report(self, deadline: float) -> Report:
        """Return what the part says; wait for it until `deadline` (of `time.monotonic`)."""
        if self._answered.wait(max(0.0, deadline - time.monotonic())):
            return self._report
        return Report("does not answer")

    def _run(self) -> None:
        report = Report("can't be asked")
        try:
            report = self._ask()
        finally:
            self._note(report)

    def _note(self, report: Report) -> None:
        if report.state != self._report.state:
            level = logging.INFO if report.state == "ok" else logging.ERROR
            logger.log(level, "the %s: %s", self.name, report.state)
        with self._lock:
            self._report, self._at, self._is_asked = report, time.monotonic(), False
            self._answered.set()


class Database:
    """Asks the database, on a connection of the asking thread."""

    def __init__(self) -> None:
        self._is_migrated = False

    def ask(self) -> Report:
        """Say whether it answers, takes changes, has room, and is migrated; warn of mail that is overdue."""
        own = connection.settings_dict
        connection.settings_dict = own | {"OPTIONS": own.get("OPTIONS", {}) | TIMEOUTS[connection.vendor]}
        try:
            return self._look()
        except Error as error:
            if is_busy(error):
                return Report()
            fault = database_errors.report(error)
            return Report(REASONS[fault] if fault else "not migrated, or without rights")
        finally:
            connection.close()

    def _look(self) -> Report:
        # On SQLite this takes the lock for writing.
        with transaction.atomic():
            state = postgresql_state() if connection.vendor == "postgresql" else sqlite_state()
        if state:
            return Report(state)
        if not self._is_migrated:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return Report("not migrated")
            self._is_migrated = True
        return Report(warnings=["mail is overdue by an hour"] if mail_is_overdue() else [])


def mail_is_overdue() -> bool:
    """Whether a mail has waited for an hour, or should have been tried an hour ago."""
    then = timezone.now() - OVERDUE
    late = Q(created_at__lt=then) | Q(next_attempt_at__lt=then)
    return Notice.objects.waiting().filter(late).exists() or OutgoingMail.objects.filter(late).exists()


REASONS = {
    Fault.CONFLICT: "unreachable",
    Fault.READ_ONLY: "takes no changes",
    Fault.FULL: "full",
    Fault.UNAVAILABLE: "unreachable",
}


def is_busy(error: Error) -> bool:
    """Whether SQLite is being written to just now, which is as well as can be."""
    return getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def postgresql_state() -> str:
    """Return why PostgreSQL isn't well, "" if it is. Raises Django's errors."""
    with connection.cursor() as cursor:
        cursor.execute(TAKES_NO_CHANGES)
        if cursor.fetchone() == (True,):
            return REASONS[Fault.READ_ONLY]
        cursor.execute(LITTLE_MEMORY)
        cursor.execute(SPILL)
    return ""


def sqlite_state() -> str:
    """Return why SQLite, which has just let us write, isn't well, "" if it is."""
    return "" if has_room(Path(str(connection.settings_dict["NAME"])).parent) else REASONS[Fault.FULL]


def has_room(folder: Path) -> bool:
    """Whether there is room for more on the disk that `folder` is on."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize >= ROOM


class Broker:
    """Asks the broker by writing to it, and when worker and beat were last heard of."""

    def ask(self) -> Report:
        """Say whether it takes messages."""
        if not settings.REDIS_URL:
            return Report(folder_state(), silent(None))
        with heartbeat.client() as server:
            try:
                server.set("readyz", "1", px=1000)
                return Report(warnings=silent(server))
            except redis.exceptions.ReadOnlyError:
                return Report("takes no changes")
            except redis.exceptions.OutOfMemoryError:
                return Report("full")
            except redis.exceptions.BusyLoadingError:
                return Report("starting")
            except redis.exceptions.ResponseError:
                return Report("refuses to write")
            except redis.exceptions.RedisError:
                return Report("unreachable")


def folder_state() -> str:
    """Return whether the folder that stands in for a broker takes messages."""
    if urlsplit(settings.CELERY_BROKER_URL).scheme != "filesystem":
        return "ok"
    folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"])
    if not os.access(folder, os.W_OK):
        return "takes no changes"
    return "ok" if has_room(folder) else "full"


def silent(server: "redis.Redis | None") -> list[str]:
    """Return a warning for worker and beat each, if nothing was heard of them lately."""
    return [f"no {name} was heard of lately" for name in NAMES if not heartbeat.is_heard_lately(name, server)]


def parts() -> list[Part]:
    """Return what the service needs."""
    return [Part("database", Database().ask), Part("broker", Broker().ask)]


def overall(asked: list[Part]) -> tuple[dict[str, Any], bool]:
    """Return what `/readyz` says, and whether every part is well."""
    deadline = time.monotonic() + PATIENCE
    for part in asked:
        part.begin()
    reports = {part.name: part.report(deadline) for part in asked}
    is_well = all(report.state == "ok" for report in reports.values())
    body: dict[str, Any] = {"status": "ok" if is_well else "unavailable"}
    body |= {name: report.state for name, report in reports.items()}
    if warnings := [warning for report in reports.values() for warning in report.warnings]:
        body["warnings"] = warnings
    return body, is_well
