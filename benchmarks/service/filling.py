"""Fills the service's tables as its own commands and API do, in a process with its settings (`benchmarks.loading`)."""

import json
from collections.abc import Iterable
from dataclasses import replace
from io import StringIO
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.db.models import QuerySet
from django.test import Client, override_settings

from benchmarks.service.environment import BASE
from benchmarks.subject import DOMAIN, GROUP, SCIM, Content, Organization, Person, Size
from members import models
from members.models.role import EMPLOYEE

# The Members page shows everybody but Employees: this many, or this part of all, make it several pages.
READERS, READERS_SHARE = 200, 0.2
SMALL_GROUP, LARGE_GROUP = 10, 100_000
MORE_KEYS = 40
NEIGHBOURS, NEIGHBOURS_DOMAIN = 100, "globex.example"
FROM_THE_END = 150
STRIDE = 20_000
BATCH = 5_000


def fill(size: Size) -> Content:
    """Migrate, and fill as many organizations as `size` says; one alone gets groups, keys, a session, neighbours."""
    call_command("migrate", verbosity=0)
    if size.organizations > 1:
        domains = [f"org{number:04}.example" for number in range(size.organizations)]
    else:
        domains = [DOMAIN]
    keys = {domain: fill_organization(domain, size.members) for domain in domains}
    people = sample(keys, 2 * size.sample(), models.Member.objects.all())
    content = Content(
        organizations=[Organization(key, domain) for domain, key in keys.items()],
        people=people[::2],
        others=people[1::2],
    )
    return content if size.organizations > 1 else furnished(content)


def fill_organization(domain: str, members: int) -> str:
    """Make an organization of `members`, some of whom may read its settings, and return its key."""
    organization = said("create_organization", domain, "--domain", domain, "--admin-email", f"ana@{domain}")
    said("set_scim", organization, "on")
    readers = min(READERS, int(members * READERS_SHARE))
    said("load_members", organization, "--count", str(readers), "--role", "Read Only")
    said("load_members", organization, "--count", str(members))
    return new_key(organization)


def new_key(organization: str) -> str:
    """Generate a SCIM key."""
    return said("create_api_key", organization, "--type", "scim", "--description", "benchmark")


def said(*command: str) -> str:
    """Return what a management command prints."""
    output = StringIO()
    call_command(*command, stdout=output, stderr=StringIO())
    return output.getvalue().strip()


def sample(keys: dict[str, str], count: int, members: QuerySet[models.Member]) -> list[Person]:
    """Return `count` Employees of these in no order; `keys` are those of the organizations, by domain."""
    drawn = members.filter(role__name=EMPLOYEE).order_by("?")[:count]
    return [
        Person(str(pk), user_name, external_id, keys[user_name.partition("@")[2]])
        for pk, user_name, external_id in drawn.values_list("pk", "user_name", "external_id")
    ]


def furnished(content: Content) -> Content:
    """Return the content of one organization with two groups, a place near the end of its list, a session, keys."""
    [organization] = models.Organization.objects.all()
    client = Client(headers={"host": "127.0.0.1", "authorization": f"Bearer {content.organizations[0].key}"})
    readers = organization.members.filter(role__name="Read Only").values_list("pk", flat=True)
    sampled = [person.id for person in (*content.people, *content.others)]
    others = organization.members.exclude(pk__in=sampled).values_list("pk", flat=True)
    many: list[UUID | str] = [*sampled, *others[: LARGE_GROUP - len(sampled)]]
    return replace(
        content,
        small_group=make_group(client, organization, "Few", readers[:SMALL_GROUP]),
        large_group=make_group(client, organization, "Many", many),
        cursor=cursor_near_the_end(client, organization.members.count()),
        session=session_of(organization.members.admins().get()),
        organization_id=organization.public_id,
        more_keys=[new_key(organization.public_id) for _ in range(MORE_KEYS)],
        neighbours=neighbours(),
    )


def neighbours() -> list[Person]:
    """Make another, small organization and return its Employees."""
    key = fill_organization(NEIGHBOURS_DOMAIN, NEIGHBOURS)
    of_theirs = models.Member.objects.filter(user_name__endswith=f"@{NEIGHBOURS_DOMAIN}")
    return sample({NEIGHBOURS_DOMAIN: key}, NEIGHBOURS, of_theirs)


def make_group(client: Client, organization: models.Organization, name: str, member_ids: Iterable[UUID | str]) -> str:
    """Make a group of these members and return its id."""
    body = json.dumps({"schemas": [GROUP], "displayName": name})
    group_id: str = client.post(f"{BASE}/Groups", body, content_type=SCIM).json()["id"]
    models.GroupMembership.objects.bulk_create(
        (
            models.GroupMembership(organization=organization, group_id=group_id, member_id=member_id)
            for member_id in member_ids
        ),
        batch_size=BATCH,
    )
    return group_id


def cursor_near_the_end(client: Client, members: int) -> str:
    """Walk the list in strides, which this process may take larger than a server gives out, and return where it ends.

    A page of 100 begins there, and is not the last one.
    """
    cursor, left = "", members - FROM_THE_END
    with override_settings(SCIM_PAGE_SIZE_MAX=STRIDE):
        while left > 0:
            query = {"cursor": cursor, "count": str(min(left, STRIDE)), "attributes": "id"}
            cursor = client.get(f"{BASE}/Users", query).json()["nextCursor"]
            left -= STRIDE
    return cursor


def session_of(member: models.Member) -> str:
    """Sign a member in and return the session's cookie."""
    user = models.User.objects.create_user(member.user_name)
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client.cookies[settings.SESSION_COOKIE_NAME].value
