"""A database that takes no changes: reads go on at every door, writes are a 503, and all is well as soon as it is."""

import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import Client

from apikeys.models import ApiKey
from members.models import Member, Organization, User
from tests import services
from tests.conftest import ACME, new_key, organization, person
from tests.processes.hosts import browser, filled_in, identity_provider
from tests.processes.rig import default_database
from tests.server import web_server

pytestmark = pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis")

DEADLINE = 30.0

# Everything that is written, whoever writes it, is answered as if the disk were full.
FULL = """
CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file "base/5/1": No space left on device' USING ERRCODE = '53100';
END $$;
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format(
            'CREATE TRIGGER no_space BEFORE INSERT OR UPDATE OR DELETE ON %I EXECUTE FUNCTION no_space()', name
        );
    END LOOP;
END $$;
"""
NO_LONGER_FULL = "DROP FUNCTION no_space() CASCADE"
READ_ONLY = """
ALTER DATABASE torii SET default_transaction_read_only = on;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'torii' AND pid <> pg_backend_pid();
"""
NO_LONGER_READ_ONLY = "ALTER DATABASE torii RESET default_transaction_read_only"


class Cast:
    """Acme on a PostgreSQL server of its own, with a key of each type and a signed-in Admin."""

    def __init__(self, server: services.Server) -> None:
        self.server = server
        self.acme: Organization = organization("Acme", "acme.example")
        self.ana: Member = person(self.acme, "ana@acme.example", "Ana Admin", "Admin")
        self.emil: Member = person(self.acme, "emil@acme.example", "Emil Employee", "Read Only")
        self.scim, self.rest = new_key(self.acme).text, new_key(self.acme, "api_write").text
        self.session = Client()
        user = User.objects.create(email=self.ana.user_name)
        self.session.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")

    def run(self, sql: str) -> None:
        """Run `sql` as the database's owner, who may write whatever its default."""
        connections["default"].close()
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(sql)


class Doors(ExitStack):
    """Who calls a web server at all doors."""

    def __init__(self, address: str, cast: Cast) -> None:
        super().__init__()
        self.cast = cast
        script = httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {cast.rest}"}, timeout=30)
        self.script = self.enter_context(script)
        self.okta = self.enter_context(identity_provider(address, cast.scim))
        self.browser = self.enter_context(browser(address, cast.session))
        self.form = filled_in(self.browser, f"{ACME}/security")

    def reads(self) -> dict[str, int]:
        """Return what each read is answered."""
        answers = [
            *(self.okta.get(path) for path in ("/Users", f"/Users/{self.cast.ana.pk}", "/Groups", "/Schemas")),
            self.okta.post("/.search", json={}),
            *(self.script.get(f"/v1.0/{path}") for path in ("members", "organization", "api-keys", "audit-events")),
            *(
                self.browser.get(f"{ACME}/{path}")
                for path in ("security", "members", "api-access", f"members/{self.cast.ana.pk}")
            ),
        ]
        return {f"{answer.request.method} {answer.url.path}": answer.status_code for answer in answers}

    def writes(self) -> list[httpx2.Response]:
        """Return what a write of each door is answered."""
        emil = Member.objects.select_related("role").get(pk=self.cast.emil.pk)
        connections["default"].close()
        role = "Procurement" if emil.role.name == "Read Only" else "Read Only"
        state = "deactivation" if emil.deactivated_at is None else "reactivation"
        return [
            self.okta.post("/Users", json={"userName": f"{uuid4().hex}@acme.example"}),
            self.script.put(f"/v1.0/members/{emil.pk}/role", json={"role": role}),
            self.browser.post(f"{ACME}/members/{emil.pk}/{state}", data=self.form),
        ]


@pytest.fixture(scope="module")
def server(django_db_setup: Any, django_db_blocker: Any) -> Iterator[services.Server]:
    with django_db_blocker.unblock(), services.postgres() as server, default_database(server.url):
        call_command("migrate", verbosity=0)
        yield server


