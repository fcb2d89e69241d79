"""A successor takes a key's place without a pause, and the old key goes when nothing needs it any more."""

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import time_machine
from django.db import IntegrityError, transaction

from apikeys.errors import KeyInvalid, KeyNotLive, KeyRotated
from apikeys.models import ApiKey, Handover, NewKey, Notice
from audit.actor import Origin
from audit.models import Action
from lib import request_id
from members.models import Member, Organization
from tests.conftest import SETUP, new_key, once_an_admin
from tests.identity_provider import IdentityProvider
from tests.racing import at_once

NOON = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
HERE = Origin("203.0.113.7", "Okta SCIM Client 1.0.0")


class Pair(NamedTuple):
    """A key and its successor."""

    old: ApiKey
    new: ApiKey


def between(old: ApiKey, now: dt.datetime = NOON) -> tuple[ApiKey, ApiKey] | None:
    handover = old.handover(now)
    return None if handover is None else (handover.old, handover.new)


def successor(key: NewKey, **fields: Any) -> NewKey:
    return key.api_key.rotate(**({"description": "Okta 2028", "expires_on": None, "by": SETUP} | fields))


@pytest.fixture
def pair(acme: Organization) -> Pair:
    """A key of acme and its successor, neither used yet."""
    with time_machine.travel(NOON - dt.timedelta(days=30), tick=False):
        old = new_key(acme)
        new = successor(old, delete_when_silent=True)
    return Pair(old.api_key, new.api_key)


@pytest.fixture
def used(pair: Pair) -> Callable[[dt.datetime | None, dt.datetime | None], Pair]:
    """Return a function that has the old and the new key used at the moments given."""

    def use(old: dt.datetime | None, new: dt.datetime | None) -> Pair:
        for api_key, moment in ((pair.old, old), (pair.new, new)):
            if moment is not None:
                api_key.record_use(HERE, moment)
                api_key.refresh_from_db()
        return pair

    return use


@pytest.mark.parametrize("kind", ApiKey.Kind.values)
def test_a_successor_is_of_the_same_type_and_both_work(acme: Organization, ana: Member, kind: str) -> None:
    old = new_key(acme, kind, expires_on=dt.date(2030, 1, 1), allowed_networks=["203.0.113.0/24"])

    new = successor(old, expires_on=dt.date(2031, 1, 1), by=ana.actor())

    assert new.text != old.text
    stored = ApiKey.objects.get(pk=new.api_key.pk)
    assert (stored.kind, stored.replaces, stored.expires_on) == (kind, old.api_key, dt.date(2031, 1, 1))
    assert ApiKey.objects.get(pk=old.api_key.pk).expires_on == dt.date(2030, 1, 1)
    event = acme.events.filter(action=Action.API_KEY_GENERATED).first()
    assert event is not None
    assert (event.actor_label, event.changes["replaces"]) == ("Ana Admin", old.api_key.hint)
    assert set(acme.api_keys.live(NOON)) == {old.api_key, new.api_key}


def test_both_keys_open_scim_until_the_old_one_is_deleted(acme: Organization) -> None:
    old = new_key(acme)
    new = successor(old)
    doors = [IdentityProvider(old.text), IdentityProvider(new.text)]
    assert [door.get("/Users").status_code for door in doors] == [200, 200]

    old.api_key.delete_key(by=SETUP)

    assert [door.get("/Users").status_code for door in doors] == [401, 200]


def test_a_key_has_one_successor_at_a_time(acme: Organization) -> None:
    old = new_key(acme)
    first = successor(old)
    with pytest.raises(KeyRotated):
        successor(old)
    assert acme.api_keys.count() == 2

    first.api_key.delete_key(by=SETUP)
    second = successor(old)

    assert between(old.api_key) == (old.api_key, second.api_key)


