"""Deactivated, reactivated, removed; and the last Admin, who stays."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from audit.models import Action
from members.models import Member, Organization
from tests.conftest import ACME
from tests.identity_provider import IdentityProvider, assert_error

Bob = dict[str, Any]
OFF = {"op": "replace", "value": {"active": False}}
ON = {"op": "replace", "path": "active", "value": True}


def actions(member_id: str) -> list[str]:
    """Return what the log says of a member, oldest first."""
    events = Organization.objects.get(name="Acme").events.filter(target_id=member_id).order_by("id")
    return list(events.values_list("action", flat=True))


def test_a_deactivated_member_stays_readable(okta: IdentityProvider, bob: Bob) -> None:
    response = okta.patch(bob["id"], OFF)

    assert (response.status_code, response.json()["active"]) == (200, False)
    assert okta.get(f"/Users/{bob['id']}").json()["active"] is False
    assert okta.list('userName eq "bob@acme.example"')[0]["active"] is False
    assert not Member.objects.get(pk=bob["id"]).is_active


def test_put_deactivates_too(okta: IdentityProvider, bob: Bob) -> None:
    assert okta.put(bob["id"], userName="bob@acme.example", active=False).json()["active"] is False


def test_deactivation_ends_sessions_at_once_and_for_good(
    okta: IdentityProvider, acme: Organization, ana: Member, ira: Member, sign_in: Callable[[Member], Client]
) -> None:
    browser = sign_in(ira)
    assert browser.get(f"{ACME}/members").status_code == 200

    okta.patch(str(ira.pk), OFF)
    assert browser.get(f"{ACME}/members").status_code == 403
    okta.patch(str(ira.pk), ON)
    assert browser.get(f"{ACME}/members").status_code == 403
    assert sign_in(ira).get(f"{ACME}/members").status_code == 200


@pytest.mark.parametrize("how", ["patch", "put", "post"])
def test_reactivation_keeps_the_id(okta: IdentityProvider, bob: Bob, how: str) -> None:
    okta.patch(bob["id"], OFF)

    if how == "patch":
        response = okta.patch(bob["id"], ON)
    elif how == "put":
        response = okta.put(bob["id"], userName="bob@acme.example", active=True)
    else:
        response = okta.create("Bob@acme.example", displayName="Bob again")

    assert response.status_code == (201 if how == "post" else 200)
    assert (response.json()["id"], response.json()["active"]) == (bob["id"], True)
    assert Member.objects.filter(user_name__lower="bob@acme.example").count() == 1
    assert actions(bob["id"])[-1] == Action.MEMBER_REACTIVATED


def test_a_post_that_says_inactive_leaves_a_deactivated_member_so(okta: IdentityProvider, bob: Bob) -> None:
    okta.patch(bob["id"], OFF)

    assert okta.create(active=False).json()["active"] is False


def test_deactivating_twice_is_one_event(okta: IdentityProvider, bob: Bob) -> None:
    okta.patch(bob["id"], OFF)
    okta.patch(bob["id"], OFF)

    assert actions(bob["id"]) == [Action.MEMBER_CREATED, Action.MEMBER_DEACTIVATED]


def test_delete_removes(okta: IdentityProvider, bob: Bob) -> None:
    response = okta.delete(f"/Users/{bob['id']}")

    assert (response.status_code, response.content) == (204, b"")
    assert_error(okta.get(f"/Users/{bob['id']}"), 404)
    assert_error(okta.delete(f"/Users/{bob['id']}"), 404)
    assert okta.list('userName eq "bob@acme.example"') == []
    assert actions(bob["id"])[-1] == Action.MEMBER_REMOVED


def test_a_removed_person_comes_back_as_somebody_new(okta: IdentityProvider, bob: Bob) -> None:
    okta.delete(f"/Users/{bob['id']}")

    response = okta.create()

    assert response.status_code == 201
    assert response.json()["id"] != bob["id"]


def test_an_organization_may_list_only_its_active_members(okta: IdentityProvider, bob: Bob, acme: Organization) -> None:
    okta.patch(bob["id"], OFF)
    assert [user["id"] for user in okta.list()] == [bob["id"]]

    Organization.objects.filter(pk=acme.pk).update(scim_lists_active_only=True)

    assert okta.list() == []
    assert okta.get(f"/Users/{bob['id']}").status_code == 200


@pytest.mark.parametrize("how", ["demote", "deactivate", "put", "remove"])
def test_the_last_admin_stays(okta: IdentityProvider, ana: Member, ira: Member, how: str) -> None:
    calls = {
        "demote": lambda: okta.patch(ana.pk, {"op": "replace", "path": "userType", "value": "Employee"}),
        "deactivate": lambda: okta.patch(ana.pk, OFF),
        "put": lambda: okta.put(ana.pk, userName=ana.user_name, active=False),
        "remove": lambda: okta.delete(f"/Users/{ana.pk}"),
    }

    assert_error(calls[how](), 400, "mutability", "last active Admin")

    ana.refresh_from_db()
    assert ana.is_active
    assert ana.role.is_admin


def test_an_admin_may_go_when_another_stays(okta: IdentityProvider, ana: Member, ira: Member) -> None:
    okta.patch(ira.pk, {"op": "replace", "path": "userType", "value": "Admin"})

    assert okta.patch(ana.pk, OFF).json()["active"] is False
    assert_error(okta.delete(f"/Users/{ira.pk}"), 400, "mutability")


def test_a_deactivated_admin_does_not_count(okta: IdentityProvider, ana: Member, ira: Member) -> None:
    okta.patch(ira.pk, {"op": "replace", "path": "userType", "value": "Admin"})
    okta.patch(ira.pk, OFF)

    assert_error(okta.patch(ana.pk, OFF), 400, "mutability", "last active Admin")