@pytest.fixture(scope="module")
def cast(server: services.Server) -> Cast:
    return Cast(server)


@pytest.fixture(autouse=True)
def keys_not_used_yet(cast: Cast) -> None:
    """Have every read want to write down that its key is used."""
    cast.acme.api_keys.update(last_used_at=None)
    cast.acme.key_origins.all().delete()


def well(response: httpx2.Response) -> bool:
    return response.status_code < 400


def assert_refused(writes: list[httpx2.Response]) -> None:
    """Assert that every door refuses to write, in its own format, and says when to try again."""
    scim, rest, page = writes
    assert [answer.status_code for answer in writes] == [503] * 3, [answer.text for answer in writes]
    assert all(answer.headers["Retry-After"].isdigit() for answer in writes)
    assert scim.headers["Content-Type"] == "application/scim+json"
    assert rest.json()["code"] == "database_unavailable"
    assert "<h1>" in page.text
    assert all(answer.headers["X-Request-Id"] in answer.text for answer in writes)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("spoil", "mend"), [(READ_ONLY, NO_LONGER_READ_ONLY), (FULL, NO_LONGER_FULL)], ids=["read-only", "full"]
)
def test_reads_go_on_and_writes_are_told_to_come_back(cast: Cast, spoil: str, mend: str) -> None:
    with web_server() as address, Doors(address, cast) as doors:
        cast.run(spoil)
        try:
            assert set(doors.reads().values()) == {200}
            for _ in range(3):
                assert_refused(doors.writes())
            assert set(doors.reads().values()) == {200}
            assert ApiKey.objects.get(organization=cast.acme, kind="scim").last_used_at is None
        finally:
            cast.run(mend)
        # Connections that were opened meanwhile are left within a second, long before DATABASE_CONN_MAX_AGE is over.
        time.sleep(1.5)
        for _ in range(4):
            assert all(well(answer) for answer in doors.writes())
        wait_until(lambda: doors.okta.get("/Users").status_code == 200 and was_used(cast))


def was_used(cast: Cast) -> bool:
    return ApiKey.objects.get(organization=cast.acme, kind="scim").last_used_at is not None


def test_a_replica_answers_reads_and_once_promoted_writes(cast: Cast, tmp_path_factory: Any) -> None:
    with (
        replica(cast.server) as standby,
        web_server(DATABASE_URL=standby.url) as address,
        Doors(address, cast) as doors,
    ):
        assert set(doors.reads().values()) == {200}
        assert_refused(doors.writes())
        with psycopg.connect(standby.url, autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")
        time.sleep(1.5)
        for _ in range(4):
            assert all(well(answer) for answer in doors.writes())


@contextmanager
def replica(primary: services.Server) -> Iterator[services.Server]:
    """Run a replica of `primary`, which has all that was written so far."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torii-replica-")))
        services.make_files(directory, {})
        data = str(directory / "data")
        copy = [
            services.postgres_binary("pg_basebackup"),
            "-d",
            primary.url,
            "-D",
            data,
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
        ]
        with services.running(services.unprivileged(copy), directory, signal.SIGTERM) as process:
            assert process.wait() == 0, (directory / "log").read_text()
        port = services.free_port()
        command = [services.postgres_binary("postgres"), "-D", data, f"-p{port}"]
        command += [f"-c{setting}={value}" for setting, value in services.POSTGRES_SETTINGS.items()]
        url = f"{primary.url.rpartition('@')[0]}@127.0.0.1:{port}/torii"
        ready = [services.postgres_binary("pg_isready"), "-q", "-h127.0.0.1", f"-p{port}"]
        server = services.Server(
            url,
            services.unprivileged(command),
            directory,
            signal.SIGINT,
            lambda: services.succeeds(ready),
        )
        yield stack.enter_context(services.kept_running(server))
