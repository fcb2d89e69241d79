"""What is kept of people goes when its time has come, and what is still needed stays."""

import datetime as dt

import pytest
from celery.schedules import crontab
from django.conf import settings as configured
from django.utils import timezone

from apikeys.models import ApiKey, KnownOrigin, Notice
from apikeys.reminders import plan
from apikeys.tasks import forget_old
from lib import purge
from members.models import Member, Organization, User
from members.tasks import forget_logins
from tests.conftest import SETUP, new_key, person
from torii_settings.celery import app

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def thirty_days(settings) -> None:
    settings.RETAIN_NOTICES = settings.RETAIN_ORIGINS = settings.RETAIN_LOGINS = 30 * 86400


def notice(api_key: ApiKey, kind: Notice.Kind, age: dt.timedelta, *, sent: bool = True) -> int:
    then = timezone.now() - age
    made = Notice(api_key=api_key, kind=kind, recipient="ana@acme.example", created_at=then, occasion=str(age.days))
    made.sent_at = then if sent else None
    made.save()
    return made.pk


def kept() -> set[int]:
    forget_old()
    return set(Notice.objects.values_list("pk", flat=True))


@pytest.fixture
def key(acme: Organization, ana: Member) -> ApiKey:
    api_key = new_key(acme).api_key
    Notice.objects.all().delete()
    return api_key


def test_old_notices_go_and_new_and_waiting_ones_stay(key: ApiKey):
    notice(key, Notice.Kind.GENERATED, 31 * DAY)
    stay = {notice(key, Notice.Kind.NEW_ORIGIN, 29 * DAY), notice(key, Notice.Kind.DELETED, 40 * DAY, sent=False)}
    assert kept() == stay


def test_reminders_of_a_key_that_lives_stay_so_that_nobody_is_reminded_twice(acme: Organization, ana: Member, settings):
    settings.RETAIN_NOTICES = 86400
    soon = timezone.now() + 20 * DAY
    live = new_key(acme, expires_on=soon.date()).api_key
    Notice.objects.all().delete()
    made = timezone.now() - 60 * DAY
    ApiKey._base_manager.filter(pk=live.pk).update(created_at=made)
    reminder = notice(live, Notice.Kind.MONTH, 10 * DAY)
    assert kept() == {reminder}
    plan(timezone.now())
    assert set(Notice.objects.values_list("pk", flat=True)) == {reminder}


def test_reminders_of_a_dead_key_go(key: ApiKey):
    notice(key, Notice.Kind.MONTH, 40 * DAY)
    assert len(kept()) == 1
    key.delete_key(by=SETUP)
    Notice.objects.exclude(kind=Notice.Kind.MONTH).delete()
    assert len(kept()) == 1
    ApiKey.objects.filter(pk=key.pk).update(deleted_at=timezone.now() - 31 * DAY)
    assert kept() == set()


def test_origins_of_a_dead_key_go_and_those_of_a_live_one_stay(acme: Organization, key: ApiKey):
    dead = new_key(acme).api_key
    for each in (key, dead):
        KnownOrigin(
            api_key=each, kind="network", value="198.51.100.0/24", first_seen_at=timezone.now() - 99 * DAY
        ).save()
    forget_old()
    assert KnownOrigin.objects.count() == 2
    ApiKey.objects.filter(pk=dead.pk).update(deleted_at=timezone.now() - 31 * DAY)
    forget_old()
    assert [origin.api_key_id for origin in KnownOrigin.objects.all()] == [key.pk]


def login(email: str, age: dt.timedelta, **fields: bool) -> None:
    then = timezone.now() - age
    User.objects.create_user(email, None, date_joined=then, last_login=then, **fields)


def test_the_login_of_who_is_a_member_nowhere_goes(acme: Organization, ana: Member):
    left = person(acme, "left@acme.example", "Lee Left")
    login("left@acme.example", 31 * DAY)
    login("lately@acme.example", 29 * DAY)
    login("ana@acme.example", 31 * DAY)
    login("staff@vendor.example", 31 * DAY, is_staff=True)
    login("locked@acme.example", 31 * DAY, is_active=False)
    forget_logins()
    assert User.objects.count() == 5
    left.remove(by=SETUP)
    forget_logins()
    assert not User.objects.filter(email="left@acme.example").exists()
    assert User.objects.count() == 4


def test_nothing_goes_where_it_is_kept_for_ever(acme: Organization, key: ApiKey, settings):
    settings.RETAIN_NOTICES = settings.RETAIN_ORIGINS = settings.RETAIN_LOGINS = 0
    notice(key, Notice.Kind.GENERATED, 9999 * DAY)
    login("left@acme.example", 9999 * DAY)
    forget_logins()
    assert len(kept()) == 1
    assert User.objects.count() == 1


def test_each_transaction_deletes_a_batch(monkeypatch: pytest.MonkeyPatch, db: None):
    monkeypatch.setattr(purge, "AT_ONCE", 10)
    for number in range(25):
        login(f"left{number}@acme.example", 31 * DAY)
    forget_logins()
    assert User.objects.count() == 0


def test_a_worker_that_has_to_stop_stops_between_two_batches(monkeypatch: pytest.MonkeyPatch, db: None):
    monkeypatch.setattr(purge, "AT_ONCE", 10)
    stops = iter([False, True])
    monkeypatch.setattr(purge, "is_stopping", lambda: next(stops))
    for number in range(25):
        login(f"left{number}@acme.example", 31 * DAY)
    forget_logins()
    assert User.objects.count() == 15


@pytest.mark.parametrize("task", ["members.tasks.forget_logins", "apikeys.tasks.forget_old"])
def test_the_clock_starts_it_every_day(task: str):
    [entry] = [entry for entry in configured.CELERY_BEAT_SCHEDULE.values() if entry["task"] == task]
    assert task in app.tasks
    assert isinstance(entry["schedule"], crontab)