def test_the_database_has_the_last_word_on_successors(acme: Organization) -> None:
    old = new_key(acme)
    successor(old)
    with pytest.raises(IntegrityError), transaction.atomic():
        new_key(acme, replaces=old.api_key)


def test_a_successor_can_be_rotated_in_its_turn(acme: Organization) -> None:
    first = new_key(acme)
    second = successor(first)
    third = successor(second)
    assert between(second.api_key) == (second.api_key, third.api_key)
    assert between(first.api_key) == (first.api_key, third.api_key)
    assert between(third.api_key) is None


def test_what_is_deleted_or_expired_is_not_rotated(acme: Organization, today: dt.date) -> None:
    deleted, expired = new_key(acme), new_key(acme, expires_on=today + dt.timedelta(days=2))
    deleted.api_key.delete_key(by=SETUP)
    with pytest.raises(KeyNotLive):
        successor(deleted)
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(days=3)), pytest.raises(KeyNotLive):
        successor(expired)
    assert acme.api_keys.count() == 2


def test_a_successor_that_makes_no_sense_leaves_everything_as_it_was(acme: Organization) -> None:
    old = new_key(acme)
    with pytest.raises(KeyInvalid):
        successor(old, description=" ", delete_when_silent=True)
    assert not ApiKey.objects.get().delete_when_silent


@pytest.mark.parametrize(
    ("old_used", "new_used", "looked_at", "stage", "safe_at"),
    [
        (None, None, NOON, "safe", None),
        (NOON, None, NOON + 100 * HOUR, "unused", None),
        (None, NOON, NOON, "safe", NOON),
        (NOON - 3 * HOUR, NOON, NOON + HOUR, "silent", NOON + 24 * HOUR),
        (NOON, NOON, NOON + HOUR, "silent", NOON + 24 * HOUR),
        (NOON - 3 * HOUR, NOON, NOON + 24 * HOUR, "safe", NOON + 24 * HOUR),
        (NOON + 2 * HOUR, NOON, NOON + 3 * HOUR, "both", NOON + 26 * HOUR),
        (NOON + 2 * HOUR, NOON, NOON + 25 * HOUR, "both", NOON + 26 * HOUR),
        (NOON + 2 * HOUR, NOON, NOON + 26 * HOUR, "safe", NOON + 26 * HOUR),
    ],
)
def test_the_pair_says_how_far_the_new_key_has_taken_over(used, old_used, new_used, looked_at, stage, safe_at) -> None:
    handover = used(old_used, new_used).old.handover(looked_at)
    assert handover.stage == stage
    assert handover.safe_at == safe_at


def test_an_old_key_that_has_expired_is_out_of_use(acme: Organization) -> None:
    with time_machine.travel(NOON, tick=False):
        old = new_key(acme, expires_on=dt.date(2027, 3, 3))
        new = successor(old)
        new.api_key.record_use(HERE, NOON)
        old.api_key.record_use(HERE, NOON + 30 * HOUR)
        old.api_key.refresh_from_db()
    stages = [old.api_key.handover(NOON + hours * HOUR) for hours in (31, 36)]
    assert [handover and handover.stage for handover in stages] == [Handover.Stage.BOTH, Handover.Stage.SAFE]


def test_the_first_use_is_remembered(used) -> None:
    used(None, NOON)
    pair = used(None, NOON + HOUR)
    assert (pair.new.first_used_at, pair.new.last_used_at) == (NOON, NOON + HOUR)


def test_of_two_processes_the_earlier_first_use_is_remembered(pair: Pair) -> None:
    as_another_process_read_it = ApiKey.objects.get(pk=pair.new.pk)
    pair.new.record_use(HERE, NOON)
    as_another_process_read_it.record_use(HERE, NOON + HOUR)
    assert ApiKey.objects.get(pk=pair.new.pk).first_used_at == NOON


