"""docs/backup.md, command by command, with PostgreSQL's own programs: what comes back is whole, and goes on working."""

import datetime as dt
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from apikeys.models import ApiKey
from audit.models import Event
from members.models import Group, Member, Organization, User
from tests.conftest import SETUP, new_key, person
from tests.databases import new_database
from tests.identity_provider import IdentityProvider
from tests.members.test_headcount import counts
from tests.processes.rig import default_database
from tests.server import database_url

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's backup is a copy of its file"),
]

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "backup.md").read_text()


def documented(title: str) -> list[str]:
    """Return the commands of a section, block by block."""
    [section] = re.findall(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def shell(commands: str, folder: Path, url: str, **environment: str) -> str:
    """Run `commands` in `folder`, as somebody types them there who has the service's variables set."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = os.environ | {"PATH": path, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"} | environment
    script = commands.replace("manage.py", str(ROOT / "manage.py"))
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_days(days: int) -> dt.date:
    return timezone.now().date() + dt.timedelta(days=days)


@pytest.fixture
def key(acme: Organization, globex: Organization) -> str:
    """Fill the tests' database with something of everything; return a SCIM key of acme's."""
    person(acme, "ana@acme.example", "Ana Admin", "Admin")
    person(globex, "eve@globex.example", "Eve Else", "Admin")
    user = User.objects.create_superuser("ana@acme.example", "correct horse battery")
    Member.objects.filter(user_name="ana@acme.example").update(user=user)
    made = new_key(acme, expires_on=in_days(400))
    made.api_key.rotate(description="next", expires_on=in_days(800), by=SETUP)
    new_key(acme).api_key.delete_key(by=SETUP)
    call_command("load_members", acme.public_id, "--count", "40")
    okta = IdentityProvider(made.text)
    for number in range(5):
        member = Member.objects.get(external_id=f"load-{number}")
        okta.patch(member.pk, {"op": "replace", "path": "active", "value": False})
    members = [{"value": str(pk)} for pk in acme.members.values_list("pk", flat=True)[:7]]
    assert okta.call("POST", "/Groups", {"displayName": "Works", "members": members}).status_code == 201
    return made.text


@contextmanager
def another_database() -> Iterator[str]:
    """Make an empty database beside the tests' own, and yield its URL."""
    with new_database("template1") as name:
        yield urlsplit(database_url())._replace(path=f"/{name}").geturl()


def contents() -> dict[str, Any]:
    """Return what is in the default database, table by table, as far as it must be the same after a move."""
    models = (Organization, User, Member, Group, Group.members.through, ApiKey, Event)
    return {model._meta.label: sorted(map(repr, model._base_manager.values())) for model in models}


def check(key: str, before: dict[str, Any]) -> None:
    """Check that all came back, that members are counted once, and that life goes on."""
    assert contents() == before
    for organization in Organization.objects.all():
        counts(organization)
    okta = IdentityProvider(key)
    acme = Organization.objects.get(name="Acme")
    assert okta.get("/Users", count=0).json()["totalResults"] == acme.members.count() == 41
    # Each of these writes a row with a number of its own.
    assert okta.create("new@acme.example", emails=[{"value": "new@acme.example"}]).status_code == 201
    assert okta.get("/Users", count=0).json()["totalResults"] == 42
    acme.approved_domains.create(domain="new.example")
    fresh_key = new_key(acme, expires_on=in_days(900)).api_key
    User.objects.create_user("new@acme.example")
    later = "UPDATE apikeys_apikey SET expires_on = '2100-01-01' WHERE id = %s"
    cursor = connections["default"].cursor()
    with pytest.raises(DatabaseError, match="cannot be changed"), transaction.atomic():
        cursor.execute(later, [fresh_key.pk])


def migrated(url: str, folder: Path) -> None:
    shell("python manage.py migrate --verbosity 0", folder, url)


def test_a_backup_is_restored_into_an_empty_database(key: str, tmp_path: Path) -> None:
    before = contents()
    shell(documented("Back up")[0], tmp_path, database_url())
    with another_database() as url:
        shell(documented("Restore everything, into an empty database")[0], tmp_path, url)
        with default_database(url):
            check(key, before)


def test_its_data_is_restored_into_a_database_that_is_migrated_and_in_use(key: str, tmp_path: Path) -> None:
    before = contents()
    shell(documented("Back up")[0], tmp_path, database_url())
    with another_database() as url:
        migrated(url, tmp_path)
        with default_database(url):
            # Somebody has tried the new database before.
            trial = Organization.objects.create_organization("Trial", domains=["trial.example"], by=SETUP)
            call_command("load_members", trial.public_id, "--count", "50")
        shell(documented("Restore the data alone, into a database that is migrated")[0], tmp_path, url)
        with default_database(url):
            check(key, before)


MADE_BY_MIGRATE = "-T django_migrations -T django_content_type -T auth_permission"
DUMP = f'pg_dump --data-only {MADE_BY_MIGRATE} "$SOURCE"'
RESTORE = 'pg_restore --data-only --exit-on-error --dbname="$DATABASE_URL"'


@pytest.mark.parametrize(
    "commands",
    [
        f'{DUMP} | psql --quiet --set ON_ERROR_STOP=1 "$DATABASE_URL"',
        f'{DUMP} --inserts | psql --single-transaction --quiet --set ON_ERROR_STOP=1 "$DATABASE_URL"',
        f'{DUMP} --disable-triggers | psql --quiet --set ON_ERROR_STOP=1 "$DATABASE_URL"',
        f"{DUMP} --format=custom | {RESTORE}",
        f"{DUMP} --format=custom | {RESTORE} --disable-triggers",
        f"{DUMP} --format=custom --file=dump; {RESTORE} --disable-triggers --jobs=3 dump",
    ],
)
def test_however_the_data_is_restored_members_are_counted_once(commands: str, key: str, tmp_path: Path) -> None:
    before = contents()
    with another_database() as url:
        migrated(url, tmp_path)
        shell(commands, tmp_path, url, SOURCE=database_url())
        with default_database(url):
            check(key, before)


TRY_THE_DEMO = """
    python manage.py migrate --verbosity 0
    python manage.py seed_demo
    find="from members.models import Organization; print(Organization.objects.get().public_id)"
    ORG=$(python manage.py shell --no-imports --command "$find")
    python manage.py set_scim $ORG on
    python manage.py load_members $ORG --count 32
    python manage.py create_api_key $ORG --type scim --description Okta
"""


def test_the_demo_moves_to_postgresql(tmp_path: Path) -> None:
    demo = {"DEMO": "1", "BASE_URL": "http://127.0.0.1:8000", "ALLOWED_HOSTS": "127.0.0.1"}
    sqlite = f"sqlite:///{tmp_path / 'demo.sqlite3'}"
    write, load = documented("From the demo to production")
    key = shell(TRY_THE_DEMO, tmp_path, sqlite, **demo).split()[-1]
    shell(write, tmp_path, sqlite, **demo)
    with another_database() as url:
        shell(load, tmp_path, url)
        # SQLite keeps none of what PostgreSQL's triggers write there.
        shell("python manage.py dumpdata --exclude members.modification --output production.json", tmp_path, url)
        written, loaded = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("demo", "production"))
        assert {"audit.event", "apikeys.apikey", "apikeys.notice"} < {row["model"] for row in written}
        assert loaded == written
        with default_database(url):
            check(key, contents())
