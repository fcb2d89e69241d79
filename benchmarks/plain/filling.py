"""Fills django-scim2's tables with users like the service's, in a process with its settings (`benchmarks.loading`)."""

from django.core.management import call_command
from django.db import connection

from benchmarks.plain.people.models import Token, User
from benchmarks.subject import DOMAIN, Content, Organization, Person, Size

KEY = "benchmark"

# The columns that the library's own `save` fills are filled as it does, so that nothing is missing from an answer.
INSERT = """
    INSERT INTO people_user (password, is_superuser, is_staff, is_active, date_joined, username, email, first_name,
        last_name, scim_id, scim_external_id, scim_username)
    SELECT '', false, false, true, now(), name, name, 'Ada', 'Almeida', number::text, 'load-' || number, name
    FROM (SELECT n AS number, 'user' || lpad(n::text, 7, '0') || '@' || %s AS name FROM generate_series(1, %s) AS n)
        AS numbered
"""
SAMPLE = "SELECT scim_id, username, scim_external_id, %s FROM people_user ORDER BY random() LIMIT %s"


def fill(size: Size) -> Content:
    """Make the tables, with as many users as `size` says."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [DOMAIN, size.members])
        cursor.execute(SAMPLE, [KEY, size.sample()])
        people = [Person(*row) for row in cursor.fetchall()]
    Token._default_manager.create(key=KEY, user=User._default_manager.earliest("pk"))
    return Content(organizations=[Organization(KEY)], people=people)
