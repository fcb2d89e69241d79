"""Django's `migrate`, for a database that is in use: by the service, and maybe by a second `migrate`."""

import time
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

from lib.turns import turn

LOCK_NOT_AVAILABLE = "55P03"
LONGEST_PAUSE = 30  # seconds


class Command(migrate.Command):
    """Waits for its turn, and tries a migration again that couldn't lock a table in time.

    How long a migration waits for a lock: `torii_settings.postgresql.schema`.
    """

    # The migration that is being applied.
    migration: Migration | None = None

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, once no other `migrate` is at work on the database."""
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)
            return
        database = connections[options["database"]]
        refuse_other_encodings(database)
        with turn(database, "migrate", on_wait=self.say_that_it_waits):
            self.migrate(*args, **options)

    def say_that_it_waits(self) -> None:
        """Tell why nothing happens."""
        self.stderr.write("Another migrate is at work on this database: waiting until it is done.")

    def migrate(self, *args: Any, **options: Any) -> None:
        """Migrate; after a migration whose lock was not to be had, begin again there."""
        pauses = [min(2**number, LONGEST_PAUSE) for number in range(settings.MIGRATION_LOCK_TRIES - 1)]
        for pause in [*pauses, None]:
            try:
                super().handle(*args, **options)
                return
            except OperationalError as error:
                if not self.lacked_a_lock(error):
                    raise
                if pause is None:
                    raise CommandError(
                        f"{self.migration} could not lock what it changes: other transactions have been using it for "
                        "too long. Nothing of it is applied. Run migrate again when they are done."
                    ) from error
                self.stderr.write(f"\n{self.migration} could not lock what it changes: trying again in {pause} s.")
                time.sleep(pause)

    def lacked_a_lock(self, error: OperationalError) -> bool:
        """Whether a migration was rolled back because it waited too long for a lock.

        One that isn't atomic may have done a part of its work, so it is not tried again.
        """
        lacked = getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE
        return lacked and self.migration is not None and self.migration.atomic

    def migration_progress_callback(self, action: str, migration: Migration | None = None, fake: bool = False) -> None:
        """Remember what is being applied."""
        if action in ("apply_start", "unapply_start"):
            self.migration = migration
        super().migration_progress_callback(action, migration, fake)


def refuse_other_encodings(database: BaseDatabaseWrapper) -> None:
    """Raise CommandError for a database that can't hold every text: what people are called would be a fault of ours."""
    if database.vendor != "postgresql":
        return
    with database.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_encoding')")
        (encoding,) = cursor.fetchone()
    if encoding != "UTF8":
        raise CommandError(
            f"The database keeps text as {encoding}, which lacks most characters: make one in UTF-8 "
            "(createdb --template=template0 --encoding=UTF8), and name it in DATABASE_URL."
        )
