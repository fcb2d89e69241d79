"""Sessions of staff end after 8 hours, or 30 minutes unused; those of an organization's members don't."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import InternalError, connection
from django.test import Client
from django.utils import timezone

from audit.models import Action, Event
from members.models import Member, Organization, User
from members.sessions import SIGNED_IN_AT
from tests.conftest import sign_in_staff
from tests.project.test_database_errors import READ_ONLY, caused
from tests.security.conftest import HOME, at, is_signed_in, staff_member, text_of
from tests.staff.conftest import page, stella

__all__ = ["stella"]

pytestmark = pytest.mark.django_db

MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


@pytest.fixture
def travelling() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as traveller:
        yield traveller


@pytest.fixture
def browser(travelling: time_machine.Traveller, stella: User) -> Client:
    """Stella's."""
    return sign_in_staff(at(HOME), stella)


def is_in(browser: Client, path: str = "/admin/") -> bool:
    return bool(browser.get(path).status_code == 200)


def test_it_ends_after_half_an_hour_without_use(browser: Client, travelling: time_machine.Traveller):
    for _ in range(4):
        travelling.shift(29 * MINUTE)
        assert is_in(browser)
    travelling.shift(30 * MINUTE)
    answer = browser.get("/admin/", follow=True)
    assert answer.request["PATH_INFO"] == "/accounts/login/"
    assert "a session of staff lasts 8 hours, or 30 minutes without use" in text_of(answer)
    assert not is_signed_in(browser)


def test_it_ends_after_eight_hours_however_busy(browser: Client, travelling: time_machine.Traveller):
    for _ in range(23):
        travelling.shift(20 * MINUTE)
        assert is_in(browser)
    travelling.shift(20 * MINUTE)
    assert not is_in(browser)
    assert not is_signed_in(browser)


@pytest.mark.parametrize("path", ["/settings/", "/accounts/second-factor/", "/accounts/password/change/", "/admin/"])
def test_it_ends_at_every_door(path: str, browser: Client, acme: Organization, travelling: time_machine.Traveller):
    staff_member(acme, "stella@vendor.example", "Admin")
    travelling.shift(8 * HOUR)
    browser.post(path)
    assert not is_signed_in(browser)


def test_the_sign_in_page_works_where_a_session_has_ended(browser: Client, travelling: time_machine.Traveller):
    travelling.shift(8 * HOUR)
    assert browser.get("/accounts/login/").status_code == 200


def test_what_a_form_sends_too_late_changes_nothing(
    browser: Client, acme: Organization, travelling: time_machine.Traveller
):
    travelling.shift(31 * MINUTE)
    browser.post(page("members.Organization", "change", acme.pk), {"name": "Changed"})
    acme.refresh_from_db()
    assert acme.name == "Acme"


def test_the_lengths_are_settings(browser: Client, settings: Any, travelling: time_machine.Traveller):
    settings.STAFF_SESSION_LIFETIME, settings.STAFF_SESSION_IDLE = 3600, 600
    for minutes, stays in ((9, True), (9, True), (10, False)):
        travelling.shift(minutes * MINUTE)
        assert is_in(browser) is stays


def test_a_page_that_loads_itself_anew_keeps_no_session_alive(
    browser: Client, acme: Organization, travelling: time_machine.Traveller
):
    job = acme.jobs.create(because={"group": "Engineers"}, actor_kind="staff", actor_label="Stella", total=9, done=5)
    path = page("members.Job", "change", job.pk)
    assert is_in(browser)
    for _ in range(5):
        travelling.shift(5 * MINUTE)
        assert is_in(browser, path)
    travelling.shift(5 * MINUTE)
    assert not is_in(browser, path)


def test_a_session_without_a_beginning_has_ended(browser: Client):
    session = browser.session
    del session[SIGNED_IN_AT]
    session.save()
    assert not is_in(browser)


def test_an_end_is_recorded_with_its_reason(
    browser: Client, stella: User, acme: Organization, travelling: time_machine.Traveller
):
    staff_member(acme, "stella@vendor.example", "Admin")
    for _ in range(3):
        travelling.shift(30 * MINUTE)
        browser.get("/admin/")
    [event] = Event.objects.filter(organization=acme, action=Action.STAFF_SESSION_ENDED)
    assert (event.ip, event.changes) == (HOME, {"reason": "idle"})
    [entry] = LogEntry.objects.filter(object_id=str(stella.pk))
    assert entry.change_message == f"Session of staff ended (reason: idle, {HOME})"


def test_sessions_of_members_last(ana: Member, sign_in: Any, travelling: time_machine.Traveller):
    browser = sign_in(ana)
    for _ in range(12):
        travelling.shift(24 * HOUR)
        assert browser.get("/settings/", follow=True).status_code == 200


def test_somebody_who_becomes_staff_signs_in_anew_if_their_session_is_old(
    ana: Member, sign_in: Any, travelling: time_machine.Traveller
):
    browser = sign_in(ana)
    travelling.shift(9 * HOUR)
    User.objects.update(is_staff=True)
    browser.get("/settings/")
    assert not is_signed_in(browser)


def test_the_demo_is_exempt(browser: Client, settings: Any, travelling: time_machine.Traveller):
    settings.DEMO = True
    travelling.shift(9 * HOUR)
    assert is_in(browser)


def test_a_session_is_saved_once_a_minute_at_most(browser: Client, travelling: time_machine.Traveller):
    assert is_in(browser)
    keys = dict(browser.session)
    travelling.shift(30 * dt.timedelta(seconds=1))
    assert is_in(browser)
    assert dict(browser.session) == keys
    travelling.shift(MINUTE)
    assert is_in(browser)
    assert dict(browser.session) != keys


def test_staff_go_on_reading_while_the_database_takes_no_changes(
    browser: Client, travelling: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lib.best_effort._paused_until", 0.0)
    path = page("members.Organization")
    assert is_in(browser, path)
    travelling.shift(5 * MINUTE)
    asked = []

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            asked.append(sql)
            raise caused(InternalError, READ_ONLY)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        assert is_in(browser, path)
    assert len(asked) == 1
