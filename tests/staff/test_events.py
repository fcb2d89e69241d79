"""The audit log in the staff admin."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from audit.models import Action, Actor, Event, Origin
from members.models import Member, Organization
from tests.api.client import Script
from tests.conftest import SETUP, new_key
from tests.staff.conftest import page, rows

EVENT = "audit.Event"


@pytest.fixture
def dated(acme):
    """Return acme with an event on each of three days, the first at the first and the last at the last moment."""
    for moment in ("2026-03-01T00:00:00Z", "2026-03-02T12:00:00Z", "2026-03-03T23:59:59.999Z"):
        with time_machine.travel(dt.datetime.fromisoformat(moment), tick=False):
            Event.record(Action.SCIM_ENABLED, acme, by=SETUP, target=acme, changes={"day": moment[:10]})
    return acme


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, [3, 2, 1]),
        ({"created_at_from": "2026-03-01", "created_at_to": "2026-03-03"}, [3, 2, 1]),
        ({"created_at_from": "2026-03-02"}, [3, 2]),
        ({"created_at_to": "2026-03-02"}, [2, 1]),
        ({"created_at_from": "2026-03-02", "created_at_to": "2026-03-02"}, [2]),
        ({"created_at_from": "2026-03-04", "created_at_to": "2026-03-05"}, []),
        ({"created_at_from": "soon", "created_at_to": ""}, [3, 2, 1]),
    ],
)
def test_events_are_filtered_by_day_newest_first(admin, dated, query, days):
    found = rows(admin.get(page(EVENT), {"action__exact": "scim.enabled", **query}))
    assert [int(event.changes["day"][-1]) for event in found if "day" in event.changes] == days


def test_events_are_filtered_by_action_and_organization(admin, acme, globex, ana, eve):
    query = {"action__exact": "member.created", "organization__id__exact": globex.pk}
    [event] = rows(admin.get(page(EVENT), query))
    assert event.target_label == "eve@globex.example"


@pytest.fixture
def told(acme, globex, ana, ira, eve):
    """Make events by Ana and by a key, about Ira, from two addresses."""
    origin = Origin("203.0.113.9", "Firefox")
    ira.change_role(acme.roles.named("Admin"), by=ana.actor(origin))
    key = new_key(acme, description="Okta").api_key
    ira.change_role(acme.roles.named("Read Only"), by=key.actor(Origin("2001:db8::1", "Okta")))
    return key


def actions(admin, text):
    return sorted(str(event.action) for event in rows(admin.get(page(EVENT), {"q": text})))


def test_events_are_found_by_a_persons_address_or_name_whether_they_did_it_or_it_was_done_to_them(admin, told):
    for text in ("ira@acme.example", "IRA@acme.example", "Ira Item", "ira"):
        assert actions(admin, text) == ["member.created", "member.role_changed", "member.role_changed"], text
    for text in ("ana@acme.example", "Ana Admin"):
        assert actions(admin, text) == ["member.created", "member.role_changed"], text
    assert actions(admin, "nobody@acme.example") == []


def test_events_are_found_by_a_key(admin, told):
    for text in (told.hint, told.key_id, f"torii_scim_{told.key_id}_whatever"):
        assert actions(admin, text) == ["api_key.generated", "member.role_changed"], text


def test_events_are_found_by_an_ip_address_however_it_is_written(admin, told):
    for text in ("203.0.113.9", " 2001:db8::1 ", "2001:0db8:0:0::1"):
        assert actions(admin, text) == ["member.role_changed"], text
    assert actions(admin, "203.0.113.8") == []


COMMANDS = ["create_api_key", "create_organization", "load_members", "seed_demo", "set_scim"]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_old_event_of_a_command_is_by_the_command_line_at_every_door(admin, acme, command):
    by = Actor.system(command)
    Event.record(Action.SCIM_ENABLED, acme, by=by, target=acme)
    key = new_key(acme, "api_read", description="old", by=by)
    Organization.objects.update(scim_enabled_at=timezone.now(), scim_enabled_by=command)
    event = Event.objects.get(action=Action.SCIM_ENABLED, actor_label=command)
    shown = [
        admin.get(page(EVENT), {"action__exact": "scim.enabled"}),
        admin.get(page(EVENT, "change", event.pk)),
        admin.get(page("apikeys.ApiKey", "change", key.api_key.pk)),
        admin.get(page("members.Organization", "change", acme.pk)),
    ]
    for answer in shown:
        assert "the command line" in answer.text
        assert command not in answer.text
    script = Script(key.text)
    for actor in ("the command line", command):
        found = script.call("GET", "audit-events", event="scim.enabled", actor=actor).json()["results"]
        assert [each["actor"]["label"] for each in found if each["id"] == str(event.pk)] == ["the command line"]
    assert "the command line" in [each["created_by"] for each in script.call("GET", "api-keys").json()["results"]]


def test_a_person_is_shown_by_whatever_they_are_called(admin, acme, ana):
    Member.objects.filter(pk=ana.pk).update(display_name="set_scim")
    ana.refresh_from_db()
    Event.record(Action.SCIM_ENABLED, acme, by=ana.actor(), target=acme)
    assert "set_scim" in admin.get(page(EVENT), {"action__exact": "scim.enabled"}).text


def test_a_search_reads_the_newest_events_that_the_filters_leave(admin, globex, told, eve, monkeypatch):
    monkeypatch.setattr("audit.admin.EVENTS_SEARCHED", 3)
    newest = list(Event.objects.order_by("-id")[:3])
    assert {event.action for event in newest} == {"api_key.generated", "member.role_changed"}
    for text, found in (("ira", 2), ("203.0.113.9", 1), ("eve@globex.example", 0)):
        assert len(rows(admin.get(page(EVENT), {"q": text}))) == found, text
    query = {"q": "eve@globex.example", "organization__id__exact": globex.pk}
    assert [str(event.action) for event in rows(admin.get(page(EVENT), query))] == ["member.created"]


def test_a_search_and_a_filter_go_together(admin, globex, told):
    found = rows(admin.get(page(EVENT), {"q": "ira", "organization__id__exact": globex.pk}))
    assert found == []


@pytest.mark.parametrize("text", ["\0", "%", "'", "a " * 200, "[", "torii_scim_"])
def test_no_search_fails(admin, told, text):
    assert admin.get(page(EVENT), {"q": text}).status_code in (200, 302)


def test_an_event_is_shown_with_what_changed(admin, acme, ana, ira):
    ira.change_role(acme.roles.named("Admin"), by=SETUP)
    event = Event.objects.get(action=Action.MEMBER_ROLE_CHANGED)
    shown = admin.get(page(EVENT, "change", event.pk)).text
    for text in ("ira@acme.example", "IT Admin", "(UTC)", "tests"):
        assert text in shown


def test_what_changed_cannot_break_out_of_the_page(admin, acme):
    target = Member(user_name="x@acme.example", organization=acme)
    event = Event.record(
        Action.MEMBER_UPDATED,
        acme,
        by=SETUP,
        target=target,
        changes={"display_name": ["", "<script>alert(1)</script>"]},
    )
    shown = admin.get(page(EVENT, "change", event.pk)).text
    assert "<script>alert(1)" not in shown
    assert "alert" in shown


def test_events_are_only_looked_at(admin, acme):
    event = Event.objects.filter(organization=acme)[0]
    assert admin.get(page(EVENT, "add")).status_code == 403
    assert admin.post(page(EVENT, "change", event.pk), {"action": "scim.enabled"}).status_code == 403
    assert admin.post(page(EVENT, "delete", event.pk), {"post": "yes"}).status_code == 403
    before = Event.objects.count()
    admin.post(page(EVENT), {"action": "delete_selected", "_selected_action": [event.pk], "post": "yes"})
    assert Event.objects.count() == before


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [("0001-01-01", "9999-12-31", 3), ("1960-01-01", "9999-12-30", 3), ("9999-12-31", "0001-01-01", 0)],
)
def test_days_at_the_ends_of_the_calendar_are_no_fault(admin, dated, first, last, found):
    answer = admin.get(page(EVENT), {"created_at_from": first, "created_at_to": last})
    assert answer.status_code == 200
    assert len([row for row in rows(answer) if "day" in row.changes]) == found
