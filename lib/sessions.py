"""Django's sessions in the database, each saved and deleted as a unit of work of its own.

The session middleware saves a session after the view has run, when the view's verb has been committed. The request
can't be run again then, but a session can be saved twice.
"""

from functools import partial

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from lib.rerun import note_write, repeatable, run_unit


class SessionStore(DatabaseStore):
    """A session in the database."""

    def save(self, must_create: bool = False) -> None:
        """Save the session. Raises CreateError if `must_create` and it exists, else UpdateError if it is gone."""
        with repeatable():
            run_unit(partial(super().save, must_create))
        note_write()

    def delete(self, session_key: str | None = None) -> None:
        """Delete this session, or the one with the key."""
        with repeatable():
            run_unit(partial(super().delete, session_key))
        note_write()
