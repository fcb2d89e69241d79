"""Many commands at the price of one start: `python -m tests.processes.forked_commands` forks once Django is loaded.

Standard input is a JSON list of commands, each a list of arguments as manage.py gets them. Each runs to its end in a
process of its own. Standard output is a JSON list of their exit codes and of what they have said.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import django
from django.core.checks import run_checks

from torii_settings.command_line import run

# seed_demo needs the demo, which is for this machine alone.
DEMO = {
    "DJANGO_SETTINGS_MODULE": "tests.settings",
    "DEMO": "1",
    "BASE_URL": "http://127.0.0.1:8000",
    "ALLOWED_HOSTS": "127.0.0.1",
}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def run_all(commands: list[list[str]], **environment: str) -> list[Done]:
    """Run `commands`, one after the other, with `environment` on top of the tests' own."""
    given = os.environ | DEMO | environment
    command = [sys.executable, "-m", "tests.processes.forked_commands"]
    done = subprocess.run(command, input=json.dumps(commands), env=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [Done(*each) for each in json.loads(done.stdout)]


def main() -> None:
    django.setup()
    # Before most commands Django checks the project, which is slow the first time.
    run_checks()
    done = []
    for arguments in json.load(sys.stdin):
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            child = os.fork()
            if child == 0:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                os._exit(exit_code(["manage.py", *arguments]))
            _, status = os.waitpid(child, 0)
            out.seek(0)
            err.seek(0)
            done.append((os.waitstatus_to_exitcode(status), out.read(), err.read()))
    json.dump(done, sys.stdout)


def exit_code(arguments: list[str]) -> int:
    """Run a command and return its exit code. Python's own end would take longer than most commands do."""
    code: object = 0
    try:
        run(arguments)
    except SystemExit as leaving:
        code = leaving.code
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else 1


if __name__ == "__main__":
    main()
