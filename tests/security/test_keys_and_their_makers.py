"""A REST key does no more than the member who made it may do at that moment, and no key lets its maker back in."""

from typing import Any

import pytest
from django.urls import get_resolver

from api import urls
from api.authentication import MayEnter
from members.models import Member, Organization, Scope
from tests.api.client import Script, assert_problem
from tests.conftest import SETUP, new_key, person
from tests.identity_provider import IdentityProvider

WITHOUT_KEY = {"leaked-keys", "schema", "no-endpoint"}


@pytest.fixture
def zoe(acme: Organization, ana: Member) -> Member:
    """An Admin who makes a key and may leave: Ana stays."""
    return person(acme, "zoe@acme.example", "Zoe Zander", "Admin")


@pytest.fixture
def script(acme: Organization, zoe: Member) -> Script:
    """Zoe's script."""
    return Script(new_key(acme, "api_write", by=zoe.actor(), description="Zoe's script").text)


def leave(member: Member, how: str) -> None:
    """Deactivate, remove or demote a member."""
    if how == "demoted":
        member.change_role(member.organization.roles.get(name="Employee"), by=SETUP)
    else:
        getattr(Member.objects.get(pk=member.pk), {"deactivated": "deactivate", "removed": "remove"}[how])(by=SETUP)


READS = ["organization", "members", "roles", "groups", "api-keys", "audit-events"]


@pytest.mark.parametrize("how", ["deactivated", "removed", "demoted"])
def test_a_key_opens_nothing_once_its_maker_has_no_access(script: Script, zoe: Member, ira: Member, how: str) -> None:
    assert script.get("members").status_code == 200
    leave(zoe, how)

    for path in READS:
        assert_problem(script.get(path), 403, "key_without_maker", "Zoe Zander, who made this key")
    for path in (f"members/{zoe.pk}/reactivation", f"members/{ira.pk}/deactivation"):
        assert_problem(script.call("POST", path), 403, "key_without_maker")
    assert_problem(script.call("PUT", f"members/{zoe.pk}/role", {"role": "Admin"}), 403, "key_without_maker")


def test_a_key_that_the_release_before_made_has_a_maker_too(acme: Organization, script: Script, zoe: Member) -> None:
    acme.api_keys.update(maker_id=None)
    assert script.get("members").status_code == 200
    zoe.deactivate(by=SETUP)
    assert_problem(script.get("members"), 403, "key_without_maker")


def test_a_key_does_what_its_makers_lower_role_allows(
    acme: Organization, script: Script, zoe: Member, emil: Member
) -> None:
    zoe.change_role(acme.roles.get(name="IT Admin"), by=SETUP)

    assert script.get("audit-events").status_code == 200
    assert script.call("PUT", f"members/{emil.pk}/role", {"role": "Procurement"}).status_code == 200
    assert_problem(script.call("PUT", f"members/{emil.pk}/role", {"role": "Admin"}), 403, "no_access", "Admin")
    assert_problem(script.call("PUT", f"members/{zoe.pk}/role", {"role": "Admin"}), 403, "no_access", "Admin")
    zoe.change_role(acme.roles.get(name="Procurement"), by=SETUP)
    assert script.get("members").status_code == 200
    assert_problem(script.get("audit-events"), 403, "no_access", "Audit log")
    assert_problem(script.call("POST", f"members/{emil.pk}/deactivation"), 403, "no_access", "Members")


def test_a_key_that_nobody_in_particular_made_has_its_own_access(acme: Organization, emil: Member) -> None:
    script = Script(new_key(acme, "api_write").text)
    assert script.call("POST", f"members/{emil.pk}/deactivation").status_code == 200


def test_every_address_that_a_key_opens_names_its_scope() -> None:
    views = {pattern.name: pattern.callback.cls for pattern in urls.urlpatterns if hasattr(pattern.callback, "cls")}
    assert views.keys() - WITHOUT_KEY >= set(READS)
    for name, view in views.items():
        if name not in WITHOUT_KEY:
            assert isinstance(view.scope, Scope), name
            assert view.permission_classes == [MayEnter], name
    assert get_resolver("api.urls").url_patterns == urls.urlpatterns


def test_a_read_costs_one_query_more_for_the_makers_power(script: Script, django_assert_num_queries: Any) -> None:
    script.get("roles")
    with django_assert_num_queries(3):
        assert script.get("roles").status_code == 200


@pytest.mark.parametrize("how", ["patch", "put", "post"])
def test_no_directory_reactivates_whoever_made_its_key(acme: Organization, zoe: Member, how: str) -> None:
    okta = IdentityProvider(new_key(acme, by=zoe.actor()).text)
    other = IdentityProvider(new_key(acme).text)
    zoe.deactivate(by=SETUP)

    def let_in(directory: IdentityProvider) -> Any:
        if how == "patch":
            return directory.patch(zoe.pk, {"op": "replace", "path": "active", "value": True})
        return directory.create(zoe.user_name) if how == "post" else directory.put(zoe.pk, active=True)

    refused = let_in(okta)
    assert refused.status_code == 403
    assert "no key reactivates whoever made it" in refused.json()["detail"]
    assert not acme.members.get(pk=zoe.pk).is_active
    assert let_in(other).status_code in (200, 201)
    assert acme.members.get(pk=zoe.pk).is_active


def test_a_directory_goes_on_when_its_maker_leaves(acme: Organization, zoe: Member, emil: Member) -> None:
    okta = IdentityProvider(new_key(acme, by=zoe.actor()).text)
    zoe.deactivate(by=SETUP)
    assert okta.patch(emil.pk, {"op": "replace", "path": "active", "value": False}).status_code == 200
