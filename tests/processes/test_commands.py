"""Commands on a database that isn't as they need it, and commands that are ended: one sentence, and an exit status."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.management import call_command

from members.models import User
from tests import services
from tests.conftest import new_key, organization, person, set_up_second_factor
from tests.processes.forked_commands import DEMO, Done, run_all
from tests.processes.rig import default_database

DEADLINE = 60
PASSWORD = "a-password-that-nobody-is-shown"


@dataclass(frozen=True)
class Database:
    """A migrated database with an organization, and roles for which it isn't as it should be."""

    url: str
    organization: str
    key_table_rows: int = 0

    def changed(self, **parts: str) -> str:
        """Return the URL with another user, password, port or name."""
        address = urlsplit(self.url)
        user, password = parts.get("user", address.username), parts.get("password", address.password)
        port, name = parts.get("port", address.port), parts.get("name", address.path[1:])
        return f"postgres://{user}:{password}@{address.hostname}:{port}/{name}"

    def execute(self, sql: str) -> list[tuple[object, ...]]:
        """Run `sql` as the owner."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def count(self, table: str) -> object:
        """Return the number of rows in `table`."""
        return self.execute(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608 - our own names


@pytest.fixture(scope="module")
def database(django_db_blocker: pytest.FixtureRequest) -> Iterator[Database]:
    with services.postgres() as server, django_db_blocker.unblock(), default_database(server.url):  # type: ignore[attr-defined]
        call_command("migrate", verbosity=0)
        acme = organization("Acme", "acme.example")
        person(acme, "ana@acme.example", "Ana Admin", "Admin")
        new_key(acme)
        set_up_second_factor(User.objects.create_user("sam@acme.example"))
        made = Database(server.url, acme.public_id)
        made.execute(f"CREATE ROLE stranger LOGIN PASSWORD '{PASSWORD}'")
        made.execute(f"CREATE ROLE reader LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        made.execute("ALTER ROLE reader SET default_transaction_read_only = on")
        made.execute("CREATE DATABASE empty")
        yield made


def commands(database: Database, tmp_path: Path) -> dict[str, list[str]]:
    """Return our commands, and Django's that use the database, with arguments under which each has work to do."""
    fixture = tmp_path / "fixture.json"
    fixture.write_text('[{"model": "members.user", "fields": {"email": "cy@acme.example", "password": "!"}}]')
    org = database.organization
    return {
        "create_organization": ["Globex", "--domain", "globex.example", "--admin-email", "eve@globex.example"],
        "set_scim": [org, "off"],
        "create_api_key": [org, "--type", "scim", "--description", "Okta"],
        "load_members": [org, "--count", "3"],
        "send_expiry_reminders": [],
        "seed_demo": [],
        "reset_second_factor": ["sam@acme.example"],
        "createsuperuser": ["--noinput", "--email", "staff@acme.example"],
        "clearsessions": [],
        "dumpdata": [],
        "flush": ["--noinput"],
        "loaddata": [str(fixture)],
        "remove_stale_contenttypes": ["--noinput"],
        "shell": ["--no-imports", "-c", "from members.models import Member; Member.objects.update(source=1)"],
        "showmigrations": [],
        "sqlflush": [],
        # The last, because it makes what others lack.
        "migrate": [],
    }


READ_AT_MOST = {"dumpdata", "showmigrations", "sqlflush", "migrate", "remove_stale_contenttypes"}
NEED_NO_TABLES = {"showmigrations", "sqlflush", "migrate", "flush", "remove_stale_contenttypes"}

# For each state: where the database is, what a command says of it, and which commands have no reason to fail.
STATES: dict[str, tuple[dict[str, str], str, set[str]]] = {
    "stopped": ({"port": "1"}, "can't be used (", set()),
    "wrong password": ({"user": "stranger", "password": "wrong-password"}, "can't be used (", set()),
    "no database": ({"name": "nosuch"}, "can't be used (", set()),
    "not migrated": ({"name": "empty"}, "isn't migrated (", NEED_NO_TABLES),
    "without rights": ({"user": "stranger", "password": PASSWORD}, "permission denied", {"sqlflush"}),
    "read-only": ({"user": "reader", "password": PASSWORD}, "is read-only (", READ_AT_MOST),
}


