"""Turns SCIM on or off for an organization."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from audit.actor import Actor
from members.management.organizations import organization_with_id


class Command(BaseCommand):
    """`set_scim ORG on|off`."""

    help = (
        "Turn SCIM on or off for an organization. Off, its SCIM keys get 403 from the next request on; nothing is "
        "lost, and turning it on again resumes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("organization", metavar="ORG", help="Organization ID")
        parser.add_argument("state", choices=("on", "off"))

    def handle(self, *args: Any, **options: Any) -> None:
        """Turn SCIM on or off; what is so already stays so."""
        organization = organization_with_id(options["organization"])
        by = Actor.command_line("set_scim")
        if options["state"] == "on":
            organization.enable_scim(by=by)
        else:
            organization.disable_scim(by=by)
        self.stdout.write(f"SCIM is {options['state']} for {organization}.")
