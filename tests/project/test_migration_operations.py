"""Indexes and constraints that are added to a table in use, on either database; on PostgreSQL beside the traffic."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState
from django.test.utils import CaptureQueriesContext

from lib.migrations import AddConstraintNotValid, AddIndexConcurrently, RemoveIndexConcurrently, ValidateConstraint

pytestmark = pytest.mark.django_db(transaction=True)

INDEX = models.Index(fields=["number"], name="thing_number")
CHECK = models.CheckConstraint(condition=models.Q(number__gt=0), name="thing_number_positive")


@pytest.fixture
def state():
    """A table with a number in it."""
    state = ProjectState()
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("number", models.IntegerField()),
    ]
    state.add_model(ModelState("project", "Thing", fields))
    model = state.apps.get_model("project", "Thing")
    with connection.schema_editor() as editor:
        editor.create_model(model)
    yield state
    with connection.schema_editor() as editor:
        editor.delete_model(model)


@pytest.fixture
def apply(state) -> Callable[..., list[str]]:
    """Return a function that applies an operation, or takes it back, and returns what it has run."""

    def apply(operation: Operation, *, backwards: bool = False, atomic: bool = False) -> list[str]:
        after = state.clone()
        operation.state_forwards("project", after)
        with CaptureQueriesContext(connection) as ran, connection.schema_editor(atomic=atomic) as editor:
            if backwards:
                operation.database_backwards("project", editor, after, state)
            else:
                operation.database_forwards("project", editor, state, after)
        return [query["sql"] for query in ran.captured_queries]

    return apply


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, "project_thing"))


def test_an_index_is_added_and_removed_concurrently_where_that_can_be_done(apply, state):
    add, remove = AddIndexConcurrently("thing", INDEX), RemoveIndexConcurrently("thing", INDEX.name)
    ran = apply(add)
    assert INDEX.name in indexes()
    add.state_forwards("project", state)
    ran += apply(remove)
    assert INDEX.name not in indexes()
    if connection.vendor == "postgresql":
        assert all("CONCURRENTLY" in sql for sql in ran if "INDEX" in sql)


def test_taking_them_back_does_the_opposite(apply, state):
    add, remove = AddIndexConcurrently("thing", INDEX), RemoveIndexConcurrently("thing", INDEX.name)
    apply(add)
    apply(add, backwards=True)
    assert INDEX.name not in indexes()
    add.state_forwards("project", state)
    after = state.clone()
    remove.state_forwards("project", after)
    with connection.schema_editor(atomic=False) as editor:
        remove.database_backwards("project", editor, after, state)
    assert INDEX.name in indexes()


def test_an_index_that_was_left_half_built_is_built_anew(apply):
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL leaves one")
    apply(AddIndexConcurrently("thing", INDEX))
    apply(AddIndexConcurrently("thing", INDEX))
    assert INDEX.name in indexes()


def test_a_check_holds_for_new_rows_at_once_and_for_old_ones_when_they_have_been_looked_at(apply, state):
    things = state.apps.get_model("project", "Thing").objects
    if connection.vendor == "postgresql":
        old = things.create(number=-1)
    apply(AddConstraintNotValid("thing", CHECK), atomic=True)
    with pytest.raises(IntegrityError):
        things.create(number=-2)
    if connection.vendor == "postgresql":
        with pytest.raises(IntegrityError):
            apply(ValidateConstraint("thing", CHECK.name))
        old.delete()
    apply(ValidateConstraint("thing", CHECK.name))
