"""What an organization asks of its keys."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError

from apikeys.errors import KeyInvalid
from audit.models import Action
from members.models import Member, Organization
from tests.conftest import SETUP, new_key

NOW = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)


def test_by_default_an_expiration_is_recommended_and_365_days_are_preset(acme: Organization) -> None:
    assert not acme.key_expiration_required
    assert acme.key_lifetime_days == 365
    with time_machine.travel(NOW):
        assert new_key(acme, expires_on=None).api_key.expires_at is None
        assert new_key(acme, expires_on=dt.date(2030, 1, 1)).api_key.expires_on == dt.date(2030, 1, 1)


@pytest.mark.parametrize(
    ("expires_on", "words"),
    [
        (None, "requires an expiration date, by 31 Mar 2027 (30 days from today)"),
        (dt.date(2027, 4, 1), "allows expiration dates until 31 Mar 2027 (30 days from today)"),
        (dt.date(2027, 3, 31), ""),
        (dt.date(2027, 3, 2), ""),
    ],
)
def test_a_required_expiration_has_a_latest_date(acme: Organization, expires_on: dt.date | None, words: str) -> None:
    acme.set_key_policy(by=SETUP, key_expiration_required=True, key_lifetime_days=30)
    with time_machine.travel(NOW):
        if not words:
            assert new_key(acme, expires_on=expires_on).api_key.expires_on == expires_on
            return
        with pytest.raises(KeyInvalid) as refusal:
            new_key(acme, expires_on=expires_on)
    assert refusal.value.field == "expires_on"
    assert words in refusal.value.detail
    assert not acme.api_keys.exists()


def test_the_latest_date_is_by_the_organizations_calendar(acme: Organization) -> None:
    acme.time_zone = "Pacific/Auckland"
    acme.save()
    acme.set_key_policy(by=SETUP, key_lifetime_days=1)
    assert acme.longest_expiration(NOW) == dt.date(2027, 3, 3)


def test_keys_that_exist_keep_working(acme: Organization) -> None:
    key = new_key(acme).api_key
    acme.set_key_policy(by=SETUP, key_expiration_required=True, key_lifetime_days=1)
    key.refresh_from_db()
    assert key.is_live(NOW)


def test_a_change_is_recorded_once(acme: Organization, ana: Member) -> None:
    policy = {"reminds_week_before": False, "reminder_contact": "it@acme.example"}
    acme.set_key_policy(by=ana.actor(), **policy)
    acme.set_key_policy(by=ana.actor(), **policy)
    event = acme.events.get(action=Action.ORGANIZATION_UPDATED)
    assert event.changes == {"reminds_week_before": [True, False], "reminder_contact": ["", "it@acme.example"]}
    assert event.actor_label == "Ana Admin"


@pytest.mark.parametrize(
    "policy", [{"key_lifetime_days": 0}, {"key_lifetime_days": 3651}, {"reminder_contact": "it at acme"}]
)
def test_what_makes_no_sense_changes_nothing(acme: Organization, policy: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refusal:
        acme.set_key_policy(by=SETUP, **policy)
    assert list(refusal.value.message_dict) == list(policy)
    stored = Organization.objects.get(pk=acme.pk)
    assert (stored.key_lifetime_days, stored.reminder_contact) == (365, "")


def test_only_the_policy_is_set(acme: Organization) -> None:
    with pytest.raises(TypeError):
        acme.set_key_policy(by=SETUP, name="Globex")
