"""What migrations make of keys and reminders that are there already."""

import datetime as dt

import pytest
from django.db import DatabaseError, connection, transaction

from apikeys.models import ApiKey, Notice
from members.models import Organization
from tests.conftest import Migrate

pytestmark = pytest.mark.django_db(transaction=True)

USED = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def test_reminders_become_notices_and_used_keys_are_known_to_have_been_used(
    acme: Organization, migrate: Migrate
) -> None:
    old = migrate("apikeys", "0002_expiration_immutable")
    keys = old.get_model("apikeys", "ApiKey").objects
    used = keys.create(organization_id=acme.pk, kind="scim", key_id="aaaaaaaa", digest="a", last_used_at=USED)
    keys.create(organization_id=acme.pk, kind="scim", key_id="bbbbbbbb", digest="b", expires_on=dt.date(2027, 1, 1))
    reminders = old.get_model("apikeys", "Reminder").objects
    reminders.create(api_key=used, step="month", recipient="ana@acme.example", sent_at=USED)
    reminders.create(api_key=used, step="week", recipient="ana@acme.example")

    migrate("apikeys", "0006_networks_immutable")

    assert dict(ApiKey.objects.values_list("key_id", "first_used_at")) == {"aaaaaaaa": USED, "bbbbbbbb": None}
    assert list(Notice.objects.order_by("id").values_list("kind", "sent_at")) == [("month", USED), ("week", None)]
    assert list(Notice.objects.waiting().values_list("kind", flat=True)) == ["week"]
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE apikeys_apikey SET expires_on = '2030-01-01' WHERE key_id = 'bbbbbbbb'")


def test_the_way_back_keeps_what_the_old_tables_can_hold(acme: Organization, migrate: Migrate) -> None:
    new = migrate("apikeys", "0006_networks_immutable")
    key = new.get_model("apikeys", "ApiKey").objects.create(organization_id=acme.pk, kind="scim", key_id="aaaaaaaa")
    new.get_model("apikeys", "Notice").objects.create(api_key=key, kind="month", recipient="ana@acme.example")

    old = migrate("apikeys", "0002_expiration_immutable")

    assert old.get_model("apikeys", "Reminder").objects.get().step == "month"
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE apikeys_apikey SET expires_on = '2030-01-01'")
