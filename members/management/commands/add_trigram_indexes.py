"""Builds the indexes of trigrams that a migration had to leave out, because PostgreSQL had no `pg_trgm` then."""

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import connection

from members.indexes import build, has_extension


class Command(BaseCommand):
    """`add_trigram_indexes`."""

    help = "Build PostgreSQL's indexes of trigrams, beside the traffic, once the extension pg_trgm has been added."

    def handle(self, *args: Any, **options: Any) -> None:
        """Build what is missing."""
        if connection.vendor != "postgresql":
            raise CommandError("Only PostgreSQL has indexes of trigrams.")
        if not has_extension(connection):
            raise CommandError(
                "The database has no extension pg_trgm: let somebody who may run CREATE EXTENSION pg_trgm."
            )
        names = build(connection)
        self.stdout.write(f"Built {' and '.join(names)}." if names else "The indexes are there already.")
