"""The commands as somebody types them: what goes to which stream, and the exit code."""

import os
import subprocess
import sys

import pytest
from django.core.management import call_command

from members.models import Organization
from tests.server import database_url

COMMANDS = (
    "create_organization",
    "set_scim",
    "load_members",
    "seed_demo",
    "create_api_key",
    "send_expiry_reminders",
    "reset_second_factor",
)


def manage(*arguments, stdin=""):
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database_url()}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)


@pytest.mark.django_db(transaction=True)
def test_an_organization_is_made_from_a_shell():
    done = manage(
        *("create_organization", "Acme", "--domain", "acme.example", "--admin-email", "ana@acme.example"),
        "--admin-password-stdin",
        stdin="correct horse battery\nsomething else\n",
    )
    assert (done.returncode, done.stdout) == (0, f"{Organization.objects.get().public_id}\n")
    loaded = manage("load_members", done.stdout.strip(), "--count", "3")
    assert (loaded.returncode, loaded.stdout) == (0, "Added 3 members to Acme; 0 were there.\n")
    assert loaded.stderr == "", "no bar without a terminal"


@pytest.mark.django_db(transaction=True)
def test_a_failure_is_a_sentence_and_an_exit_code():
    failed = manage("set_scim", "nosuchorg", "on")
    assert failed.returncode != 0
    assert failed.stdout == ""
    assert failed.stderr.startswith('CommandError: No organization has the Organization ID "nosuchorg".')
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does_and_what_each_option_is_for(command, capsys):
    with pytest.raises(SystemExit) as leaving:
        call_command(command, "--help")
    assert leaving.value.code == 0
    told = capsys.readouterr().out
    assert told.count("\n") > 10