@pytest.mark.parametrize("state", STATES)
def test_a_command_tells_in_a_sentence_what_is_wrong_with_the_database(
    state: str, database: Database, tmp_path: Path
) -> None:
    parts, said, may_succeed = STATES[state]
    every = commands(database, tmp_path)
    environment = {"DATABASE_URL": database.changed(**parts), "DJANGO_SUPERUSER_PASSWORD": "correct horse battery"}
    done = dict(zip(every, run_all([[name, *more] for name, more in every.items()], **environment), strict=True))
    for name, each in done.items():
        assert "Traceback" not in each.err, (name, each.err)
        assert "password-that" not in each.err + each.out, name
        assert "wrong-password" not in each.err + each.out, name
        if each.code == 0:
            assert name in may_succeed, (name, each)
            continue
        assert each.code == 1, (name, each)
        assert each.err.count("\n") == 1, (name, each.err)
        assert said in each.err, (name, each.err)


def test_with_traceback_everything_is_shown(database: Database) -> None:
    [done] = run_all(
        [["set_scim", database.organization, "on", "--traceback"]], DATABASE_URL=database.changed(port="1")
    )
    assert done.code == 1
    assert "Traceback" in done.err
    assert "psycopg.OperationalError" in done.err


# Signals, and output that can't be written ----------------------------------------------------------------------------

CHANGING = ("create_organization", "set_scim", "create_api_key", "load_members", "send_expiry_reminders", "seed_demo")
TABLES = ("members_organization", "members_user", "members_member", "apikeys_apikey", "apikeys_notice", "audit_event")


def start(database: Database, *arguments: str, **streams: object) -> "subprocess.Popen[str]":
    environment = os.environ | DEMO | {"DATABASE_URL": database.url}
    piped = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.Popen([sys.executable, "manage.py", *arguments], env=environment, text=True, **piped)  # type: ignore[call-overload]


def ended(process: "subprocess.Popen[str]") -> Done:
    out, err = process.communicate(timeout=DEADLINE)
    return Done(process.returncode, out or "", err or "")


