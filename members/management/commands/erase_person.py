"""Erases a person from one organization, or from all."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from audit.actor import Actor
from members.erasure import erase_everywhere, erase_person
from members.errors import MemberError
from members.management.organizations import organization_with_id


class Command(BaseCommand):
    """`erase_person ADDRESS [--organization ORG] [--former]`."""

    help = (
        "Remove a person, and erase their name and address from the audit log, keys, mails and the login table. What "
        "they did stays, under a pseudonym, which is printed with the Organization ID. Can't be undone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("address", metavar="ADDRESS", help="the person's e-mail address")
        parser.add_argument(
            "--organization", metavar="ORG", help="Organization ID; without it, every organization that knows them"
        )
        parser.add_argument(
            "--former",
            action="store_true",
            help="erase only who had the address before; needs --organization, whose present member stays",
        )
        parser.add_argument("--yes", action="store_true", help="don't ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, and erase the person."""
        address, by = options["address"].strip(), Actor.command_line("erase_person")
        if options["former"] and not options["organization"]:
            raise CommandError("--former needs --organization.")
        if not options["yes"] and input(f"Erase {address} for good? Type the address again: ").strip() != address:
            raise CommandError("Nobody was erased.")
        try:
            if options["organization"]:
                organization = organization_with_id(options["organization"])
                keep = options["former"]
                erased = [(organization, erase_person(organization, address, by=by, keep_member=keep))]
            else:
                erased = list(erase_everywhere(address, by=by))
        except MemberError as error:
            raise CommandError(error.detail) from None
        if not erased:
            raise CommandError("No organization knows this address.")
        for organization, pseudonym in erased:
            self.stdout.write(f"{organization.public_id} {pseudonym}")
