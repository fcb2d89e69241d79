"""Sessions that have expired are deleted by the clock."""

import datetime as dt

import pytest
from celery.schedules import crontab
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import IntegrityError, connection
from django.db.models.signals import pre_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from members import sessions
from members.tasks import clear_sessions
from torii_settings.celery import app

pytestmark = pytest.mark.django_db


def make_sessions(number: int, age: dt.timedelta) -> None:
    Session.objects.bulk_create(
        Session(session_key=f"{age.days}-{each}", session_data="", expire_date=timezone.now() - age)
        for each in range(number)
    )


def test_what_has_expired_goes_and_the_rest_stays():
    make_sessions(25, dt.timedelta(days=1))
    make_sessions(7, dt.timedelta(days=-1))
    clear_sessions()
    assert set(Session.objects.values_list("expire_date__date", flat=True)) == {
        (timezone.now() + dt.timedelta(days=1)).date()
    }
    assert Session.objects.count() == 7


def test_no_statement_deletes_more_than_a_batch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sessions, "CLEARED_AT_ONCE", 10)
    make_sessions(25, dt.timedelta(days=1))
    with CaptureQueriesContext(connection) as queries:
        assert sessions.clear_expired_sessions(timezone.now()) == 25
    assert sum(query["sql"].startswith("DELETE") for query in queries) == 3


def test_the_clock_starts_it_every_day():
    [entry] = [entry for entry in settings.CELERY_BEAT_SCHEDULE.values() if "sessions" in str(entry["task"])]
    assert entry["task"] in app.tasks
    assert isinstance(entry["schedule"], crontab)
    assert entry["schedule"].remaining_estimate(timezone.now()) <= dt.timedelta(days=1)


def test_a_session_that_can_not_be_deleted_keeps_no_other(monkeypatch: pytest.MonkeyPatch, caplog):
    monkeypatch.setattr(sessions, "CLEARED_AT_ONCE", 10)
    make_sessions(25, dt.timedelta(days=1))

    def refuse(sender, instance, **kwargs):
        if instance.pk == "1-13":
            raise IntegrityError

    pre_delete.connect(refuse, sender=Session)
    try:
        assert sessions.clear_expired_sessions(timezone.now()) == 24
    finally:
        pre_delete.disconnect(refuse, sender=Session)
    assert list(Session.objects.values_list("pk", flat=True)) == ["1-13"]
    assert "an expired session can't be deleted" in caplog.text
    assert "1-13" not in caplog.text
