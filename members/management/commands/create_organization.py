"""Creates an organization with its first Admin, whole or not at all; and once, unless a second one is asked for."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.db import connection, transaction

from audit.actor import Actor
from lib.addresses import absolute
from members.directory import DirectoryProfile
from members.errors import MemberError
from members.management.arguments import line
from members.models import Member, Organization, User
from members.models.role import ADMIN

COMMAND = "create_organization"
BY = Actor.command_line(COMMAND)


class Command(BaseCommand):
    """`create_organization NAME --domain D… --admin-email E`."""

    help = (
        "Create an organization with its approved domains, the predefined roles and a first Admin. Prints the "
        "Organization ID, and nothing else, on standard output. The Admin signs in with a code sent by e-mail, or with "
        "a password if one is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument(
            "name",
            type=line("The name", Organization, "name"),
            help="what people call the organization, as in Acme",
        )
        parser.add_argument(
            "--again",
            action="store_true",
            help="create another organization although there is one of this name, in whatever case",
        )
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
        for option, field, what in (
            ("--admin-first-name", "given_name", "first name"),
            ("--admin-last-name", "family_name", "last name"),
        ):
            take = line(f"The Admin's {what}", Member, field)
            parser.add_argument(option, metavar="NAME", default="", type=take, help=f"the Admin's {what}")
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
                refuse_a_second(options["name"], again=options["again"])
                organization = create(options, password)
                # Whoever can't be told the Organization ID has no organization.
                self.stdout.write(organization.public_id)
                self.stdout.flush()
        except MemberError as error:
            raise CommandError(error.detail) from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stderr.write(
            f"{organization} is there. {options['admin_email']} signs in at {absolute('/accounts/login/')} "
            f"with {'the password' if password else 'a code sent by e-mail'}.\n"
            "Others sign in there with a code sent by e-mail, once the Admin or the identity provider has added them."
        )


def refuse_a_second(name: str, *, again: bool) -> None:
    """Raise CommandError if there is an organization of this name, unless another one is wanted `again`.

    Two commands at the same moment come one after the other, until their transactions end.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [COMMAND])
    found = Organization.objects.with_name(name)
    if found and not again:
        ids = ", ".join(organization.public_id for organization in found)
        raise CommandError(
            f"{found[0].name} is there already, with the Organization ID {ids}: --again creates another of that name."
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
