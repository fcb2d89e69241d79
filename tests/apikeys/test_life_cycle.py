"""Generating and deleting keys, and the expiration that nothing changes."""

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from apikeys.errors import ExpirationImmutable, KeyInvalid
from apikeys.models import ApiKey
from audit.models import Action
from members.models import Member, Organization
from tests.conftest import SETUP, new_key


def test_generating_stores_no_text(acme: Organization, ana: Member, today: dt.date) -> None:
    new = new_key(acme, by=ana.actor(), expires_on=today + dt.timedelta(days=90))
    secret = new.text.rpartition("_")[2]

    key = ApiKey.objects.get()
    assert secret not in str(vars(key))
    assert (key.last_four, key.key_id) == (new.text[-4:], new.text.split("_")[2])
    assert key.created_by == ana
    assert key.created_by_label == "Ana Admin"
    event = acme.events.get(action=Action.API_KEY_GENERATED)
    assert event.target_label == f"Okta (torii_scim_{key.key_id}…{key.last_four})"
    assert secret not in str(vars(event))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"description": ""}, "description"),
        ({"description": "   "}, "description"),
        ({"description": "x" * 121}, "description"),
        ({"kind": "master"}, "kind"),
        ({"expires_on": dt.date(2020, 1, 1)}, "expires_on"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_beside_its_field(
    acme: Organization, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(KeyInvalid) as refusal:
        new_key(acme, **fields)
    assert refusal.value.field == field
    assert not ApiKey.objects.exists()


def test_today_is_not_in_the_future(acme: Organization, today: dt.date) -> None:
    with pytest.raises(KeyInvalid, match="must be in the future"):
        new_key(acme, expires_on=today)


def test_several_keys_of_a_type_live_side_by_side(acme: Organization) -> None:
    assert {new_key(acme).api_key.pk for _ in range(3)} == set(acme.api_keys.values_list("pk", flat=True))


def test_deleting_leaves_a_tombstone_without_the_digest(acme: Organization) -> None:
    key = new_key(acme).api_key

    key.delete_key(by=SETUP)
    key.delete_key(by=SETUP)

    stored = ApiKey.objects.get()
    assert stored.digest is None
    assert stored.deleted_at is not None
    assert not acme.api_keys.existing().exists()
    assert acme.events.filter(action=Action.API_KEY_DELETED).count() == 1


@pytest.mark.parametrize("later", [None, dt.date(2031, 1, 1)])
def test_no_code_path_changes_an_expiration(acme: Organization, later: dt.date | None) -> None:
    key = new_key(acme, expires_on=dt.date(2030, 1, 1)).api_key

    key.expires_on = later
    with pytest.raises(ExpirationImmutable):
        key.save()
    with pytest.raises(ExpirationImmutable):
        key.save(update_fields=["expires_on"])
    with pytest.raises(ExpirationImmutable):
        acme.api_keys.update(expires_on=later)
    with pytest.raises(ExpirationImmutable):
        acme.api_keys.update(expires_at=None)
    with pytest.raises(ExpirationImmutable), transaction.atomic():
        ApiKey.objects.bulk_update([key], ["expires_on"])
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE apikeys_apikey SET expires_at = NULL")

    assert ApiKey.objects.get().expires_on == dt.date(2030, 1, 1)


def test_status_follows_the_calendar(acme: Organization) -> None:
    acme.time_zone = "Europe/Berlin"
    acme.save()
    key = new_key(acme, expires_on=dt.date(2030, 3, 31)).api_key
    zone = acme.zone

    def status(month: int, day: int, hour: int, minute: int) -> str:
        return str(key.status(dt.datetime(2030, month, day, hour, minute, tzinfo=zone)))

    assert status(2, 27, 23, 59) == "live"
    assert status(2, 28, 0, 0) == "expires_soon"
    assert status(3, 30, 23, 59) == "expires_soon"
    assert status(3, 31, 0, 0) == "expired"
    assert new_key(acme).api_key.status(dt.datetime(2099, 1, 1, tzinfo=zone)) == "live"


def test_expiry_is_recorded_once(acme: Organization) -> None:
    key = new_key(acme, expires_on=dt.date(2030, 1, 1)).api_key
    now = dt.datetime(2030, 1, 2, tzinfo=dt.UTC)

    key.record_expiry(by=SETUP, now=dt.datetime(2029, 1, 1, tzinfo=dt.UTC))
    assert not acme.events.filter(action=Action.API_KEY_EXPIRED).exists()
    key.record_expiry(by=SETUP, now=now)
    key.record_expiry(by=SETUP, now=now)
    assert acme.events.filter(action=Action.API_KEY_EXPIRED).count() == 1
