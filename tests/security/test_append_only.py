"""Nothing changes, deletes or back-dates an audit event, whichever way it comes: the database itself refuses it."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit import append_only
from audit.models import Action, ActorKind, Event
from members.models import Organization
from tests import dates_of_events

pytestmark = pytest.mark.django_db


def run(sql: str, *values: Any) -> Any:
    connection.check_constraints()  # no table is truncated while foreign keys wait for it
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def event_at(organization: Organization, moment: dt.datetime, **fields: Any) -> Event:
    return Event(
        organization=organization,
        created_at=moment,
        action=Action.ORGANIZATION_UPDATED,
        actor_kind=ActorKind.SYSTEM,
        actor_label="somebody",
        target_type="organization",
        target_id="1",
        target_label="Acme",
        **fields,
    )


def upsert(acme: Organization) -> None:
    [*events] = Event.objects.all()
    for event in events:
        event.actor_label = "somebody else"
    Event.objects.bulk_create(events, update_conflicts=True, unique_fields=["id"], update_fields=["actor_label"])


def replace(acme: Organization) -> None:
    """Insert over an event that is there, which is SQLite's REPLACE; PostgreSQL has only the conflict."""
    how = "INSERT OR REPLACE" if connection.vendor == "sqlite" else "INSERT"
    what = "ON CONFLICT (id) DO UPDATE SET actor_label = 'x'" if connection.vendor == "postgresql" else ""
    run(f"{how} INTO audit_event SELECT * FROM audit_event WHERE true {what}")  # noqa: S608 - our own words


def truncate(acme: Organization) -> None:
    if connection.vendor == "sqlite":
        run("DELETE FROM audit_event")
    else:
        run("TRUNCATE audit_event")


def truncate_what_it_refers_to(acme: Organization) -> None:
    if connection.vendor == "sqlite":
        run("DELETE FROM audit_event WHERE organization_id = %s", acme.pk)
    else:
        run("TRUNCATE members_organization CASCADE")


WAYS: list[Callable[[Organization], Any]] = [
    lambda acme: run("UPDATE audit_event SET actor_label = 'x'"),
    lambda acme: run("UPDATE audit_event SET id = id"),
    lambda acme: run("DELETE FROM audit_event"),
    truncate,
    truncate_what_it_refers_to,
    upsert,
    replace,
    lambda acme: Event._base_manager.update(actor_label="x"),
    lambda acme: Event._base_manager.all().delete(),
    lambda acme: acme.events.all()._raw_delete("default"),
    lambda acme: Event._base_manager.bulk_update([event_at(acme, timezone.now(), id=newest(acme).pk)], ["created_at"]),
]


def newest(acme: Organization) -> Event:
    event = acme.events.first()
    assert event is not None
    return event


def rows() -> list[Any]:
    return list(Event.objects.order_by("id").values_list())


@pytest.mark.parametrize("way", WAYS)
def test_no_way_changes_or_deletes_an_event(way: Callable[[Organization], Any], acme: Organization) -> None:
    before = rows()
    assert before
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        way(acme)
    assert rows() == before


FORGED: list[Callable[[Event], Any]] = [
    lambda event: event.save(),
    lambda event: event.save_base(force_insert=True, raw=True),
    lambda event: Event.objects.bulk_create([event]),
    lambda event: Event.objects.bulk_create([event], ignore_conflicts=True),
]


@pytest.mark.parametrize("away", [-dt.timedelta(days=1), -dt.timedelta(minutes=11), dt.timedelta(minutes=11)])
@pytest.mark.parametrize("way", FORGED)
def test_no_event_is_dated_otherwise_than_now(
    way: Callable[[Event], Any], away: dt.timedelta, acme: Organization
) -> None:
    dates_of_events.look_at_them()
    before = rows()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        way(event_at(acme, timezone.now() + away))
    assert rows() == before


@pytest.mark.parametrize("seconds", [-540, 0, 540])
def test_clocks_may_differ_by_some_minutes(seconds: int, acme: Organization) -> None:
    dates_of_events.look_at_them()
    event_at(acme, timezone.now() + dt.timedelta(seconds=seconds)).save()


def test_the_door_opens_for_its_block_alone(acme: Organization) -> None:
    dates_of_events.look_at_them()
    long_ago = timezone.now() - dt.timedelta(days=400)
    with append_only.lifted():
        Event._base_manager.update(actor_label="a pseudonym")
        event_at(acme, long_ago).save()
    assert newest(acme).created_at == long_ago
    for way in (*WAYS, lambda acme: event_at(acme, long_ago).save()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            way(acme)


def test_a_block_within_another_leaves_the_door_open_for_it(acme: Organization) -> None:
    with append_only.lifted():
        with append_only.lifted():
            pass
        assert Event._base_manager.update(actor_label="a pseudonym")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event._base_manager.update(actor_label="x")


def fail_after(changed: int) -> None:
    assert changed
    raise ZeroDivisionError


def test_the_door_closes_when_its_block_fails(acme: Organization) -> None:
    before = rows()
    with pytest.raises(ZeroDivisionError), append_only.lifted():
        fail_after(Event._base_manager.update(actor_label="a pseudonym"))
    assert rows() == before
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event._base_manager.update(actor_label="a pseudonym")


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one connection that writes")
@pytest.mark.django_db(transaction=True)
def test_the_door_is_open_for_no_other_connection(acme: Organization) -> None:
    other = connection.copy()
    try:
        with append_only.lifted(), pytest.raises(DatabaseError, match="append-only"):
            other.cursor().execute("DELETE FROM audit_event")
    finally:
        other.close()
