"""Django's commands and ours, all of which say in one sentence what an operator can mend."""

import sys
from typing import Any

from django.core.management import BaseCommand, CommandError, ManagementUtility

from torii_settings.failures import in_a_sentence


class Utility(ManagementUtility):
    """What manage.py runs."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Return a command that raises CommandError, which Django prints, for what an operator can mend."""
        command = super().fetch_command(subcommand)
        execute = command.execute

        def execute_or_tell(*args: Any, **options: Any) -> str | None:
            with in_a_sentence():
                return execute(*args, **options)

        command.execute = execute_or_tell  # type: ignore[method-assign]
        return command


def run_command(arguments: list[str]) -> None:
    """Run the command that `arguments`, those of manage.py, name."""
    try:
        # What fails out here: an argument that won't do, and what a command has said but nobody could write down.
        with in_a_sentence():
            Utility(arguments).execute()
            sys.stdout.flush()
    except CommandError as error:
        if "--traceback" in arguments:
            raise
        sys.stderr.write(f"CommandError: {error}\n")
        sys.exit(error.returncode)