def rows(database: Database) -> list[object]:
    return [database.count(table) for table in TABLES]


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Let every command wait in PostgreSQL for its first look at any of the tables."""
    with psycopg.connect(database.url) as connection:
        connection.execute(f"LOCK TABLE {', '.join(TABLES)}")
        yield
        connection.rollback()


def wait_until_waiting(database: Database, number: int) -> None:
    deadline = time.monotonic() + DEADLINE
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    while database.execute(waiting) != [(number,)]:
        assert time.monotonic() < deadline, f"less than {number} commands wait"
        time.sleep(0.1)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_told_to_end_ends_at_once_and_leaves_nothing_half_done(
    signum: signal.Signals, database: Database, tmp_path: Path
) -> None:
    before = rows(database)
    every = commands(database, tmp_path)
    with locked(database):
        processes = {name: start(database, name, *every[name]) for name in CHANGING}
        wait_until_waiting(database, len(CHANGING))
        for process in processes.values():
            process.send_signal(signum)
        for name, process in processes.items():
            sentence = f"Ended by {signum.name}: what was not finished is undone.\n"
            assert ended(process) == Done(128 + signum, "", sentence), name
    assert rows(database) == before


def test_two_commands_at_once_create_one_organization(database: Database) -> None:
    arguments = ("create_organization", "--domain", "twin.example", "--admin-email", "t@twin.example")
    with locked(database):
        processes = [start(database, *arguments, name) for name in ("Twin  Peaks", "twin peaks ")]
        wait_until_waiting(database, 2)
    done = sorted((ended(process) for process in processes), key=lambda each: each.code)
    assert [each.code for each in done] == [0, 1]
    assert done[1].out == ""
    assert "is there already" in done[1].err
    assert done[0].out.strip() in done[1].err
    again = ended(start(database, *arguments, "TWIN PEAKS", "--again"))
    assert again.code == 0
    assert database.execute("SELECT count(*) FROM members_organization WHERE lower(name) LIKE 'twin%'") == [(2,)]


@pytest.mark.parametrize("name", ["create_organization", "create_api_key"])
@pytest.mark.parametrize(("output", "reason"), [("full", "No room is left"), ("closed", "Standard output was closed")])
def test_what_cannot_be_printed_is_not_created(
    name: str, output: str, reason: str, database: Database, tmp_path: Path
) -> None:
    before = rows(database)
    reading, writing = os.pipe()
    os.close(reading)
    full = os.open("/dev/full", os.O_WRONLY)
    stdout = full if output == "full" else writing
    done = ended(start(database, name, *commands(database, tmp_path)[name], stdout=stdout))
    os.close(writing)
    os.close(full)
    assert (done.code, done.err.count("\n")) == (1, 1), done.err
    assert reason in done.err
    assert rows(database) == before


@pytest.mark.parametrize("arguments", [["help"], ["dumpdata"], ["showmigrations"]])
def test_a_reader_that_has_gone_is_told_of_in_a_sentence(arguments: list[str], database: Database) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = ended(start(database, *arguments, stdout=writing))
    os.close(writing)
    assert (done.code, done.err) == (1, "CommandError: Standard output was closed before everything was written.\n")


# Arguments ------------------------------------------------------------------------------------------------------------

LONG = "x" * 10_000
NEW = ["--domain", "odd.example", "--admin-email", "o@odd.example"]
KEY = ["create_api_key", "ORG", "--type", "scim", "--description"]
ODD = [
    ["create_organization", "", *NEW],
    ["create_organization", " \t ", *NEW],
    ["create_organization", LONG, *NEW],
    ["create_organization", "Two\nlines", *NEW],
    ["create_organization", "\u202eOdd", *NEW],
    ["create_organization", "\udcff", *NEW],
    ["create_organization", "Odd", *NEW, "--admin-first-name", LONG],
    ["create_organization", "Odd", *NEW, "--admin-last-name", "a\x1b[31m"],
    ["create_organization", "Odd", *NEW, "--time-zone", "../../etc/localtime"],
    ["create_organization", "Odd", *NEW, "--time-zone", "europe/berlin"],
    ["create_organization", "Odd", *NEW, "--domain", "https://odd.example/?"],
    ["create_organization", "Odd", *NEW, "--domain", LONG],
    ["create_organization", "Odd", "--domain", "odd.example", "--admin-email", f"{LONG}@odd.example"],
    ["set_scim", LONG, "on"],
    ["set_scim", "\udcff", "on"],
    ["load_members", "ORG", "--count", "0"],
    ["load_members", "ORG", "--count", "-1"],
    ["load_members", "ORG", "--count", "1e3"],
    ["load_members", "ORG", "--count", "9" * 5000],
    ["load_members", "ORG", "--count", "1", "--role", LONG],
    [*KEY, ""],
    [*KEY, LONG],
    [*KEY, "Odd", "--expires", "2020-02-02"],
    [*KEY, "Odd", "--expires", "0001-01-01"],
    [*KEY, "Odd", "--expires", "9999-12-31"],
    [*KEY, "Odd", "--expires", "10000-01-01"],
    [*KEY, "Odd", "--expires", "2027-02-30"],
    [*KEY, "Odd", "--network", "203.0.113.0/99"],
    [*KEY, "Odd", "--network", LONG],
    *(
        ["send_expiry_reminders", "--dry-run", "--at", at]
        for at in ("0001-01-01", "9999-12-31T23:59-12:00", "0001-01-01T00:00+14:00", "10000-01-01", "now", LONG)
    ),
    ["send_expiry_reminders", "--at", "2027-01-01"],
]


def test_an_argument_that_will_not_do_is_told_in_a_sentence_and_changes_nothing(database: Database) -> None:
    before = rows(database)
    every = [[database.organization if word == "ORG" else word for word in arguments] for arguments in ODD]
    for arguments, done in zip(ODD, run_all(every, DATABASE_URL=database.url), strict=True):
        told = ([word[:40] for word in arguments], done)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1), told
        assert "Traceback" not in done.err, told
    assert rows(database) == before


def test_the_first_and_the_last_moment_can_be_asked_about_everywhere(database: Database) -> None:
    database.execute("UPDATE members_organization SET time_zone = 'Pacific/Kiritimati'")
    edges = ("1970-01-01T00:00+14:00", "1970-01-01", "9000-12-31T23:59-12:00")
    for done in run_all(
        [["send_expiry_reminders", "--dry-run", "--at", at] for at in edges], DATABASE_URL=database.url
    ):
        assert done.code == 0, done.err


def test_the_demo_does_not_start_on_such_a_database_either(database: Database) -> None:
    changed = {"DATABASE_URL": database.changed(port="1"), "PORT": str(services.free_port())}
    environment = os.environ | DEMO | changed
    command = [sys.executable, "-m", "torii_settings.serve"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1
    assert done.stderr.startswith("The database can't be used (")
    assert done.stderr.count("\n") == 1
