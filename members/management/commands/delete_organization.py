"""Deletes an organization with all that it has, after writing it into a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from members.deletion import ChangedSinceExport, close, delete
from members.export import export
from members.management.organizations import organization_with_id
from members.models import Organization

TRIES = 3


class Command(BaseCommand):
    """`delete_organization ORG --export FILE`."""

    help = (
        "Write an organization into a file, then delete it with its members, keys and log. From the moment the file is "
        "whole nobody gets in any more, and all keys are dead. Killed half way, it goes on when it is run again, "
        "without another file. Can't be undone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("organization", metavar="ORG", help="Organization ID")
        wanted = parser.add_mutually_exclusive_group(required=True)
        wanted.add_argument("--export", metavar="FILE", type=Path, help="a new file, JSON lines, for its owner alone")
        wanted.add_argument("--no-export", action="store_true", help="keep nothing")
        parser.add_argument("--yes", action="store_true", help="don't ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, export, close, and delete."""
        organization = organization_with_id(options["organization"])
        if not options["yes"]:
            ask(organization)
        if organization.deleting_since is None:
            self.close(organization, options["export"])
        else:
            self.stderr.write(f"An earlier run has begun to delete {organization}. This one goes on.")
        number = delete(organization)
        self.stdout.write(f"{organization} ({organization.public_id}) is deleted: {number:,} rows.")

    def close(self, organization: Organization, path: Path | None) -> None:
        """Export the organization and close it, before anything else happens in it."""
        if path is None:
            close(organization, None)
            return
        for _ in range(TRIES):
            try:
                close(organization, export(organization, path))
            except ChangedSinceExport:
                path.unlink()
                continue
            except OSError as error:
                raise CommandError(f"Nothing was deleted. The export failed: {error}") from None
            self.stderr.write(f"{path} has all that {organization} had.")
            return
        raise CommandError(f"Nothing was deleted. {organization} is in use, and changes while it is exported.")


def ask(organization: Organization) -> None:
    """Have the organization's name typed. Raises CommandError for anything else."""
    number = organization.members.count()
    typed = input(f"Delete {organization} with its {number:,} members, keys and log? Type its name: ")
    if typed.strip() != organization.name:
        raise CommandError("Nothing was deleted.")
