"""What an operator is told when a command fails for a reason that they can mend: one sentence that says what to do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import CommandError
from django.core.serializers.base import DeserializationError
from django.db import Error

from lib.database_states import State, state_of

SENTENCES = {
    State.NOT_MIGRATED: "The database isn't migrated ({reason}): run `python manage.py migrate` first.",
    State.NO_RIGHTS: "The database refuses it ({reason}): grant the role in DATABASE_URL the rights that it lacks.",
    State.READ_ONLY: "The database is read-only ({reason}): connect to one that can be written, or wait until this one "
    "can be.",
    State.FULL: "The database has no room left ({reason}): make room on its disk, then try again.",
    State.BUSY: "Another transaction is in the way ({reason}): try again when it is done.",
    State.UNREACHABLE: "The database can't be used ({reason}): check that it runs, and that DATABASE_URL is right.",
}
REFUSED = "The database refuses it ({reason}): --traceback shows where."

LONGEST_REASON = 300


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Raise CommandError, with what to do about it, in place of a failure that an operator can mend."""
    try:
        yield
    except (Error, OSError, UnicodeError) as error:
        raise CommandError(sentence(error)) from error
    except DeserializationError as error:
        # What is wrong with a fixture, or with the database that it is loaded into.
        raise CommandError(sentence(error.__cause__ if isinstance(error.__cause__, Error) else error)) from error
    except CommandError as error:
        # Some of Django's commands, as dumpdata and flush, pass on a database's message of several lines.
        inner = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if isinstance(inner, (Error, OSError)) and (error.__cause__ is None or "\n" in str(error)):
            raise CommandError(sentence(inner), returncode=error.returncode) from inner
        raise


def sentence(error: Exception) -> str:
    """Return what failed, and what to do about it."""
    match error:
        case Error():
            return advice(error).format(reason=first_line(str(error)))
        case BrokenPipeError():
            return "Standard output was closed before everything was written."
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return f"No room is left on the disk{of_file(error)}: make room, then try again."
        case OSError():
            return f"{first_line(error.strerror or str(error))}{of_file(error)}."
        case UnicodeError():
            return f"{first_line(str(error))}: is the terminal's encoding UTF-8?"
        case _:
            return f"{first_line(str(error))}."


def advice(error: Error) -> str:
    """Return the sentence for a database's error, with {reason} to be filled in."""
    state = state_of(error)
    return SENTENCES.get(state, REFUSED) if state else REFUSED


def first_line(text: str) -> str:
    """Return the first line of `text`, without a full stop, shortened if it is long."""
    line = text.strip().partition("\n")[0].strip().removesuffix(".")
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


def of_file(error: OSError) -> str:
    """Return the name of the file that an error is about, after a colon; empty if there is none."""
    return f": {os.fsdecode(error.filename)}" if isinstance(error.filename, (str, bytes)) else ""
