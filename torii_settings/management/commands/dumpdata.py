"""Django's `dumpdata`, which leaves out what another database makes for itself: docs/backup.md."""

from django.core.management.base import CommandParser
from django.core.management.commands import dumpdata

from torii_settings.management.derived import NOT_CARRIED


class Command(dumpdata.Command):
    """Names content types, permissions and users by what they are called, as their ids mean nothing elsewhere."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Change the defaults; what is excluded besides is added to them."""
        super().add_arguments(parser)
        parser.set_defaults(exclude=NOT_CARRIED, use_natural_foreign_keys=True)
