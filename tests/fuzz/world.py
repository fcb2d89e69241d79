"""The world that odd requests meet: three organizations, whoever may call, and a word by which each is recognized.

Everything of an organization has its word in it, in every field that holds text. An answer with the word of one whom
the caller may not see gives it away, whichever page, error or list it is on.
"""

import datetime as dt
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.conf import settings
from django.test import Client

from apikeys.demo import Sample, add
from apikeys.models import ApiKey
from apikeys.secret import KeyText
from members.directory import DirectoryProfile, GroupProfile
from members.models import Group, Level, Member, Organization, Role, User
from members.models.scope import everywhere
from tests.conftest import SETUP, SIGN_IN, new_key, organization, person, sign_in_staff

WORDS = {"a": "quokkavale", "b": "zebrafinchery", "c": "umbrellabird"}
EMPLOYEES = 60
# What views call the ids in their addresses, and what they are the ids of.
NAMES = {
    "uuid": "member",
    "member_id": "member",
    "role_id": "role",
    "group_id": "group",
    "key_id": "key",
    "event_id": "event",
}


@dataclass
class Belongings:
    """What an organization has: ids by kind, texts of keys by kind, and the cookies of sessions by role."""

    letter: str
    organization_id: str
    domain: str
    ids: dict[str, list[str]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)


@dataclass
class World:
    """The organizations by letter, and who belongs to none: staff by what they may do, and a user without a place.

    `shared` is the session of an Admin of both the first and the third organization.
    """

    organizations: dict[str, Belongings]
    staff: dict[str, str]
    stranger: str
    shared: str

    @property
    def all(self) -> list[Belongings]:
        """The organizations."""
        return list(self.organizations.values())


def make_world(number: int) -> World:
    """Make world number so and so; the database may hold others."""
    made = {letter: make_organization(letter, word, number) for letter, word in WORDS.items()}
    shared = f"both{number}@shared.example"
    for letter in "ac":
        Member.objects.filter(user_name=made[letter].addresses[0]).update(user_name=shared)
    superuser = User.objects.create_superuser(f"stella{number}@vendor.example", None)
    helper = User.objects.create_user(f"otto{number}@vendor.example", None, is_staff=True)
    return World(
        made,
        {"superuser": session_of(superuser), "helper": session_of(helper)},
        session_of(User.objects.create_user(f"stranger{number}@nowhere.example", None)),
        session_of(User.objects.create_user(shared, None)),
    )


def make_organization(letter: str, word: str, number: int) -> Belongings:
    """Make an organization that has something of everything."""
    domain = f"{word}{number}.example"
    made = organization(f"{word} {number}", domain, "shared.example")
    made.set_key_policy(by=SETUP, reminder_contact=f"contact@{domain}")
    has = Belongings(letter, made.public_id, domain)
    looker = Role(organization=made, name=f"{word} looker", description=f"{word} looks", access=everywhere(Level.READ))
    looker.create_role(by=SETUP)
    changer = Role(organization=made, name=f"{word} changer", access=everywhere(Level.READ) | {"members": "act"})
    changer.create_role(by=SETUP)
    people = make_people(made, word, domain, looker.name)
    for each in ("First", "Second"):
        Group.add(made, GroupProfile(f"{word} {each}", f"{word}-{each}", {one.pk for one in people[:20]}), by=SETUP)
    made.groups.first().give_role(changer, by=SETUP)  # type: ignore[union-attr]
    make_keys(has, made, word)
    # The first Admin will have another address.
    for one in people[1:]:
        if one.role.name != "Employee" or not has.sessions.get("Employee"):
            user, _ = User.objects.get_or_create(email=one.user_name.lower())
            has.sessions.setdefault(one.role.name, session_of(user))
    gone = people[-1]
    has.sessions["gone"] = session_of(User.objects.create_user(gone.user_name))
    gone.deactivate(by=SETUP)
    has.addresses = [one.user_name for one in people]
    has.roles = list(made.roles.values_list("name", flat=True))
    has.ids = {
        "member": [str(one.pk) for one in people],
        "role": [str(pk) for pk in made.roles.values_list("public_id", flat=True)],
        "group": [str(pk) for pk in made.groups.values_list("pk", flat=True)],
        "key": list(made.api_keys.values_list("key_id", flat=True)),
        "event": [str(pk) for pk in made.events.values_list("pk", flat=True)[:40]],
    }
    return has


