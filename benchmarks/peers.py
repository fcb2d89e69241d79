"""The service and its peers: each is loaded with the same members, then served as it is in production."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path
from signal import SIGTERM
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg

from tests.services import accepts_connections, free_port, running, wait_until

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2
SAMPLE = 2_000
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
DOMAIN = "acme.example"
# scim2-server keeps everything in memory and is loaded by one POST for each member.
LARGEST_IN_MEMORY = 1_000


@dataclass(frozen=True, slots=True)
class Person:
    """A member whom the work asks for."""

    id: str
    user_name: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A peer that runs and is loaded: `pid` is its server's process, `url` where its SCIM begins."""

    name: str
    url: str
    headers: dict[str, str]
    size: int
    pid: int = 0
    people: list[Person] = field(default_factory=list)
    groups: dict[int, str] = field(default_factory=dict)


def manage(environment: dict[str, str], *arguments: str) -> str:
    """Run a management command and return what it prints."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout.strip()


def database(server: str, name: str) -> str:
    """Create a database of this name on a server, unless it is there; return its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not there:
            connection.execute(f'CREATE DATABASE "{name}"')
    return urlsplit(server)._replace(path=f"/{name}").geturl()


@contextmanager
def granian(application: str, environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Serve a WSGI application with `WORKERS` workers; yield its address and the server's process id."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(WORKERS), "--working-dir", str(ROOT), "--log-level", "warning", application]
    with serving(command, port, environment) as pid:
        yield f"http://127.0.0.1:{port}", pid


@contextmanager
def serving(command: list[str], port: int, environment: dict[str, str]) -> Iterator[int]:
    """Run a server until the block ends; yield its process id once it listens."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="torii-bench-")))
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            process = stack.enter_context(running(command, directory, SIGTERM))
        finally:
            os.environ.clear()
            os.environ.update(before)
        wait_until(lambda: accepts_connections(port), process, directory)
        yield process.pid


# Ours -----------------------------------------------------------------------------------------------------------------


def our_environment(url: str, redis: str) -> dict[str, str]:
    """Return the variables of a production process; the limiter counts, but never refuses."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "torii_settings.settings",
        "SECRET_KEY": "benchmark",
        "API_KEY_PEPPERS": "benchmark",
        "DATABASE_URL": url,
        "REDIS_URL": f"{redis}/0",
        "ALLOWED_HOSTS": "127.0.0.1",
        "BASE_URL": "http://127.0.0.1",
        "EMAIL_URL": "memorymail://",
        "DEFAULT_FROM_EMAIL": "settings@acme.example",
        "KEY_RATE_LIMIT": "1000000",
        "KEY_RATE_BURST": "1000000",
    }


def load_ours(environment: dict[str, str], size: int) -> Subject:
    """Migrate, and fill one organization with `size` members and three groups: of 10, 100 and a tenth of them all."""
    manage(environment, "migrate", "--verbosity", "0")
    organization = manage(
        environment, "create_organization", "Acme", "--domain", DOMAIN, "--admin-email", f"ana@{DOMAIN}"
    )
    manage(environment, "set_scim", organization, "on")
    key = manage(environment, "create_api_key", organization, "--type", "scim", "--description", "benchmark")
    manage(environment, "load_members", organization, "--count", str(size))
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        rows = connection.execute(
            "SELECT id::text, user_name, external_id FROM members_member WHERE external_id <> '' ORDER BY random() "
            "LIMIT %s",
            [SAMPLE],
        ).fetchall()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/scim+json"}
    return Subject("ours", "", headers, size, people=[Person(*row) for row in rows])


def make_groups(subject: Subject, environment: dict[str, str]) -> dict[int, str]:
    """Make a group of 10 members and one of as many as there are, up to 100,000; return their ids by size."""
    groups = {}
    for size in (10, min(subject.size, 100_000)):
        connection = HTTPConnection(urlsplit(subject.url).netloc)
        body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": f"Group of {size}"}
        connection.request("POST", "/scim/v2/Groups", json.dumps(body), subject.headers)
        groups[size] = json.load(connection.getresponse())["id"]
        with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as database_connection:
            database_connection.execute(
                "INSERT INTO members_groupmembership (organization_id, group_id, member_id) "
                "SELECT organization_id, %s::uuid, id FROM members_member WHERE external_id <> '' ORDER BY id LIMIT %s",
                [groups[size], size],
            )
    return groups


