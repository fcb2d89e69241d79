"""Generates an API key and prints it, this once."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from apikeys.errors import KeyInvalid
from apikeys.models import ApiKey
from audit.actor import Actor
from members.management.organizations import organization_with_id

KINDS = {kind.replace("_", "-"): kind for kind in ApiKey.Kind.values}


class Command(BaseCommand):
    """`create_api_key ORG --type T --description X`."""

    help = (
        "Generate an API key of an organization. Prints the key, and nothing else, on standard output: it is shown "
        "this once and can't be recovered."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("organization", metavar="ORG", help="Organization ID")
        parser.add_argument(
            "--type",
            choices=KINDS,
            required=True,
            help="what the key opens: the SCIM API, or the REST API to read only or to read and write",
        )
        parser.add_argument(
            "--description", metavar="TEXT", required=True, help='where it will be used, as in "Okta production"'
        )
        parser.add_argument(
            "--expires",
            type=date,
            metavar="YYYY-MM-DD",
            help="the key is refused from midnight of this day on, in the organization's time zone; it can't be "
            "changed later (default: never)",
        )
        parser.add_argument(
            "--network",
            action="append",
            default=[],
            metavar="CIDR",
            help="the key may be used only from here, as in 203.0.113.0/24 (repeatable; default: from anywhere); it "
            "can't be changed later",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Generate the key."""
        organization = organization_with_id(options["organization"])
        try:
            with transaction.atomic():
                new = ApiKey.generate(
                    organization,
                    kind=KINDS[options["type"]],
                    description=options["description"],
                    expires_on=options["expires"],
                    allowed_networks=options["network"],
                    by=Actor.command_line("create_api_key"),
                )
                # A key that can't be shown is none.
                self.stdout.write(new.text)
                self.stdout.flush()
        except KeyInvalid as error:
            raise CommandError(error.detail) from None
        until = "never expires"
        if new.api_key.expires_at:
            until = f"expires at {new.api_key.local_expiry():%Y-%m-%d %H:%M %Z}"
        self.stderr.write(f"{new.api_key.get_kind_display()} key of {organization}, {until}. Store it now.")
        if new.api_key.waits_for_scim(timezone.now()):
            self.stderr.write("SCIM is off, so it gets 403 until SCIM is turned on: manage.py set_scim.")


def date(text: str) -> dt.date:
    """Return the day that `text` spells."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise CommandError(f'--expires: "{text[:40]}" is no date: write it as in 2027-03-31.') from None
