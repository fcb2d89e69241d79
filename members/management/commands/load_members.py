"""Fills an organization with synthetic members, to see how it does with many.

Members are written in batches, each in a transaction of its own: a run that was interrupted is continued by running it
again. The audit log gets one event for the whole load, together with the first batch.
"""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import transaction
from tqdm import tqdm

from audit.actor import Actor
from audit.models import Action, Event
from lib.rerun import run_unit
from members.directory import DirectoryProfile
from members.errors import UnknownRole
from members.management.arguments import whole_number
from members.management.organizations import organization_with_id
from members.models import Member, MemberEmail, Organization, Role
from members.models.member import INSERT_IF_NEW
from members.models.role import EMPLOYEE, role_named

BATCH = 5_000
LARGEST = 10_000_000

GIVEN = (
    "Ada", "Amir", "Bella", "Carlos", "Chen", "Dalia", "Elif", "Emma", "Farid", "Freya", "Goran", "Hana", "Ines",
    "Ivan", "Jakob", "Kofi", "Lena", "Liam", "Mei", "Milan", "Nadia", "Noah", "Olga", "Omar", "Priya", "Quentin",
    "Rosa", "Sami", "Tara", "Uma", "Viktor", "Yara", "Zoe",
)  # fmt: skip
FAMILY = (
    "Almeida", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Hansen", "Ito", "Jansen", "Kaya", "Kim",
    "Larsen", "Mensah", "Moreau", "Nguyen", "Novak", "Okafor", "Patel", "Quinn", "Rossi", "Sato", "Schmidt", "Silva",
    "Tanaka", "Usman", "Vega", "Weber", "Yilmaz",
)  # fmt: skip


class Command(BaseCommand):
    """`load_members ORG --count N`."""

    help = (
        "Add N synthetic members, user0000000 upward at the organization's first approved domain. Those who are there "
        "already are left alone: a second run adds only who is missing, and continues one that was interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("organization", metavar="ORG", help="Organization ID")
        parser.add_argument(
            "--count",
            type=whole_number("--count", LARGEST),
            required=True,
            metavar="N",
            help="how many there are to be",
        )
        parser.add_argument("--role", default=EMPLOYEE, help="name of the role they get (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Add whoever is missing."""
        organization = organization_with_id(options["organization"])
        try:
            role = role_named(organization, options["role"])
        except UnknownRole as error:
            raise CommandError(error.detail) from None
        wanted = options["count"]
        missing = missing_numbers(organization, wanted)
        # Without a terminal, as in a log, there is no bar.
        with tqdm(total=wanted, initial=wanted - len(missing), unit=" members", disable=None) as progress:
            for added in load(organization, role, missing):
                progress.update(added)
        self.stdout.write(f"Added {len(missing):,} members to {organization}; {wanted - len(missing):,} were there.")


def load(organization: Organization, role: Role, missing: Sequence[int]) -> Iterator[int]:
    """Add the members with these numbers; yield the size of each batch once it is committed."""
    domain = first_domain(organization)
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        announced = len(missing) if start == 0 else 0
        run_unit(partial(load_batch, organization, role, batch, domain, announced))
        yield len(batch)


@transaction.atomic
def load_batch(organization: Organization, role: Role, batch: Sequence[int], domain: str, announced: int) -> None:
    """Add the members with these numbers, and the event for a load of `announced` members, unless that is 0."""
    members = [synthetic(organization, role, number, domain) for number in batch]
    # A member of the same name who came in the meantime stays as they are.
    INSERT_IF_NEW.run_many(members)
    added = set(organization.members.filter(pk__in=[m.pk for m in members]).values_list("pk", flat=True))
    MemberEmail.objects.write_down(member for member in members if member.pk in added)
    if announced:
        changes = {"count": announced, "role": role.name}
        by = Actor.command_line("load_members")
        Event.record(Action.MEMBER_LOADED, organization, by=by, target=organization, changes=changes)


def synthetic(organization: Organization, role: Role, number: int, domain: str) -> Member:
    """Return the unsaved member with this number, always with the same name."""
    given = GIVEN[number % len(GIVEN)]
    family = FAMILY[number // len(GIVEN) % len(FAMILY)]
    assigned = "" if role.is_employee else role.name
    profile = DirectoryProfile.of_person(user_name(number, domain), given, family, assigned)
    profile.external_id = f"load-{number}"
    return Member.described(organization, role, profile, source=Member.Source.SCIM)


def missing_numbers(organization: Organization, wanted: int) -> list[int]:
    """Return the numbers below `wanted` whose member is not there."""
    domain = first_domain(organization)
    there = organization.members.filter(user_name__lower__startswith="user").values_list("user_name", flat=True)
    taken = {name.lower() for name in there.iterator(chunk_size=BATCH)}
    return [number for number in range(wanted) if user_name(number, domain) not in taken]


def user_name(number: int, domain: str) -> str:
    """Return the userName of the synthetic member with this number."""
    return f"user{number:07}@{domain}"


def first_domain(organization: Organization) -> str:
    """Return the domain that was approved first."""
    return organization.approved_domains.order_by("id").values_list("domain", flat=True)[0]
