"""Creates an organization with its first Admin, whole or not at all."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.db import transaction

from audit.actor import Actor
from members.directory import DirectoryProfile
from members.errors import MemberError
from members.models import Member, Organization, User
from members.models.role import ADMIN

BY = Actor.system("create_organization")


class Command(BaseCommand):
    """`create_organization NAME --domain D… --admin-email E`."""

    help = (
        "Create an organization with its approved domains, the predefined roles and a first Admin. Prints the "
        "Organization ID, and nothing else, on standard output. The Admin signs in with a code sent by e-mail, or with "
        "a password if one is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("name", help="what people call the organization, as in Acme")
        parser.add_argument(
            "--domain",
            dest="domains",
            metavar="DOMAIN",
            action="append",
            required=True,
            help="approved domain of the members' addresses, as in acme.example; give the option once for each",
        )
        parser.add_argument(
            "--admin-email", metavar="EMAIL", required=True, help="address of the first Admin, at an approved domain"
        )
        parser.add_argument("--admin-first-name", metavar="NAME", default="", help="the Admin's first name")
        parser.add_argument("--admin-last-name", metavar="NAME", default="", help="the Admin's last name")
        parser.add_argument(
            "--time-zone",
            metavar="ZONE",
            default="UTC",
            help="IANA name, as in Europe/Berlin: keys expire at midnight there (default: %(default)s)",
        )
        parser.add_argument(
            "--admin-password-stdin",
            action="store_true",
            help="read a password for the Admin from the first line of standard input",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create everything in one transaction."""
        password = password_from_stdin() if options["admin_password_stdin"] else None
        try:
            with transaction.atomic():
                organization = create(options, password)
        except MemberError as error:
            raise CommandError(error.detail) from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(organization.public_id)
        self.stderr.write(
            f"{organization} is there. {options['admin_email']} signs in at {settings.BASE_URL}/accounts/login/ "
            f"with {'the password' if password else 'a code sent by e-mail'}."
        )


def create(options: dict[str, Any], password: str | None) -> Organization:
    """Create the organization, its Admin and, with a password, the Admin's user."""
    organization = Organization.objects.create_organization(
        options["name"], domains=options["domains"], by=BY, time_zone=options["time_zone"]
    )
    profile = DirectoryProfile.of_person(
        options["admin_email"], options["admin_first_name"], options["admin_last_name"], ADMIN
    )
    member = Member.add(organization, profile, source=Member.Source.MANUAL, by=BY)
    if password is not None:
        create_user(member, password)
    return organization


def create_user(member: Member, password: str) -> None:
    """Create the user who signs in as `member`. Raises CommandError for somebody who has a user already."""
    if User.objects.filter(email=member.user_name.lower()).exists():
        raise CommandError(
            f"{member.user_name} signs in already, to another organization or as staff, and keeps that password: "
            "leave out --admin-password-stdin."
        )
    names = {"first_name": member.given_name, "last_name": member.family_name}
    validate_password(password, User(email=member.user_name, **names))
    User.objects.create_user(member.user_name, password, **names)


def password_from_stdin() -> str:
    """Return the first line of standard input. Raises CommandError for an empty one."""
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandError("--admin-password-stdin was given, but the first line of standard input is empty.")
    return password