# The peers ------------------------------------------------------------------------------------------------------------


def load_plain(url: str, size: int) -> Subject:
    """Fill django-scim2's own tables with `size` users like ours."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "benchmarks.plain.settings", "DATABASE_URL": url}
    manage(environment, "migrate", "--run-syncdb", "--verbosity", "0")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO people_user (password, is_superuser, is_staff, is_active, date_joined, username, email,
                first_name, last_name, scim_id, scim_external_id, scim_username)
            SELECT '', false, false, true, now(), name, name, 'Ada', 'Almeida', number::text, 'load-' || number, name
            FROM (SELECT n AS number, 'user' || lpad(n::text, 7, '0') || '@' || %s AS name
                  FROM generate_series(0, %s) AS n) AS numbered
            """,
            [DOMAIN, size - 1],
        )
        connection.execute("INSERT INTO people_token (key, user_id) SELECT 'benchmark', min(id) FROM people_user")
        connection.execute("VACUUM ANALYZE")
        rows = connection.execute(
            "SELECT scim_id, username, scim_external_id FROM people_user ORDER BY random() LIMIT %s", [SAMPLE]
        ).fetchall()
    headers = {"Authorization": "Bearer benchmark", "Content-Type": "application/scim+json"}
    return Subject("plain", "", headers, size, people=[Person(*row) for row in rows])


@contextmanager
def in_memory(size: int) -> Iterator[Subject]:
    """Run scim2-server as it comes and POST `size` members to it."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("scim2-server")), "--port", str(port), "--bearer-token", "benchmark"]
    headers = {"Authorization": "Bearer benchmark", "Content-Type": "application/scim+json"}
    with serving(command, port, {}) as pid:
        subject = Subject("scim2-server", f"http://127.0.0.1:{port}", headers, size, pid)
        people = [created(subject, number) for number in range(size)]
        yield replace(subject, people=people)


def created(subject: Subject, number: int) -> Person:
    """POST the member with this number; return who it became."""
    name = f"user{number:07}@{DOMAIN}"
    body = {"schemas": [USER], "userName": name, "externalId": f"load-{number}", "active": True}
    body |= {"name": {"givenName": "Ada", "familyName": "Almeida"}, "emails": [{"value": name, "primary": True}]}
    connection = HTTPConnection(urlsplit(subject.url).netloc)
    connection.request("POST", "/Users", json.dumps(body), subject.headers)
    return Person(json.load(connection.getresponse())["id"], name, f"load-{number}")


@contextmanager
def subjects(server: str, redis: str, size: int, label: str) -> Iterator[list[Subject]]:
    """Load and start the service and whichever peers can hold `size` members; yield them, ours first."""
    ours = our_environment(database(server, f"ours_{label}"), redis)
    loaded = load_ours(ours, size)
    with ExitStack() as stack:
        url, pid = stack.enter_context(granian("torii_settings.wsgi:application", ours))
        service = replace(loaded, url=f"{url}/scim/v2", pid=pid)
        service = replace(service, groups=make_groups(service, ours))
        running_peers = [service]
        url, pid = stack.enter_context(granian("benchmarks.floor.wsgi:application", ours))
        running_peers.append(replace(loaded, name="floor", url=url, pid=pid))
        if size <= 100_000:
            plain_url = database(server, f"plain_{label}")
            plain = load_plain(plain_url, size)
            url, pid = stack.enter_context(
                granian("benchmarks.plain.wsgi:application", os.environ | {"DATABASE_URL": plain_url})
            )
            running_peers.append(replace(plain, url=f"{url}/scim/v2", pid=pid))
        if size <= LARGEST_IN_MEMORY:
            running_peers.append(stack.enter_context(in_memory(size)))
        yield running_peers
