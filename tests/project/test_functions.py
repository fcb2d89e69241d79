"""PostgreSQL's functions of ours do the same whatever is in the session's `search_path`."""

from contextlib import contextmanager

import pytest
from django.db import connection

from members.models.headcount import headcount
from tests.conftest import employee_role, person
from tests.members.test_headcount import counts

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's triggers see their own database alone"),
    pytest.mark.django_db,
]

OURS = """
    SELECT proname, proconfig FROM pg_proc
    WHERE pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'members_member'::regclass)
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
"""
OF_TRIGGERS = """
    SELECT DISTINCT proname, proconfig FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace <> 'pg_catalog'::regnamespace)
"""


def run(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def search_path(path):
    [(before,)] = run("SHOW search_path")
    run("SELECT set_config('search_path', %s, true)", path)
    yield
    run("SELECT set_config('search_path', %s, true)", before)


def schema():
    return run("SELECT current_schema()")[0][0]


@pytest.mark.parametrize("question", [OURS, OF_TRIGGERS])
def test_every_function_sets_its_search_path_and_looks_at_temporary_tables_last(question):
    found = dict(run(question))
    assert len(found) >= 4
    for name, settings in found.items():
        paths = [setting for setting in settings or [] if setting.startswith("search_path=")]
        assert paths, f"{name} has no SET search_path"
        assert paths[0].endswith("pg_temp"), f"{name} finds temporary tables first: {paths[0]}"


COMPLAIN = "LANGUAGE plpgsql AS $$ BEGIN RAISE 'a decoy was called'; END $$"
DECOYS = (
    "CREATE TABLE {where}.members_headcount (LIKE members_headcount INCLUDING ALL)",
    f"CREATE FUNCTION {{where}}.members_headcount_sum_up(bigint) RETURNS void {COMPLAIN}",
    f"CREATE FUNCTION {{where}}.random() RETURNS double precision {COMPLAIN}",
)


@pytest.mark.parametrize("where", ["pg_temp", "decoys"])
def test_tables_and_functions_of_the_same_name_that_come_first_divert_nothing(acme, where):
    bob = person(acme, "bob@acme.example", "Bob Builder")
    if where == "decoys":
        run("CREATE SCHEMA decoys")
    for decoy in DECOYS:
        run(decoy.format(where=where))
    with search_path(f"{where}, {schema()}, pg_catalog"):
        assert run("SELECT count(*) FROM members_headcount") == [(0,)], "the decoy comes first"
        come_and_go(acme, bob)
        assert run("SELECT count(*) FROM members_headcount") == [(0,)]
    run(f"DROP TABLE {where}.members_headcount")
    assert sum(counts(acme).values()) == 1


def test_an_empty_search_path_is_enough(acme):
    bob = person(acme, "bob@acme.example", "Bob Builder")
    home = schema()
    with search_path(""):
        run(f"UPDATE {home}.members_member SET deactivated_at = now() WHERE id = %s", bob.pk)  # noqa: S608 - our name
        run(f"SELECT {home}.members_headcount_sum_up(%s)", acme.pk)
    assert counts(acme) == {("Employee", False): 1}


def test_the_schema_may_be_renamed(acme):
    bob = person(acme, "bob@acme.example", "Bob Builder")
    home = schema()
    run(f'ALTER SCHEMA {home} RENAME TO "Moved to, elsewhere"')
    with search_path('"Moved to, elsewhere"'):
        come_and_go(acme, bob)
        assert sum(counts(acme).values()) == 1
    run(f'ALTER SCHEMA "Moved to, elsewhere" RENAME TO {home}')


def test_rows_that_no_trigger_wrote_are_ignored(acme):
    person(acme, "bob@acme.example", "Bob Builder")
    run("INSERT INTO members_headcount (organization_id, role_id, is_active, change) VALUES (%s, %s, true, 7)",
        acme.pk, employee_role(acme).pk)  # fmt: skip
    assert headcount(acme) == 1


def come_and_go(acme, bob):
    """Change the numbers so often that they are summed up: that they aren't is as likely as 1 in 400,000."""
    admin = acme.roles.get(name="Admin")
    for role in (admin, employee_role(acme)) * 320:
        run("UPDATE members_member SET role_id = %s WHERE id = %s", role.pk, bob.pk)
    run("DELETE FROM members_member WHERE id = %s", bob.pk)
    person(acme, "eva@acme.example", "Eva Else")
