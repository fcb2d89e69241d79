"""Django's `loaddata`, which passes over what this database makes for itself: docs/backup.md."""

from collections.abc import Sequence

from django.core.management.base import CommandParser
from django.core.management.commands import loaddata

from audit import append_only
from torii_settings.management.derived import NOT_CARRIED


class Command(loaddata.Command):
    """Also takes a file that Django's own `dumpdata` has written."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Change the default; what is excluded besides is added to it."""
        super().add_arguments(parser)
        parser.set_defaults(exclude=NOT_CARRIED)

    def loaddata(self, fixture_labels: Sequence[str]) -> None:
        """Load the audit log with the dates that its events have."""
        with append_only.lifted():
            super().loaddata(fixture_labels)
