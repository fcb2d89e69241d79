"""Statements that are made once: rows that are inserted together are what `save()` would make of them, or none is."""

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.text import format_lazy

from apikeys.models import ApiKey
from apikeys.seek import key_statement
from audit.models import RECORD, Action, Actor, Event, Origin, event_of
from members.directory import DirectoryProfile, GroupProfile
from members.models import Group, Member, MemberEmail, Organization, Role
from members.models.batch import INSERT
from members.models.member import INSERT_IF_NEW, LOCKED_BY_ID
from members.models.member_email import first_rows
from scim.lookups import BY_ID
from tests.conftest import SETUP, employee_role, new_key
from torii_settings.statement import Insert, Update, preparer, run_if_first

TEXTS = ["", "Zoë O'Neil", 'a "b" \\ c', "\u2028 \U0001f600 {}[],:", "%s %%", "\t\n", "null"]
DOCUMENTS: list[dict[str, Any]] = [
    {},
    {"text": TEXTS, "null": None, "flag": True},
    {"large": 10**30, "exact": 0.1, "small": 5e-324, "emails": [{"value": "ä@acme.example", "primary": True}]},
]


@pytest.fixture
def employee(acme: Organization) -> Role:
    return employee_role(acme)


def member(role: Role, user_name: str, **columns: Any) -> Member:
    return Member(organization=role.organization, role=role, user_name=user_name, **columns)


def columns(model: type[Member] | type[Event], **found: Any) -> list[Any]:
    """Return all columns but the id of the rows that are found, in their order."""
    names = [field.attname for field in model._meta.concrete_fields if field.name != "id"]
    return list(model.objects.filter(**found).order_by("id").values_list(*names))


def test_rows_inserted_together_are_what_save_makes_of_them(employee: Role) -> None:
    now = timezone.now()
    past = dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.timezone(dt.timedelta(hours=-9, minutes=30)))

    def members() -> list[Member]:
        moments: dict[str, Any] = {"created_at": now, "updated_at": past}
        by_text = [
            member(employee, f"t{number}@acme.example", given_name=text, external_id=text, **moments)
            for number, text in enumerate(TEXTS)
        ]
        by_document = [
            member(employee, f"d{number}@acme.example", attributes=document, deactivated_at=past, **moments)
            for number, document in enumerate(DOCUMENTS)
        ]
        return by_text + by_document

    for each in members():
        each.save()
    saved = columns(Member)
    Member.objects.all().delete()
    INSERT.run_many(members())

    assert columns(Member) == saved
    assert len(saved) == len(TEXTS) + len(DOCUMENTS)


@pytest.mark.parametrize("ip", [None, "192.0.2.7", "2001:db8::7"])
def test_so_are_events(employee: Role, ip: str | None) -> None:
    acme = employee.organization
    target = member(employee, "t@acme.example")
    by = Actor.system("x", Origin(ip, 'agent "7"'))
    events = [event_of(Action.MEMBER_CREATED, acme, by, target, document) for document in DOCUMENTS]
    again = [event_of(Action.MEMBER_CREATED, acme, by, target, document) for document in DOCUMENTS]
    for each in events + again:
        each.created_at = events[0].created_at
    for each in events:
        each.save()
    RECORD.run_many(again)

    rows = columns(Event, target_label="t@acme.example")
    assert rows[: len(DOCUMENTS)] == rows[len(DOCUMENTS) :]
    assert len(rows) == 2 * len(DOCUMENTS)


def test_all_are_inserted_or_none(employee: Role) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        INSERT.run_many([member(employee, name) for name in ("a@acme.example", "b@acme.example", "A@acme.example")])
    if connection.vendor == "postgresql":
        with pytest.raises(DataError), transaction.atomic():
            INSERT.run_many([member(employee, name) for name in ("a@acme.example", "b" * 255)])
    assert not Member.objects.exists()


def test_who_is_there_is_left_out_where_that_is_asked_for(employee: Role) -> None:
    INSERT.run_many([member(employee, "a@acme.example", given_name="first")])
    INSERT_IF_NEW.run_many(
        [member(employee, name, given_name="second") for name in ("A@acme.example", "b@acme.example")]
    )

    found = Member.objects.order_by("user_name").values_list("user_name", "given_name")
    assert list(found) == [("a@acme.example", "first"), ("b@acme.example", "second")]