def make_people(made: Organization, word: str, domain: str, custom: str) -> list[Member]:
    """Add members in every role, and Employees with all attributes; an Admin who will belong elsewhere too is first."""
    admins = [person(made, f"{name}@{domain}", f"{name} {word}", "Admin") for name in ("both", "ana", "ada")]
    others = [
        person(made, f"{role.split()[0].lower()}@{domain}", f"{role} {word}", role)
        for role in ("IT Admin", "Read Only", "Procurement", custom)
    ]
    manager = str(admins[0].pk)
    employees = [
        Member.add(made, full_profile(number, word, domain, manager), source=Member.Source.SCIM, by=SETUP)
        for number in range(EMPLOYEES)
    ]
    return [*admins, *others, *employees]


def full_profile(number: int, word: str, domain: str, manager: str) -> DirectoryProfile:
    """Return a person with a value, which has the word in it, for most of what the schema knows."""
    address = f"u{number}@{domain}"
    attributes = {
        "emails": [
            {"value": address, "type": "work", "primary": True, "display": f"{word} mail"},
            {"value": f"home{number}.{word}@other.example", "type": "home"},
        ],
        "phoneNumbers": [{"value": f"+49 {number} {word}", "type": "work"}],
        "addresses": [{"formatted": f"{number} {word} street", "locality": word, "type": "work"}],
        "title": f"Head of {word}",
        "nickName": f"{word}{number}",
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        "profileUrl": f"https://{word}.example/{number}",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": f"{word}-{number}",
            "costCenter": word,
            "department": f"{word} department",
            "manager": {"value": manager},
        },
    }
    return DirectoryProfile(address, f"{word}-{number}", f"Given{number}", word, f"{word} {number}", attributes)


def make_keys(has: Belongings, made: Organization, word: str) -> None:
    """Generate keys of every kind and in every state; `has` gets their texts."""
    for name, kind, fields in (
        ("scim", "scim", {}),
        ("scim again", "scim", {}),
        ("api_read", "api_read", {}),
        ("api_write", "api_write", {}),
        ("elsewhere", "scim", {"allowed_networks": ["203.0.113.7/32"]}),
        ("deleted", "api_write", {}),
    ):
        new = new_key(made, kind, description=f"{word} {name}", **fields)
        has.keys[name] = new.text
        if name == "deleted":
            new.api_key.delete_key(by=SETUP)
    day = dt.timedelta(days=1)
    add(made, Sample(f"{word} expired", ApiKey.Kind.SCIM, 90 * day, 20 * day, -2 * day), by=SETUP)
    old = add(made, Sample(f"{word} soon", ApiKey.Kind.API_WRITE, 90 * day, day / 2, 3 * day), by=SETUP)
    old.rotate(description=f"{word} next", expires_on=None, by=SETUP)


def session_of(user: User) -> str:
    """Sign somebody in and return the session's cookie."""
    client = Client()
    if user.is_staff:
        sign_in_staff(client, user)
    else:
        client.force_login(user, backend=SIGN_IN)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def unknown_ids() -> dict[str, list[str]]:
    """Return ids that nobody has, and such as are none, by kind."""
    uuids = [
        str(uuid4()),
        str(UUID(int=0)),
        str(UUID(int=2**128 - 1)),
        "x",
        "0",
        "00000000-0000-0000-0000-00000000000g",
    ]
    return dict.fromkeys(("member", "role", "group", "event"), uuids) | {
        "key": [KeyText.generate("scim").key_id, "a", "a" * 300]
    }
