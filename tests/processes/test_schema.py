"""The service in a schema of another name: nothing of ours asks for `public`."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from django.db import connection

from tests.databases import new_database
from tests.identity_provider import PATCH_OP, USER
from tests.processes.hosts import identity_provider
from tests.server import ROOT, database_url, web_server

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no schemas"),
]

SCHEMA = "Torii's own"
USERS, GROUPS = "/Users", "/Groups"


def by_option(url: str) -> str:
    """Have the URL say where tables are."""
    return f"{url}?options={quote('-csearch_path=' + quoted().replace(' ', chr(92) + ' '))}"


def by_role(url: str) -> str:
    """Have PostgreSQL tell each connection where tables are, in this database."""
    with psycopg.connect(url, autocommit=True) as server:
        name = urlsplit(url).path[1:]
        server.execute(f'ALTER DATABASE "{name}" SET search_path = {quoted()}')
    return url


def quoted() -> str:
    return f'"{SCHEMA}"'


@pytest.mark.parametrize("choose", [by_option, by_role])
def test_everything_works_in_another_schema(choose: Callable[[str], str], tmp_path: Path) -> None:
    with new_database("template1") as name:
        plain = urlsplit(database_url())._replace(path=f"/{name}").geturl()
        with psycopg.connect(plain, autocommit=True) as server:
            server.execute(f"CREATE SCHEMA {quoted()}")
            # Whatever were looked for in it would be an error.
            server.execute("DROP SCHEMA public")
        url = choose(plain)
        manage(url, "migrate", "--verbosity", "0")
        new = ("--domain", "acme.example", "--admin-email", "ana@acme.example")
        acme = manage(url, "create_organization", "Acme", *new)
        manage(url, "set_scim", acme, "on")
        manage(url, "load_members", acme, "--count", "30")
        key = manage(url, "create_api_key", acme, "--type", "scim", "--description", "Okta")
        with web_server(DATABASE_URL=url) as address, identity_provider(address, key) as okta:
            walk(okta)
        assert "Key generated" in manage(url, "send_expiry_reminders", "--dry-run")
        with psycopg.connect(plain) as server:
            found = server.execute(
                "SELECT DISTINCT table_schema::text FROM information_schema.tables "
                "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
        assert found == [(SCHEMA,)]


def manage(url: str, *arguments: str) -> str:
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def walk(okta):
    """Do what an identity provider does."""
    assert okta.get(USERS, params={"count": 0}).json()["totalResults"] == 31
    made = okta.post(USERS, json={"schemas": [USER], "userName": "bob@acme.example"})
    assert made.status_code == 201, made.text
    bob = made.json()["id"]
    patch = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    assert okta.patch(f"{USERS}/{bob}", json=patch).json()["active"] is False
    group = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "G",
        "members": [{"value": bob}],
    }
    assert okta.post(GROUPS, json=group).status_code == 201
    found = okta.get(USERS, params={"filter": 'userName eq "BOB@acme.example"'}).json()
    assert [user["id"] for user in found["Resources"]] == [bob]
    assert okta.get(USERS, params={"filter": 'displayName co "a"', "sortBy": "userName"}).status_code == 200
    assert okta.delete(f"{USERS}/{bob}").status_code == 204
    assert okta.get(USERS, params={"count": 0}).json()["totalResults"] == 31


def test_no_sql_of_ours_names_a_schema() -> None:
    rooms = ("members", "apikeys", "audit", "scim", "api", "lib", "torii_settings")
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        assert not re.search(r"\bpublic\.[a-z]", path.read_text()), path
