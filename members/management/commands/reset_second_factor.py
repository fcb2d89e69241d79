"""Resets somebody's second factor: the way back in for the only superuser, whose phone is lost."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from audit.actor import Actor
from members.models import User
from members.second_factor import is_set_up, reset


class Command(BaseCommand):
    """`reset_second_factor ADDRESS`."""

    help = (
        "Remove the second factor of a user who has lost both phone and recovery codes. It stops working at once, and "
        "the user gets a mail. Staff set up another app when they next sign in. Superusers can do the same for others "
        "in the staff admin."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("address", metavar="ADDRESS", help="the e-mail address that the user signs in with")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reset it; a user who has none stays as they are."""
        try:
            user = User.objects.get_by_natural_key(options["address"])
        except User.DoesNotExist:
            raise CommandError(f'No user has the address "{options["address"][:100]}".') from None
        if not is_set_up(user):
            self.stdout.write(f"{user} has no second factor.")
            return
        reset(user, by=Actor.command_line("reset_second_factor"))
        self.stdout.write(f"The second factor of {user} is reset.")
