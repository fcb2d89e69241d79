"""A REST key is given a level in each scope, as a role is; nobody widens it afterwards."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from apikeys.errors import ExpirationImmutable, KeyInvalid
from apikeys.models import ApiKey
from audit.models import Action
from members.models import Level, Member, Organization, Scope
from members.models.scope import everywhere, lesser
from tests.api.client import Script, assert_problem
from tests.conftest import ACME, SETUP, new_key
from tests.web.conftest import asked, text_of

MEMBERS_ONLY = {Scope.MEMBERS.value: "act"}


def test_a_key_opens_only_the_areas_that_it_was_given(acme: Organization, ana: Member, emil: Member) -> None:
    script = Script(new_key(acme, "api_write", by=ana.actor(), access=MEMBERS_ONLY).text)

    assert script.call("POST", f"members/{emil.pk}/deactivation").status_code == 200
    assert script.get("groups").status_code == 200
    for path in ("organization", "roles", "api-keys", "audit-events"):
        assert_problem(script.get(path), 403, "no_access")
    assert_problem(script.call("POST", f"members/{ana.pk}/deactivation"), 403, "no_access", "Admin")
    assert_problem(script.call("PUT", f"members/{emil.pk}/role", {"role": "Read Only"}), 403, "no_access", "Read Only")


def test_a_key_that_only_reads_members_changes_nobody(acme: Organization, ana: Member, emil: Member) -> None:
    script = Script(new_key(acme, "api_write", by=ana.actor(), access={Scope.MEMBERS.value: "read"}).text)
    assert script.get("members").status_code == 200
    assert_problem(script.call("POST", f"members/{emil.pk}/deactivation"), 403, "no_access", "Members")
    assert acme.members.get(pk=emil.pk).is_active


@pytest.mark.parametrize(("kind", "most"), [("api_read", Level.READ), ("api_write", Level.ACT)])
def test_a_key_is_given_no_more_than_its_type_gives(acme: Organization, kind: str, most: Level) -> None:
    assert new_key(acme, kind).api_key.access == everywhere(most)
    assert new_key(acme, kind, access=everywhere(Level.ACT)).api_key.access == everywhere(most)


def test_a_key_without_access_is_none(acme: Organization) -> None:
    with pytest.raises(KeyInvalid, match="at least one area"):
        new_key(acme, "api_read", access=everywhere(Level.NONE))


def test_what_two_give_is_the_lesser_in_each_scope() -> None:
    one, other = {"members": "act", "roles": "read"}, {"members": "read", "security": "act"}
    assert lesser(one, other) == everywhere(Level.NONE) | {"members": "read"}


def test_access_is_fixed_at_creation(acme: Organization) -> None:
    key = new_key(acme, "api_read", access={"members": "read"}).api_key
    key.access = everywhere(Level.ACT)
    with pytest.raises(ExpirationImmutable):
        key.save()
    with pytest.raises(ExpirationImmutable):
        acme.api_keys.update(access=None)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE apikeys_apikey SET access = NULL")
    stored = ApiKey.objects.get(pk=key.pk)
    assert stored.access == everywhere(Level.NONE) | {"members": "read"}


def test_a_successor_has_the_access_of_the_key_that_it_replaces(acme: Organization, ana: Member) -> None:
    old = new_key(acme, "api_write", access=MEMBERS_ONLY).api_key
    new = old.rotate(description="New", expires_on=None, by=ana.actor()).api_key
    assert new.access == old.access


def test_a_key_of_the_release_before_has_all_that_its_type_gives(acme: Organization, emil: Member) -> None:
    new = new_key(acme, "api_write")
    columns = {field.attname: getattr(new.api_key, field.attname) for field in ApiKey._meta.concrete_fields}
    ApiKey.objects.filter(pk=new.api_key.pk).delete()
    ApiKey(**columns | {"access": None}).save(force_insert=True)
    assert Script(new.text).call("POST", f"members/{emil.pk}/deactivation").status_code == 200


def areas(**levels: str) -> dict[str, str]:
    """Return what the form sends for the areas."""
    return {f"access_{scope}": level for scope, level in (everywhere(Level.ACT) | levels).items()}


@pytest.fixture
def browser(ana: Member, sign_in: Any) -> Client:
    return sign_in(ana)


def test_the_form_restricts_a_key_to_areas(acme: Organization, browser: Client) -> None:
    form = text_of(browser.get(f"{ACME}/api-access/keys/new"))
    assert "Restrict to areas" in form
    sent = asked(kind="api_write", **areas(security="none", api_access="none", roles="read"))
    browser.post(f"{ACME}/api-access/keys/new", sent)

    key = acme.api_keys.get()
    assert key.access == everywhere(Level.ACT) | {"security": "none", "api_access": "none", "roles": "read"}
    words = "May see and change Members and Audit log, and see Roles."
    assert words in text_of(browser.get(f"{ACME}/api-access/keys/{key.key_id}"))
    assert f"Restricted : {words}" in text_of(browser.get(f"{ACME}/api-access"))
    event = acme.events.get(action=Action.API_KEY_GENERATED)
    assert event.changes["access"] == key.access


def test_the_form_restricts_nothing_unless_asked(acme: Organization, browser: Client) -> None:
    browser.post(f"{ACME}/api-access/keys/new", asked(kind="api_read"))
    browser.post(f"{ACME}/api-access/keys/new", asked(kind="scim", **areas(members="none")))
    assert list(acme.api_keys.order_by("id").values_list("access", flat=True)) == [everywhere(Level.READ), None]
    assert "Restricted" not in text_of(browser.get(f"{ACME}/api-access"))


def test_the_form_says_why_a_key_without_access_is_none(acme: Organization, browser: Client) -> None:
    response = browser.post(f"{ACME}/api-access/keys/new", asked(kind="api_read", **areas(**everywhere(Level.NONE))))
    assert response.status_code == 422
    assert "Give the key access to at least one area." in text_of(response)
    assert '<details class="more field areas" open>' in response.text
    assert not acme.api_keys.exists()


def test_scripts_are_told_what_keys_may_do(acme: Organization, ana: Member) -> None:
    new_key(acme, by=SETUP)
    script = Script(new_key(acme, "api_read", access={"api_access": "read"}).text)
    found = {key["type"]: key["access"] for key in script.results("api-keys")}
    assert found == {"scim": None, "api_read": everywhere(Level.NONE) | {"api_access": "read"}}
