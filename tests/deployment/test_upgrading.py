"""docs/upgrading.md: its commands do what it says, and what it names exists."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import psycopg
import pytest
from django.conf import settings

from members.models import Member
from tests.databases import connection_to, copy_of_the_database, new_database
from tests.deployment.checkout import bare_environment, copy_what_ships
from tests.server import ROOT, database_url
from tests.services import postgres_binary

PAGE = (ROOT / "docs" / "upgrading.md").read_text()
CODE_BLOCK = re.compile(r"^( *)```\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# Walked by test_production_install.py.
INSTALL = "pip install"

LINES = [line for _, block in CODE_BLOCK.findall(PAGE) for line in dedent(block).splitlines()]


@pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis")
@pytest.mark.django_db(transaction=True)
def test_its_commands_back_up_migrate_and_restore(ana: Member, tmp_path: Path):
    copy_what_ships(tmp_path)
    environment = bare_environment(Path(sys.prefix)) | {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "API_KEY_PEPPERS": secrets.token_urlsafe(48),
        "ALLOWED_HOSTS": "settings.example.com",
        "BASE_URL": "https://settings.example.com",
        "EMAIL_URL": "smtp://127.0.0.1",
        "DEFAULT_FROM_EMAIL": "settings@example.com",
    }
    environment["PATH"] = os.pathsep.join([str(Path(postgres_binary("pg_dump")).parent), environment["PATH"]])
    with copy_of_the_database() as database, new_database("template1") as empty:
        for line in LINES:
            if line.startswith("SELECT"):
                with psycopg.connect(database_url(database)) as server:
                    assert server.execute(line).fetchall()
            elif not line.startswith(INSTALL):
                restores = line.startswith("pg_restore")
                url = database_url(connection_to(empty) if restores else database)
                done = subprocess.run(
                    ["bash", "-c", line],
                    cwd=tmp_path,
                    env=environment | {"DATABASE_URL": url},
                    capture_output=True,
                    text=True,
                    timeout=120,
                )
                assert done.returncode == 0, f"{line}\n{done.stderr}"
        with psycopg.connect(database_url(connection_to(empty))) as restored:
            assert restored.execute("SELECT user_name FROM members_member").fetchall() == [(ana.user_name,)]


def test_it_backs_up_before_it_migrates_and_restores_last():
    words = [line.split()[0] if not line.startswith("python") else line.split()[2] for line in LINES]
    assert words == ["pg_dump", "pip", "migrate", "migrate", "collectstatic", "SELECT", "pg_restore"]


def test_every_file_that_it_names_exists():
    named = set(re.findall(r"(?:tests|lib)/[\w/]+(?:\.py)?", PAGE))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