@pytest.mark.parametrize(
    ("old_used", "new_used", "run_at", "deleted"),
    [
        (None, None, NOON + 1000 * HOUR, False),
        (NOON, NOON - HOUR, NOON + 24 * HOUR - dt.timedelta(seconds=1), False),
        (NOON, NOON - HOUR, NOON + 24 * HOUR, True),
        (None, NOON, NOON + 24 * HOUR, True),
    ],
)
def test_an_old_key_is_deleted_by_itself_after_a_day_of_silence(used, old_used, new_used, run_at, deleted) -> None:
    pair = used(old_used, new_used)
    assert pair.old.delete_if_replaced(by=SETUP, now=run_at) is deleted
    assert (ApiKey.objects.get(pk=pair.old.pk).deleted_at is not None) is deleted
    events = pair.old.organization.events.filter(action=Action.API_KEY_DELETED)
    assert [event.changes["reason"] for event in events] == [f"replaced by {pair.new.hint}"] * deleted


def test_a_use_that_comes_in_between_saves_the_old_key(used) -> None:
    pair = used(NOON, NOON)
    ApiKey.objects.get(pk=pair.old.pk).record_use(HERE, NOON + 23 * HOUR)
    assert not pair.old.delete_if_replaced(by=SETUP, now=NOON + 25 * HOUR)


def test_an_old_key_stays_unless_its_deletion_was_asked_for(acme: Organization) -> None:
    old = new_key(acme)
    new = successor(old)
    new.api_key.record_use(HERE, NOON)
    assert not old.api_key.delete_if_replaced(by=SETUP, now=NOON + 1000 * HOUR)


@pytest.mark.parametrize("lost", ["deleted", "expired"])
def test_an_old_key_stays_when_its_successor_is_gone(acme: Organization, lost: str) -> None:
    with time_machine.travel(NOON, tick=False):
        old = new_key(acme)
        new = successor(old, expires_on=dt.date(2027, 3, 3), delete_when_silent=True)
        new.api_key.record_use(HERE, NOON)
        if lost == "deleted":
            new.api_key.delete_key(by=SETUP)
    assert not old.api_key.delete_if_replaced(by=SETUP, now=NOON + 1000 * HOUR)
    assert ApiKey.objects.get(pk=old.api_key.pk).deleted_at is None


def test_every_admin_is_told_of_generating_and_deleting(acme: Organization, ana: Member, ira: Member) -> None:
    key = new_key(acme, by=once_an_admin(ira, HERE)).api_key
    key.delete_key(by=once_an_admin(ira, HERE))
    key.delete_key(by=SETUP)
    notices = Notice.objects.order_by("id").values_list("kind", "recipient")
    assert list(notices) == [("generated", "ana@acme.example"), ("deleted", "ana@acme.example")]
    [details] = {tuple(sorted(notice.details.items())) for notice in Notice.objects.filter(kind="generated")}
    told = {"by": "Ira Item", "ip": "203.0.113.7", "user_agent": HERE.user_agent}
    assert dict(details) == told | {"request_id": request_id.current()}


def test_an_address_is_told_once_in_whatever_case(acme: Organization) -> None:
    key = new_key(acme).api_key
    Notice.objects.write_down(key, Notice.Kind.MONTH, ["Ana@acme.example", "ana@ACME.example"], now=NOON)
    assert list(Notice.objects.values_list("recipient", flat=True)) == ["Ana@acme.example"]


def test_a_rotation_rolled_back_tells_nobody(acme: Organization, ana: Member) -> None:
    with transaction.atomic():
        successor(new_key(acme))
        transaction.set_rollback(True)
    assert not ApiKey.objects.exists()
    assert not Notice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_rotate_at_once_make_one_successor(acme: Organization) -> None:
    old = new_key(acme)
    outcomes = at_once(lambda: successor(old), lambda: successor(NewKey(ApiKey.objects.get(pk=old.api_key.pk), "")))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["KeyRotated", "NewKey"]
    assert acme.api_keys.count() == 2
