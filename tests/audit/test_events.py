"""The log only grows, and says who did what from where."""

from typing import Any

import pytest
from django.test import RequestFactory

from audit.actor import Origin
from audit.models import Action, Event, EventImmutable
from members.models import Level, Member, Organization, Role
from members.models.scope import everywhere
from tests.conftest import SETUP, new_key


def test_an_event_can_be_neither_changed_nor_deleted(acme: Organization) -> None:
    event = acme.events.first()
    assert event is not None
    event.actor_label = "somebody else"

    for change in (event.save, event.delete, acme.events.all().delete, lambda: acme.events.update(ip=None)):
        with pytest.raises(EventImmutable):
            change()

    event.refresh_from_db()
    assert event.actor_label == "tests"


def test_every_kind_of_change_is_in_the_log_in_its_order(acme: Organization, ana: Member, ira: Member) -> None:
    by = ana.actor(Origin("192.0.2.7", "Browser"))
    start = acme.events.count()
    role = Role(organization=acme, name="Contracts", access=everywhere(Level.READ))

    acme.disable_scim(by=by)
    acme.disable_scim(by=by)
    acme.enable_scim(by=by)
    role.create_role(by=by)
    role.edit(name="Contract Manager", by=by)
    ira.change_role(role, by=by)
    ira.change_role(role, by=by)
    ira.deactivate(by=by)
    ira.reactivate(by=by)
    ira.remove(by=by)
    role.delete_role(by=by)
    key = new_key(acme, by=by).api_key
    key.delete_key(by=by)

    events = list(acme.events.order_by("id"))[start:]
    assert [event.action for event in events] == [
        Action.SCIM_DISABLED,
        Action.SCIM_ENABLED,
        Action.ROLE_CREATED,
        Action.ROLE_UPDATED,
        Action.MEMBER_ROLE_CHANGED,
        Action.MEMBER_DEACTIVATED,
        Action.MEMBER_REACTIVATED,
        Action.MEMBER_REMOVED,
        Action.ROLE_DELETED,
        Action.API_KEY_GENERATED,
        Action.API_KEY_DELETED,
    ]
    assert {(event.actor_label, event.ip, event.user_agent) for event in events} == {
        ("Ana Admin", "192.0.2.7", "Browser")
    }
    assert events[3].changes == {"name": ["Contracts", "Contract Manager"]}
    assert events[7].target_label == "ira@acme.example"


def test_a_change_that_fails_leaves_no_event(acme: Organization, ana: Member) -> None:
    before = Event.objects.count()
    with pytest.raises(Exception, match="last active Admin"):
        ana.deactivate(by=SETUP)
    assert Event.objects.count() == before


@pytest.mark.parametrize(
    ("peer", "ip"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:cb00:7109]:4711", "203.0.113.9"),
        ("unknown", None),
        ("", None),
        ("x" * 999, None),
    ],
)
def test_an_origin_is_an_address_or_nothing(peer: str, ip: str | None, rf: RequestFactory) -> None:
    request: Any = rf.get("/", REMOTE_ADDR=peer, HTTP_USER_AGENT="a\0" * 400)
    origin = Origin.of(request)
    assert origin.ip == ip
    assert origin.user_agent == "a" * 300
