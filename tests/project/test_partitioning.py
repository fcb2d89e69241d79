"""Every table can be parted by organization: by PostgreSQL's declarative partitioning, or by Citus.

What is there once is there once in its organization, so each part can see to it alone. The exceptions are listed with
their reasons; PostgreSQL itself is asked whether there are no others.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from apikeys.models import ApiKey, KnownOrigin, Notice
from audit.actor import Origin
from members.models import Job, NewAdmin, Organization, Role, User
from outbox.models import OutgoingMail
from tests.conftest import SETUP, Migrate, new_key, person
from tests.identity_provider import IdentityProvider

OURS = ("members", "apikeys", "audit", "outbox", "scim", "api")

# Tables that belong to nobody, of which every part needs the whole, or that stay whole beside the parts.
NOBODYS = {
    User: "a login identity, one per e-mail, whom several organizations may have as a member",
    OutgoingMail: "mails of the next moments, also to people who belong to no organization",
    User.groups.through: "staff's permissions",
    User.user_permissions.through: "staff's permissions",
}

# What is unique across organizations. Every primary key is as well: beside the organization's it would stay as it is.
EXCEPTIONS = {
    ("apikeys_apikey", "key_id"): "names a key in logs and mails, also where nobody says whose it is",
    ("apikeys_apikey", "digest"): "finds a key before anybody knows which organization it speaks for",
    ("members_organization", "public_id"): "finds an organization by what an admin typed into the identity provider",
    ("members_role", "public_id"): "a random UUID, which is looked up in its organization only",
}


def our_models() -> list[type[models.Model]]:
    return [model for label in OURS for model in apps.get_app_config(label).get_models(include_auto_created=True)]


def parted_models() -> list[type[models.Model]]:
    return [model for model in our_models() if model not in NOBODYS]


def key_of(model: type[models.Model]) -> str:
    """Return the column by which a table is parted."""
    return "id" if model is Organization else "organization_id"


def unique_columns(model: type[models.Model]) -> Iterator[frozenset[str]]:
    """Yield, for all that Django calls unique in `model` but its primary key, the names of the fields."""
    for field in model._meta.local_concrete_fields:
        if field.unique and not field.primary_key:
            yield frozenset([field.name])
    for together in model._meta.unique_together:
        yield frozenset(together)
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            nodes: Any = models.Func(*constraint.expressions).flatten()
            named = {vars(node)["name"] for node in nodes if isinstance(node, models.F)}
            yield frozenset(named.union(constraint.fields))


def test_every_table_says_whose_its_rows_are():
    without = {model for model in our_models() if model is not Organization and not is_an_organizations(model)}
    assert without == set(NOBODYS)


def is_an_organizations(model: type[models.Model]) -> bool:
    fields = {field.name: field for field in model._meta.local_concrete_fields}
    return "organization" in fields and not fields["organization"].null


def test_what_is_unique_is_so_in_its_organization():
    found = {
        (model._meta.db_table, ",".join(sorted(columns)))
        for model in parted_models()
        for columns in unique_columns(model)
        if "organization" not in columns
    }
    assert found == set(EXCEPTIONS)


@pytest.mark.django_db(transaction=True)
def test_notices_and_origins_that_were_there_before_get_their_keys_organization(acme, globex, migrate: Migrate):
    old = migrate("apikeys", "0006_networks_immutable")
    keys, notices, origins = (old.get_model("apikeys", name).objects for name in ("ApiKey", "Notice", "KnownOrigin"))
    for number, organization in enumerate((acme, globex, acme)):
        key = keys.create(organization_id=organization.pk, kind="scim", key_id=f"key{number}", digest=f"digest{number}")
        notices.create(api_key=key, kind="month", recipient="ana@acme.example")
        origins.create(api_key=key, kind="agent", value="Okta")

    migrate("apikeys", "0007_organization")

    for model in (Notice, KnownOrigin):
        assert list(model.objects.order_by("id").values_list("api_key__key_id", "organization")) == [
            ("key0", acme.pk),
            ("key1", globex.pk),
            ("key2", acme.pk),
        ]

    older = migrate("apikeys", "0006_networks_immutable")
    assert older.get_model("apikeys", "Notice").objects.count() == 3
    again = older.get_model("apikeys", "KnownOrigin")(api_key_id=key.pk, kind="agent", value="Okta")
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save()


# PostgreSQL's word --------------------------------------------------------------------------------------------------


def run(sql: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def is_accepted(sql: str) -> bool:
    """Whether PostgreSQL takes `sql`; a reason not to is only that a part alone could not see to it."""
    try:
        with transaction.atomic():
            run(sql)
    except DatabaseError as error:
        if "must include all partitioning columns" in str(error):
            return False
        raise
    return True


def identity_of(model: type[models.Model]) -> str:
    """Return the column of the primary key."""
    column = model._meta.pk.column
    assert column
    return column


def rows_of(model: type[models.Model], organization: Organization, *, parted: bool = False) -> list[Any]:
    table = f"parted_{model._meta.db_table}" if parted else model._meta.db_table
    return run(
        f"SELECT * FROM {table} WHERE {key_of(model)} = %s ORDER BY {identity_of(model)}",  # noqa: S608 - our own names
        organization.pk,
    )


def make_parts(model: type[models.Model]) -> set[tuple[str, str]]:
    """Make a copy of the table in four parts, with all that is unique; return what PostgreSQL refused of that."""
    table, key = model._meta.db_table, key_of(model)
    run(f"CREATE TABLE parted_{table} (LIKE {table} INCLUDING DEFAULTS) PARTITION BY HASH ({key})")
    for part in range(4):
        run(
            f"CREATE TABLE parted_{table}_{part} PARTITION OF parted_{table} "
            f"FOR VALUES WITH (MODULUS 4, REMAINDER {part})"
        )
    run(f"ALTER TABLE parted_{table} ADD PRIMARY KEY ({', '.join(dict.fromkeys((key, identity_of(model))))})")
    refused = set()
    for name, definition in run(
        "SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
        "WHERE indrelid = %s::regclass AND indisunique AND NOT indisprimary",
        table,
    ):
        found = re.fullmatch(r"CREATE UNIQUE INDEX \S+ ON \S+ (USING \w+ (.*))", definition)
        assert found, definition
        if not is_accepted(f"CREATE UNIQUE INDEX parted_{name} ON parted_{table} {found[1]}"):
            refused.add((table, found[2].strip("()")))
    return refused


def connect_parts(model: type[models.Model]) -> None:
    """Make the foreign keys between parted tables: the organization is in each, so no row refers to another's."""
    for field in model._meta.local_concrete_fields:
        target = field.related_model
        if field.name != "organization" and target in parted_models():
            run(
                f"ALTER TABLE parted_{model._meta.db_table} ADD FOREIGN KEY (organization_id, {field.column}) "
                f"REFERENCES parted_{target._meta.db_table} (organization_id, {identity_of(target)})"
            )


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL")
def test_postgresql_parts_every_table_by_organization_and_refuses_no_more_than_the_exceptions(acme, globex):
    for organization, domain in ((acme, "acme.example"), (globex, "globex.example")):
        furnish(organization, domain)
    refused = set()
    try:
        for model in parted_models():
            refused |= make_parts(model)
            table = model._meta.db_table
            run(f"INSERT INTO parted_{table} TABLE {table}")
        for model in parted_models():
            connect_parts(model)
            for organization in (acme, globex):
                rows = rows_of(model, organization)
                assert rows, model
                assert rows_of(model, organization, parted=True) == rows
    finally:
        for model in parted_models():
            run(f"DROP TABLE IF EXISTS parted_{model._meta.db_table} CASCADE")
    assert refused == set(EXCEPTIONS)


def furnish(organization: Organization, domain: str) -> None:
    """Give the organization a row in every table."""
    member = person(organization, f"bob@{domain}", "Bob Builder", "Admin")
    key = new_key(organization)
    KnownOrigin.objects.meet(key.api_key, Origin("203.0.113.9", "Okta"), key.api_key.created_at)
    members = [{"value": str(member.pk)}]
    made = IdentityProvider(key.text).call("POST", "/Groups", {"displayName": "Works", "members": members})
    assert made.status_code == 201, made.content
    Job.objects.write_down(organization, [member.pk], by=SETUP, because={})
    NewAdmin.objects.write_down(organization, [member], by=key.api_key.actor())
    assert Role.objects.filter(organization=organization).exists()
    assert ApiKey.objects.filter(organization=organization).exists()
    assert Notice.objects.filter(organization=organization).exists()
