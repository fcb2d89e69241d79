"""Fills an empty demo with an organization to try the product on; one that has been filled stays as it was left."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import transaction

from apikeys.demo import add_keys
from audit.actor import Actor
from members.demo import ADMIN_EMAIL, PASSWORD, STAFF_EMAIL
from members.directory import DirectoryProfile, GroupProfile
from members.models import Group, Level, Member, Organization, Role, Scope, User
from members.models.role import ADMIN, EMPLOYEE
from members.models.scope import everywhere

BY = Actor.command_line("seed_demo")

NAME = "Acme"
DOMAINS = ["acme.example", "example.com"]
CONTRACT_MANAGER = "Contract Manager"
PEOPLE = (
    (ADMIN_EMAIL, "Ana", "Admin", ADMIN),
    ("ira@acme.example", "Ira", "Iversen", "IT Admin"),
    ("rosa@acme.example", "Rosa", "Romero", "Read Only"),
    ("pavel@acme.example", "Pavel", "Petrov", "Procurement"),
    ("carla@acme.example", "Carla", "Conti", CONTRACT_MANAGER),
    ("emil@acme.example", "Emil", "Ekberg", EMPLOYEE),
    ("elena@acme.example", "Elena", "Esposito", EMPLOYEE),
    ("egon@example.com", "Egon", "Ebert", EMPLOYEE),
)
GROUPS = {
    "Engineering": ("ira@acme.example", "emil@acme.example", "elena@acme.example"),
    "Finance": ("pavel@acme.example", "egon@example.com"),
}
FORMER = ("dora@acme.example", "Dora", "Duval", "Procurement")


class Command(BaseCommand):
    """`seed_demo`."""

    help = (
        "Fill the demo: the organization Acme with SCIM on, members in every role, keys in every state, two groups and "
        "a request that was refused; and a member of the vendor's staff. Needs DEMO=1. Run again, it changes nothing, "
        "whatever has become of them. Prints how to sign in."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Fill the demo in one transaction, unless it has been."""
        if not settings.DEMO:
            raise CommandError("This is no demo. seed_demo makes people with a known password, so it needs DEMO=1.")
        with transaction.atomic():
            if not User.objects.filter(email=STAFF_EMAIL).exists():
                seed()
        self.stdout.write(HOW_TO_SIGN_IN.format(url=settings.BASE_URL))


OTHERS = ", ".join(f"{user_name}, {role}" for user_name, _, _, role in PEOPLE[1:] if role != EMPLOYEE)
HOW_TO_SIGN_IN = f"""\
  Settings:     {{url}}/settings/
                {ADMIN_EMAIL} (an Admin of {NAME}), password: {PASSWORD}
                The others ({OTHERS}) sign in with a code: “E-mail me a code”, which var/mail then has.
  Staff admin:  {{url}}/admin/
                {STAFF_EMAIL}, password: {PASSWORD}"""


def seed() -> None:
    """Add the organization with all that it has, and the users who sign in with a password."""
    organization = Organization.objects.create_organization(NAME, domains=DOMAINS, by=BY)
    add_contract_manager(organization)
    for person in PEOPLE:
        add_member(organization, *person)
    add_member(organization, *FORMER).deactivate(by=BY)
    organization.enable_scim(by=BY)
    okta = add_keys(organization, by=BY).actor()
    for name, user_names in GROUPS.items():
        people = {organization.members.with_user_name(user_name).get().pk for user_name in user_names}
        Group.add(organization, GroupProfile(name, replace_members=people), by=okta)
    User.objects.create_user(ADMIN_EMAIL, first_name="Ana", last_name="Admin")
    User.objects.create_superuser(STAFF_EMAIL, first_name="Stella", last_name="Staff")


def add_contract_manager(organization: Organization) -> None:
    """Add the custom role."""
    access = everywhere(Level.NONE) | {Scope.MEMBERS.value: Level.READ.value, Scope.AUDIT_LOG.value: Level.READ.value}
    description = "Looks up who holds which contract."
    Role(organization=organization, name=CONTRACT_MANAGER, description=description, access=access).create_role(by=BY)


def add_member(organization: Organization, user_name: str, given: str, family: str, role: str) -> Member:
    """Add a member by hand."""
    profile = DirectoryProfile.of_person(user_name, given, family, role)
    return Member.add(organization, profile, source=Member.Source.MANUAL, by=BY)
