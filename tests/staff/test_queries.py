"""What the lists ask of the database: the same for one row as for many, and never a count of all."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from members.directory import GroupProfile
from members.models import Group, Level, Role
from members.models.scope import everywhere
from tests.conftest import SETUP, new_key, organization, person
from tests.staff.conftest import page

MODELS = [
    *("members.Organization", "members.Role", "members.Member", "members.Group", "members.User"),
    *("apikeys.ApiKey", "audit.Event"),
]


def furnish(number):
    """Make an organization with one of everything."""
    made = organization(f"Organization {number}", f"number{number}.example")
    member = person(made, f"ana@number{number}.example", "Ana Admin", "Admin")
    Group.add(made, GroupProfile("Group", replace_members={member.pk}), by=SETUP)
    Role(organization=made, name="Custom", access=everywhere(Level.NONE)).create_role(by=SETUP)
    new_key(made)


@pytest.mark.parametrize("model", MODELS)
def test_a_list_asks_the_same_for_many_rows_as_for_one(admin, model):
    asked = []
    for number in range(5):
        furnish(number)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert admin.get(page(model)).status_code == 200
        asked.append(len(queries))
    assert len(set(asked[1:])) == 1
    assert asked[-1] <= 7


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("query", [{}, {"q": "ana"}])
def test_a_list_counts_nothing(admin, model, query):
    furnish(1)
    with CaptureQueriesContext(connection) as queries:
        admin.get(page(model), query)
    totals = [asked["sql"] for asked in queries if asked["sql"].startswith("SELECT COUNT")]
    assert totals == []


@pytest.mark.parametrize("model", MODELS)
def test_a_filter_does_not_list_all_organizations(admin, model):
    furnish(1)
    furnish(2)
    with CaptureQueriesContext(connection) as queries:
        admin.get(page(model))
    whole = [asked["sql"] for asked in queries if 'FROM "members_organization"' in asked["sql"]]
    assert all("LIMIT" in sql for sql in whole)


def test_a_page_past_the_end_is_empty(admin):
    furnish(1)
    assert admin.get(page("members.Member"), {"p": "2"}).status_code == 200
