# ruff: noqa: S608 - nothing but our own names goes into the SQL
"""PostgreSQL keeps in a table of its own when members were last modified: `members.models.modification` tells why.

Triggers fill it from now on, whoever writes members; the next migration adds those who are there. Each looks for the
table beside the one that has fired it, as 0012 tells. A row that is restored from a dump while the triggers have
written it already is ignored.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

search_path = import_module("members.migrations.0012_search_path")

HEAD = f"LANGUAGE plpgsql {search_path.OWN_PATH} AS"
BESIDE = search_path.LOOK_BESIDE_THE_TABLE

CREATE = [
    f"""
    CREATE FUNCTION members_modification_add() RETURNS trigger {HEAD} $$
    BEGIN
        {BESIDE};
        INSERT INTO members_modification (member_id, organization_id, updated_at)
        SELECT id, organization_id, updated_at FROM added
        ON CONFLICT (member_id) DO UPDATE SET updated_at = excluded.updated_at;
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE FUNCTION members_modification_follow() RETURNS trigger {HEAD} $$
    BEGIN
        {BESIDE};
        UPDATE members_modification SET updated_at = NEW.updated_at WHERE member_id = NEW.id;
        IF NOT FOUND THEN
            INSERT INTO members_modification (member_id, organization_id, updated_at)
            VALUES (NEW.id, NEW.organization_id, NEW.updated_at)
            ON CONFLICT (member_id) DO UPDATE SET updated_at = excluded.updated_at;
        END IF;
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE FUNCTION members_modification_remove() RETURNS trigger {HEAD} $$
    BEGIN
        {BESIDE};
        DELETE FROM members_modification WHERE member_id IN (SELECT id FROM removed);
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE FUNCTION members_modification_once() RETURNS trigger {HEAD} $$
    BEGIN
        {BESIDE};
        IF EXISTS (SELECT FROM members_modification WHERE member_id = NEW.member_id) THEN
            RETURN NULL;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER members_modification_insert AFTER INSERT ON members_member
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION members_modification_add()
    """,
    """
    CREATE TRIGGER members_modification_update AFTER UPDATE OF updated_at ON members_member
    FOR EACH ROW WHEN (OLD.updated_at IS DISTINCT FROM NEW.updated_at) EXECUTE FUNCTION members_modification_follow()
    """,
    """
    CREATE TRIGGER members_modification_delete AFTER DELETE ON members_member
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION members_modification_remove()
    """,
    """
    CREATE TRIGGER members_modification_restored BEFORE INSERT ON members_modification
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION members_modification_once()
    """,
]
DROP = [
    *(f"DROP TRIGGER members_modification_{name} ON members_member" for name in ("insert", "update", "delete")),
    "DROP TRIGGER members_modification_restored ON members_modification",
    *(f"DROP FUNCTION members_modification_{name}()" for name in ("add", "follow", "remove", "once")),
]


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Follow from now on."""
    if schema_editor.connection.vendor == "postgresql":
        for statement in CREATE:
            schema_editor.execute(statement)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Follow no more."""
    if schema_editor.connection.vendor == "postgresql":
        for statement in DROP:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    """Adds a table, and triggers to the members' table; writers wait for as long as that takes."""

    dependencies = [("members", "0017_long_emails")]

    operations = [
        migrations.CreateModel(
            name="Modification",
            fields=[
                (
                    "member",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="modification",
                        serialize=False,
                        to="members.member",
                    ),
                ),
                ("updated_at", models.DateTimeField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="members.organization",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "updated_at", "member"], name="member_modified_at")],
            },
        ),
        migrations.RunPython(create, drop),
    ]
