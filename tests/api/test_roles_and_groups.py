"""Roles and directory groups are read, and who is in a group is a list of its own."""

from typing import Any

import pytest

from members.models import Level, Member, Organization, Role, Scope
from members.models.scope import everywhere
from tests.api.client import Script, assert_problem
from tests.conftest import SETUP, employee_role
from tests.identity_provider import IdentityProvider


@pytest.fixture
def works(acme: Organization, okta: IdentityProvider, ira: Member, emil: Member) -> Any:
    """A group with Ira and Emil in it, which makes its members IT Admins."""
    members = [{"value": str(ira.pk)}, {"value": str(emil.pk)}]
    body = {"displayName": "Works", "externalId": "00g1", "members": members}
    group = acme.groups.get(pk=okta.call("POST", "/Groups", body).json()["id"])
    group.give_role(acme.roles.get(name="IT Admin"), by=SETUP)
    return group


def test_roles_come_predefined_first_with_what_they_give_access_to(script: Script, acme: Organization) -> None:
    access = everywhere(Level.NONE) | {Scope.AUDIT_LOG.value: Level.READ.value}
    Role(organization=acme, name="Auditor", description="Reads the log.", access=access).create_role(by=SETUP)

    roles = script.results("roles")

    assert [role["name"] for role in roles] == [
        "Admin",
        "Read Only",
        "IT Admin",
        "Procurement",
        "Employee",
        "Auditor",
    ]
    auditor = roles[-1]
    assert (auditor["predefined"], auditor["description"], auditor["access"]) == (False, "Reads the log.", access)
    assert script.read(f"roles/{auditor['id']}") == auditor
    assert auditor["id"] == str(acme.roles.get(name="Auditor").public_id)


def test_a_scope_of_which_a_role_says_nothing_is_closed(script: Script, acme: Organization) -> None:
    role = Role(organization=acme, name="Old")
    role.save()
    assert script.read(f"roles/{role.public_id}")["access"] == everywhere(Level.NONE)


def test_a_role_has_no_address_by_its_primary_key(script: Script, acme: Organization) -> None:
    assert_problem(script.get(f"roles/{employee_role(acme).pk}"), 404, "not_found")


def test_a_group_is_told_of_with_the_role_that_it_gives(script: Script, works: Any) -> None:
    told = script.read(f"groups/{works.pk}")
    assert (told["display_name"], told["external_id"], told["role"]["name"]) == ("Works", "00g1", "IT Admin")
    assert script.results("groups") == [told]


def test_a_group_without_a_role_says_so(script: Script, okta: IdentityProvider) -> None:
    okta.call("POST", "/Groups", {"displayName": "Idle"})
    assert script.results("groups")[0]["role"] is None


def test_the_members_of_a_group_are_told_of_like_all_members(
    script: Script, works: Any, ana: Member, ira: Member, emil: Member
) -> None:
    emil.deactivate(by=SETUP)
    members = script.results(f"groups/{works.pk}/members")
    assert [member["id"] for member in members] == [str(ira.pk), str(emil.pk)]
    assert members == [script.read(f"members/{member.pk}") for member in (ira, emil)]

    page = script.read(f"groups/{works.pk}/members", limit=1)
    assert script.follow(page["next"])["results"] == members[1:]


def test_an_unknown_group_or_role_is_a_404(script: Script, ira: Member) -> None:
    for path in (f"groups/{ira.pk}", f"groups/{ira.pk}/members", "groups/x/members", f"roles/{ira.pk}", "roles/x"):
        assert_problem(script.get(path), 404, "not_found")


def test_groups_and_roles_are_not_changed_here(script: Script, works: Any, acme: Organization) -> None:
    for path in ("groups", f"groups/{works.pk}", f"groups/{works.pk}/members", "roles"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert_problem(script.call(method, path, {}), 405, "method_not_allowed")
    assert acme.groups.count() == 1
