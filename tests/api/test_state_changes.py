"""What a key may do to a member: give a role, deactivate, reactivate. Each is the verb that all doors call."""

import pytest
from django.db import transaction

from audit.models import Action, ActorKind, Event
from members.models import Level, Member, Organization, Role
from members.models.scope import everywhere
from tests.api.client import Script, assert_problem
from tests.conftest import ACME, SETUP
from tests.identity_provider import IdentityProvider


def newest(organization: Organization) -> Event:
    event = organization.events.order_by("-id").first()
    assert event is not None
    return event


def test_a_role_is_assigned_by_its_name_in_any_case(script: Script, acme: Organization, emil: Member) -> None:
    response = script.call("PUT", f"members/{emil.pk}/role", {"role": "it ADMIN"}, headers={"User-Agent": "nightly"})

    assert response.status_code == 200
    assert response.json()["role"]["name"] == "IT Admin"
    assert response.json()["role_is_assigned"] is True
    emil.refresh_from_db()
    assert emil.role.name == "IT Admin"
    event = newest(acme)
    key = acme.api_keys.get(description="Script")
    assert (event.action, event.target_id) == (Action.MEMBER_ROLE_CHANGED, str(emil.pk))
    assert (event.actor_kind, event.actor_id, event.actor_label) == (ActorKind.API_KEY, str(key.pk), key.hint)
    assert (event.ip, event.user_agent) == ("127.0.0.1", "nightly")
    assert event.changes == {"role": ["Employee", "IT Admin"]}


def test_a_custom_role_is_a_role(script: Script, acme: Organization, emil: Member) -> None:
    Role(organization=acme, name="Contracts", access=everywhere(Level.READ)).create_role(by=SETUP)
    assert script.call("PUT", f"members/{emil.pk}/role", {"role": "contracts"}).json()["role"]["name"] == "Contracts"


def test_an_unknown_role_is_refused_with_the_valid_ones(script: Script, acme: Organization, emil: Member) -> None:
    events = acme.events.count()

    response = script.call("PUT", f"members/{emil.pk}/role", {"role": "Procurment"})

    assert_problem(response, 400, "unknown_role", '"Procurment"', "Read Only", 'Did you mean "Procurement"?')
    emil.refresh_from_db()
    assert emil.role.is_employee
    assert acme.events.count() == events


def test_another_organizations_custom_role_is_unknown(script: Script, globex: Organization, emil: Member) -> None:
    Role(organization=globex, name="Globex only", access=everywhere(Level.READ)).create_role(by=SETUP)
    response = script.call("PUT", f"members/{emil.pk}/role", {"role": "Globex only"})
    assert_problem(response, 400, "unknown_role")
    assert response.json()["detail"].count("Globex only") == 1


def test_deactivation_and_reactivation_are_idempotent(script: Script, acme: Organization, ira: Member) -> None:
    for path, active, action in (
        ("deactivation", False, Action.MEMBER_DEACTIVATED),
        ("reactivation", True, Action.MEMBER_REACTIVATED),
    ):
        first = script.call("POST", f"members/{ira.pk}/{path}")
        events = acme.events.count()
        second = script.call("POST", f"members/{ira.pk}/{path}")

        assert (first.status_code, second.status_code) == (200, 200)
        assert first.json() == second.json()
        assert first.json()["active"] is active
        assert (first.json()["deactivated_at"] is None) is active
        ira.refresh_from_db()
        assert ira.is_active is active
        assert newest(acme).action == action
        assert newest(acme).actor_kind == ActorKind.API_KEY
        assert acme.events.count() == events


def test_deactivation_ends_sessions(script: Script, ira: Member, sign_in) -> None:
    browser = sign_in(ira)
    assert browser.get(f"{ACME}/members").status_code == 200
    script.call("POST", f"members/{ira.pk}/deactivation")
    assert browser.get(f"{ACME}/members").status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"), [("PUT", "role", {"role": "Employee"}), ("POST", "deactivation", None)]
)
def test_the_last_active_admin_stays(
    script: Script, acme: Organization, ana: Member, method: str, path: str, body: object
) -> None:
    events = acme.events.count()

    response = script.call(method, f"members/{ana.pk}/{path}", body)

    assert_problem(response, 409, "last_admin", "Admin role first")
    ana.refresh_from_db()
    assert ana.is_active
    assert ana.role.is_admin
    assert acme.events.count() == events


def test_who_has_a_role_from_a_group_keeps_it_when_it_is_assigned(
    script: Script, acme: Organization, okta: IdentityProvider, emil: Member
) -> None:
    group_id = okta.call("POST", "/Groups", {"displayName": "Works", "members": [{"value": str(emil.pk)}]}).json()["id"]
    acme.groups.get(pk=group_id).give_role(acme.roles.get(name="IT Admin"), by=SETUP)
    assert script.read(f"members/{emil.pk}")["role_is_assigned"] is False

    assert script.call("PUT", f"members/{emil.pk}/role", {"role": "IT Admin"}).json()["role_is_assigned"] is True

    acme.groups.get(pk=group_id).remove(by=SETUP)
    assert script.read(f"members/{emil.pk}")["role"]["name"] == "IT Admin"


def test_somebody_removed_meanwhile_is_a_404(
    script: Script, ira: Member, ana: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = Member._lock

    def removed_first(member: Member) -> None:
        Member.objects.filter(pk=member.pk).delete()
        with transaction.atomic():
            lock(member)

    monkeypatch.setattr(Member, "_lock", removed_first)
    assert_problem(script.call("POST", f"members/{ira.pk}/deactivation"), 404, "not_found")
