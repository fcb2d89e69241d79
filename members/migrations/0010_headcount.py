# ruff: noqa: S608 - nothing but our own names goes into the SQL
"""Members are counted as they come and go, by a trigger: `members.models.headcount` tells why."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

COLUMNS = "organization_id, role_id, is_active, change"

# What a statement adds or deletes becomes one row for each role and status, however many members it is about; each
# member whose role or status changes becomes two. That is done row by row, because most updates change neither, and a
# trigger for rows is the only one that they don't pay for. That alone would do. So that those who count need not add up
# all there ever was, one call in fifty puts sums in the place of its organization's rows; it passes over rows that
# another one is replacing, and so waits for nobody.
POSTGRESQL = [
    f"""
    CREATE FUNCTION members_headcount_sum_up(one bigint) RETURNS void LANGUAGE sql AS $$
        WITH replaced AS (
            DELETE FROM members_headcount WHERE id IN (
                SELECT id FROM members_headcount WHERE organization_id = one ORDER BY id FOR UPDATE SKIP LOCKED
            ) RETURNING role_id, is_active, change
        )
        INSERT INTO members_headcount ({COLUMNS})
        SELECT one, role_id, is_active, sum(change) FROM replaced GROUP BY 1, 2, 3 HAVING sum(change) <> 0
    $$
    """,
    f"""
    CREATE FUNCTION members_headcount_follow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO members_headcount ({COLUMNS})
            SELECT organization_id, role_id, deactivated_at IS NULL, count(*) FROM added GROUP BY 1, 2, 3;
        ELSIF TG_OP = 'DELETE' THEN
            INSERT INTO members_headcount ({COLUMNS})
            SELECT organization_id, role_id, deactivated_at IS NULL, -count(*) FROM removed GROUP BY 1, 2, 3;
        END IF;
        IF FOUND AND random() < 0.02 THEN
            IF TG_OP = 'INSERT' THEN
                PERFORM members_headcount_sum_up(organization_id) FROM added GROUP BY organization_id;
            ELSE
                PERFORM members_headcount_sum_up(organization_id) FROM removed GROUP BY organization_id;
            END IF;
        END IF;
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE FUNCTION members_headcount_move() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO members_headcount ({COLUMNS}) VALUES
            (OLD.organization_id, OLD.role_id, OLD.deactivated_at IS NULL, -1),
            (NEW.organization_id, NEW.role_id, NEW.deactivated_at IS NULL, 1);
        IF random() < 0.02 THEN
            PERFORM members_headcount_sum_up(NEW.organization_id);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER members_headcount_insert AFTER INSERT ON members_member
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION members_headcount_follow()
    """,
    """
    CREATE TRIGGER members_headcount_update AFTER UPDATE OF organization_id, role_id, deactivated_at ON members_member
    FOR EACH ROW WHEN (
        (OLD.organization_id, OLD.role_id, OLD.deactivated_at IS NULL)
        IS DISTINCT FROM (NEW.organization_id, NEW.role_id, NEW.deactivated_at IS NULL)
    ) EXECUTE FUNCTION members_headcount_move()
    """,
    """
    CREATE TRIGGER members_headcount_delete AFTER DELETE ON members_member
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION members_headcount_follow()
    """,
]

# SQLite has one writer at a time, so one row for each role and status will do.
ADD = f"""
    INSERT INTO members_headcount ({COLUMNS})
    SELECT {{row}}.organization_id, {{row}}.role_id, {{row}}.deactivated_at IS NULL, 0 WHERE NOT EXISTS (
        SELECT 1 FROM members_headcount WHERE organization_id = {{row}}.organization_id AND role_id = {{row}}.role_id
        AND is_active = ({{row}}.deactivated_at IS NULL)
    );
    UPDATE members_headcount SET change = change + {{number}}
    WHERE organization_id = {{row}}.organization_id AND role_id = {{row}}.role_id
    AND is_active = ({{row}}.deactivated_at IS NULL);
"""
ARRIVAL, DEPARTURE = ADD.format(row="NEW", number=1), ADD.format(row="OLD", number=-1)
SQLITE = [
    f"CREATE TRIGGER members_headcount_insert AFTER INSERT ON members_member BEGIN {ARRIVAL} END",
    f"CREATE TRIGGER members_headcount_delete AFTER DELETE ON members_member BEGIN {DEPARTURE} END",
    f"""
    CREATE TRIGGER members_headcount_update AFTER UPDATE OF role_id, deactivated_at ON members_member
    BEGIN {DEPARTURE} {ARRIVAL} END
    """,
]

TRIGGERS = ("members_headcount_insert", "members_headcount_update", "members_headcount_delete")
CREATE = {"postgresql": POSTGRESQL, "sqlite": SQLITE}
DROP = {
    "postgresql": [
        *(f"DROP TRIGGER {name} ON members_member" for name in TRIGGERS),
        "DROP FUNCTION members_headcount_follow()",
        "DROP FUNCTION members_headcount_move()",
        "DROP FUNCTION members_headcount_sum_up(bigint)",
    ],
    "sqlite": [f"DROP TRIGGER {name}" for name in TRIGGERS],
}
COUNT = f"""
    INSERT INTO members_headcount ({COLUMNS})
    SELECT organization_id, role_id, deactivated_at IS NULL, count(*) FROM members_member GROUP BY 1, 2, 3
"""


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Count who is there, and follow from then on."""
    for statement in (COUNT, *CREATE[schema_editor.connection.vendor]):
        schema_editor.execute(statement)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Count no more."""
    for statement in DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    """Adds the table and what fills it."""

    dependencies = [("members", "0009_indexes")]

    operations = [
        migrations.CreateModel(
            name="Headcount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_active", models.BooleanField()),
                ("change", models.BigIntegerField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=models.CASCADE,
                        related_name="headcounts",
                        to="members.organization",
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.CASCADE,
                        related_name="+",
                        to="members.role",
                    ),
                ),
            ],
        ),
        migrations.RunPython(create, drop),
    ]
