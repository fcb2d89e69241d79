# ruff: noqa: S608 - nothing but our own words goes into the SQL
"""A password ends with the last membership of whoever has it, however that membership is deleted.

A trigger sees what no verb does: cascades, raw SQL, a tool. It makes the password unusable in the way of Django, with
random text behind the mark: sessions depend on the whole, so they end too, and none of them ever begins again. Staff
keep theirs, with which they sign in to the staff admin.

Two organizations may remove one person at the same time. So PostgreSQL takes the row of the user first: whoever comes
second sees what the first has deleted. It looks for the users by their ids, which each index finds, because a condition
with OR would read all users. Each function looks beside the table that has fired it, as 0012 tells.
"""

from importlib import import_module

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

search_path = import_module("members.migrations.0012_search_path")

CREATE = {
    "postgresql": [
        f"""
        CREATE FUNCTION members_password_end() RETURNS trigger LANGUAGE plpgsql {search_path.OWN_PATH} AS $$
        DECLARE
            leaving bigint[];
        BEGIN
            {search_path.LOOK_BESIDE_THE_TABLE};
            leaving := ARRAY(
                SELECT user_id FROM removed WHERE user_id IS NOT NULL
                UNION SELECT person.id FROM removed JOIN members_user person ON person.email = lower(removed.user_name)
            );
            PERFORM FROM members_user WHERE id = ANY (leaving) ORDER BY id FOR NO KEY UPDATE;
            UPDATE members_user SET
                password = '!' || replace(gen_random_uuid()::text, '-', ''), password_proven_at = NULL
            WHERE id = ANY (leaving) AND NOT is_staff
            AND NOT EXISTS (SELECT FROM members_member WHERE user_id = members_user.id);
            RETURN NULL;
        END $$
        """,
        """
        CREATE TRIGGER members_password_end AFTER DELETE ON members_member
        REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION members_password_end()
        """,
    ],
    "sqlite": [
        """
        CREATE TRIGGER members_password_end AFTER DELETE ON members_member BEGIN
            UPDATE members_user SET password = '!' || lower(hex(randomblob(20))), password_proven_at = NULL
            WHERE (id = OLD.user_id OR email = lower(OLD.user_name)) AND NOT is_staff
            AND NOT EXISTS (SELECT 1 FROM members_member WHERE user_id = members_user.id);
        END
        """
    ],
}
DROP = {
    "postgresql": ["DROP TRIGGER members_password_end ON members_member", "DROP FUNCTION members_password_end()"],
    "sqlite": ["DROP TRIGGER members_password_end"],
}


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let passwords end from now on."""
    for statement in CREATE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let them outlast their memberships again."""
    for statement in DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    """Adds a trigger to the members' table; writers wait for as long as that takes."""

    dependencies = [("members", "0044_password_proven_at")]

    operations = [migrations.RunPython(create, drop)]
