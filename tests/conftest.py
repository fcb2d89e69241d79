"""The cast: acme with Ana (Admin), Ira (IT Admin) and Emil (Employee); globex with Eve, who must see nothing of it."""

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from apikeys import limits
from apikeys.models import ApiKey, NewKey
from apikeys.seen_keys import SEEN, SeenKeys
from audit import append_only
from audit.actor import UNLIMITED, Actor, Origin
from lib.breaker import REDIS
from members import second_factor
from members.directory import DirectoryProfile
from members.models import Member, Organization, Role, User
from members.models.role import EMPLOYEE
from tests import dates_of_events
from tests.identity_provider import IdentityProvider
from torii_settings.logs import Lines

SETUP = Actor.system("tests")
SIGN_IN = "allauth.account.auth_backends.AuthenticationBackend"

# The Organization IDs of the cast, and where the settings of each are.
ACME_ID, GLOBEX_ID = "acmeacme2345", "gxgxgxgx6789"
IDS = {"Acme": {"public_id": ACME_ID}, "Globex": {"public_id": GLOBEX_ID}}
ACME, GLOBEX = f"/settings/{ACME_ID}", f"/settings/{GLOBEX_ID}"

Migrate = Callable[..., Any]

# Their files take longest. With them first, no worker is left alone with one at the end.
LONGEST = ("processes", "deployment", "browser", "fuzz", "disturbances")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the rooms with the longest files first."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONGEST)


@pytest.fixture(autouse=True, scope="session")
def quiet_logs() -> None:
    """Write no log lines in this process: pytest keeps the records, and shows those of a test that has failed."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, Lines)]:
        root.removeHandler(handler)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let tests travel in time, which the database's clock doesn't: it must not judge the dates of audit events."""
    with django_db_blocker.unblock():
        dates_of_events.let_pass()


@pytest.fixture(autouse=True, scope="session")
def emptied_between_tests() -> Iterator[None]:
    """Let Django empty the audit log with all other tables, after a test that commits."""
    flush = BaseDatabaseOperations.execute_sql_flush

    def flush_all(operations: BaseDatabaseOperations, statements: list[str]) -> None:
        with append_only.lifted():
            flush(operations, statements)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush_all)
        yield


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """Every test starts with empty rate-limit buckets, in this process and in this worker's Redis database.

    And no key has been seen before.
    """
    limits.buckets.cache_clear()
    vars(SEEN).update(vars(SeenKeys()))
    REDIS.reset()
    cache.clear()
    if settings.REDIS_URL:
        with redis.Redis.from_url(settings.REDIS_URL) as server:
            server.flushdb()


@pytest.fixture
def alike_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every request the same id, for tests that compare whole answers."""
    monkeypatch.setattr("lib.request_id.new", lambda: "alike")


def organization(name: str, *domains: str) -> Organization:
    """Make an organization with SCIM on."""
    made = Organization.objects.create_organization(name, domains=list(domains), by=SETUP, **IDS.get(name, {}))
    made.enable_scim(by=SETUP)
    return made


def employee_role(organization: Organization) -> Role:
    """Return the role of who has none of another name."""
    return organization.roles.get(is_predefined=True, name=EMPLOYEE)


def person(organization: Organization, user_name: str, name: str, role: str = "") -> Member:
    """Add a member by hand."""
    given, _, family = name.partition(" ")
    profile = DirectoryProfile.of_person(user_name, given, family, role)
    return Member.add(organization, profile, source=Member.Source.MANUAL, by=SETUP)


def new_key(organization: Organization, kind: str = "scim", **fields: Any) -> NewKey:
    """Generate a key."""
    fields = {"description": "Okta", "expires_on": None, "by": SETUP} | fields
    return ApiKey.generate(organization, kind=kind, **fields)


def describe_as_before(api_key: ApiKey, description: str) -> None:
    """Give a key a description as nobody may any more, but could before names were checked."""
    api_key.description = description
    api_key.save(update_fields=["description"])


def once_an_admin(member: Member, origin: Origin | None = None) -> Actor:
    """Return a member as they acted when they had every power, as whoever has made keys did."""
    return member.actor(origin)._replace(power=UNLIMITED)


@pytest.fixture
def acme(db: None) -> Organization:
    return organization("Acme", "acme.example", "example.com")


@pytest.fixture
def ana(acme: Organization) -> Member:
    return person(acme, "ana@acme.example", "Ana Admin", "Admin")


@pytest.fixture
def ira(acme: Organization) -> Member:
    return person(acme, "ira@acme.example", "Ira Item", "IT Admin")


@pytest.fixture
def emil(acme: Organization) -> Member:
    return person(acme, "emil@acme.example", "Emil Employee")


@pytest.fixture
def globex(db: None) -> Organization:
    return organization("Globex", "globex.example")


@pytest.fixture
def eve(globex: Organization) -> Member:
    return person(globex, "eve@globex.example", "Eve Else", "Admin")


@pytest.fixture
def migrate(transactional_db: None) -> Iterator[Migrate]:
    """Return a function that brings an app to a migration, or the newest, and returns the models of that time."""

    def to(app: str, name: str = "") -> Any:
        executor = MigrationExecutor(connection)
        target = [(app, name)] if name else executor.loader.graph.leaf_nodes(app)
        executor.migrate(target)
        return executor.loader.project_state(target).apps

    yield to
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.fixture
def today() -> dt.date:
    return timezone.now().date()


@pytest.fixture
def sign_in() -> Callable[[Member], Client]:
    """Return a function that gives a browser in which a member is signed in."""

    def signed_in(member: Member) -> Client:
        client = Client()
        user, _ = User.objects.get_or_create(email=member.user_name.lower())
        client.force_login(user, backend=SIGN_IN)
        return client

    return signed_in


def set_up_second_factor(user: User) -> str:
    """Give `user` an app and recovery codes; return the app's secret."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def sign_in_staff(client: Client, user: User) -> Client:
    """Sign one of the vendor's staff in, with a second factor that is set up and proven; return the browser."""
    client.force_login(user, backend=SIGN_IN)
    if not second_factor.is_set_up(user):
        set_up_second_factor(user)
    session = client.session
    session[second_factor.PROVEN_BY] = Authenticator.objects.get(user=user, type=second_factor.TOTP).pk
    session[second_factor.PROVEN_AT] = time.time()
    session.save()
    return client


@pytest.fixture
def okta(acme: Organization) -> IdentityProvider:
    """Acme's identity provider."""
    return IdentityProvider(new_key(acme).text)


@pytest.fixture
def eves_okta(globex: Organization) -> IdentityProvider:
    """The identity provider of the other organization."""
    return IdentityProvider(new_key(globex).text)