def test_what_is_inserted_unseen_by_its_fields_is_what_the_model_would_make(employee: Role) -> None:
    acme = employee.organization
    profile = DirectoryProfile("bob@acme.example", attributes={"emails": [{"value": "bob@home.example"}]})
    bob = Member.described(acme, employee, profile, source=Member.Source.SCIM)
    event = event_of(Action.MEMBER_CREATED, acme, Actor.system("x"), bob, {})
    ((_, address),) = first_rows(bob)
    for made in (bob, event, address):
        values = {field.attname: vars(made)[field.attname] for field in made._meta.concrete_fields}
        usual = type(made)(**values)
        assert vars(made).keys() - {"_state"} == vars(usual).keys() - {"_state"}
        assert all(type(value) is type(vars(usual)[name]) for name, value in values.items())
        assert (made._state.adding, made._state.db) == (True, None)
    assert (bob.organization, bob.role, event.organization) == (acme, employee, acme)


@pytest.mark.parametrize("model", [Member, Event, Organization, Role, Group, MemberEmail, ApiKey])
def test_values_are_prepared_as_their_fields_prepare_them(acme: Organization, model: type[Model]) -> None:
    values = [None, "", "text", Member.Source.SCIM, format_lazy("later"), uuid4(), str(uuid4()), True, False, 1, "1"]
    for field in model._meta.concrete_fields:
        prepare = preparer(field, connection.vendor)
        for value in values:
            try:
                expected = field.get_db_prep_save(value, connection)
            except (ValidationError, ValueError, TypeError):
                continue
            assert str(prepare(value, connection)) == str(expected), (field, value)


def test_others_are_written_only_if_the_first_is(employee: Role) -> None:
    def writes(user_name: str) -> list[tuple[Insert | Update, Model]]:
        bob = member(employee, user_name, attributes={"emails": [{"value": "b@home.example"}]})
        event = event_of(Action.MEMBER_CREATED, employee.organization, Actor.system("x"), bob, {})
        return [(INSERT_IF_NEW, bob), *first_rows(bob), (RECORD, event)]

    assert run_if_first(writes("bob@acme.example"))
    assert not run_if_first(writes("BOB@acme.example"))
    assert run_if_first(writes("ann@acme.example")[:1])
    assert not run_if_first(writes("ANN@acme.example")[:1])
    assert sorted(Member.objects.values_list("user_name", flat=True)) == ["ann@acme.example", "bob@acme.example"]
    assert MemberEmail.objects.get().member.user_name == "bob@acme.example"
    assert Event.objects.get(target_label__icontains="bob").target_label == "bob@acme.example"
    assert not Event.objects.filter(target_label__icontains="ann").exists()


def test_to_insert_nobody_asks_nothing(employee: Role, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        INSERT.run_many([])


def test_a_statement_reads_the_same_whichever_cursor_runs_it(employee: Role, settings: Any) -> None:
    acme = employee.organization
    key = new_key(acme, allowed_networks=["192.0.2.0/24"], expires_on=timezone.now().date() + dt.timedelta(days=9))
    bob = member(employee, "bob@acme.example", attributes=DOCUMENTS[1], deactivated_at=timezone.now())
    INSERT.run(bob)
    Group.add(acme, GroupProfile("Works", add_members={bob.pk}), by=SETUP)
    digest = key.api_key.digest
    reads: list[Callable[[], Any]] = [
        partial(key_statement(1, BY_ID).tuples, digest_0=digest, sought=bob.pk),
        partial(LOCKED_BY_ID.tuples, organization=acme.pk, pk=bob.pk),
        partial(LOCKED_BY_ID.tuples, organization=acme.pk, pk=uuid4()),
    ]
    for read in reads:
        settings.DATABASE_FAST_CURSOR = True
        found = read()
        settings.DATABASE_FAST_CURSOR = False
        with CaptureQueriesContext(connection) as queries:
            assert read() == found
        assert len(queries) == 1
    assert len(reads[0]()) == len(reads[1]()) == 1
