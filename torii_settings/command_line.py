"""How a management command ends: with what it was asked for, or with one sentence and an exit status that isn't 0.

What an operator can mend, as a database that is away, is told in a sentence (`torii_settings.failures`); --traceback
shows all of it. Ctrl-C and SIGTERM undo what isn't finished. Anything else is our own fault and keeps its traceback.
"""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn


class Terminated(KeyboardInterrupt):
    """SIGTERM has come. As psycopg knows KeyboardInterrupt, it stops waiting for PostgreSQL at once."""


def run(arguments: list[str]) -> None:
    """Run the command that `arguments`, those of manage.py, name."""
    signal.signal(signal.SIGTERM, terminate)
    try:
        # Ctrl-C may come while this is imported, which takes most of the start.
        from torii_settings.commands import run_command

        refuse_undecodable(arguments)
        run_command(arguments)
    except KeyboardInterrupt as interruption:
        leave(interruption)
    finally:
        give_up_what_cannot_be_written()


def terminate(signum: int, frame: FrameType | None) -> NoReturn:
    """Unwind, so that transactions are rolled back and files are closed."""
    raise Terminated


def leave(interruption: KeyboardInterrupt) -> NoReturn:
    """Say that the command was ended, and exit as a shell expects of what a signal has ended."""
    signum = signal.SIGTERM if isinstance(interruption, Terminated) else signal.SIGINT
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    sys.stderr.write(f"Ended by {signum.name}: what was not finished is undone.\n")
    sys.exit(128 + signum)


def refuse_undecodable(arguments: list[str]) -> None:
    """Exit if an argument isn't text: Python stands surrogates in for bytes that aren't, and no database takes them."""
    for number, argument in enumerate(arguments):
        try:
            argument.encode()
        except UnicodeEncodeError:
            sys.exit(f"Argument {number} is not text in UTF-8: {argument!a}.")


def give_up_what_cannot_be_written() -> None:
    """Let the interpreter find nothing to write when it ends: it would fail again, with a message of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
