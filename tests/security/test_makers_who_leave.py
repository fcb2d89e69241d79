"""When somebody who made keys is no longer an Admin, all other Admins are told, through whichever door it happened."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apikeys.models import ApiKey
from apikeys.tasks import name_makers
from audit.models import Action
from members.directory import GroupProfile
from members.models import Group, Member, Organization
from outbox.models import OutgoingMail
from tests.api.client import Script
from tests.conftest import ACME, SETUP, new_key, person
from tests.identity_provider import IdentityProvider
from tests.members.conftest import push
from tests.web.conftest import text_of


@pytest.fixture
def zoe(acme: Organization, ana: Member) -> Member:
    """An Admin by her group, who has made two keys."""
    zoe = person(acme, "zoe@acme.example", "Zoe Zander")
    group = Group.add(acme, GroupProfile("Admins", replace_members={zoe.pk}), by=SETUP)
    group.give_role(acme.roles.get(name="Admin"), by=SETUP)
    zoe.refresh_from_db()
    new_key(acme, "scim", by=zoe.actor(), description="Okta production")
    new_key(acme, "api_write", by=zoe.actor(), description="Zoe's script")
    OutgoingMail.objects.all().delete()
    return zoe


def scim(acme: Organization) -> IdentityProvider:
    return IdentityProvider(new_key(acme, description="Another").text)


def bulk(zoe: Member, method: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"Operations": [{"method": method, "path": f"/Users/{zoe.pk}"} | ({"data": data} if data else {})]}


WAYS: dict[str, Callable[[Organization, Member], Any]] = {
    "demoted": lambda acme, zoe: zoe.change_role(acme.roles.get(name="IT Admin"), by=SETUP),
    "deactivated": lambda acme, zoe: zoe.deactivate(by=SETUP),
    "removed": lambda acme, zoe: Member.objects.get(pk=zoe.pk).remove(by=SETUP),
    "deactivated by a directory": lambda acme, zoe: scim(acme).patch(
        zoe.pk, {"op": "replace", "path": "active", "value": False}
    ),
    "demoted by a directory": lambda acme, zoe: scim(acme).patch(
        zoe.pk, {"op": "replace", "path": "userType", "value": "Employee"}
    ),
    "removed by a directory": lambda acme, zoe: scim(acme).delete(f"/Users/{zoe.pk}"),
    "in a bulk request": lambda acme, zoe: scim(acme).call("POST", "/Bulk", bulk(zoe, "DELETE")),
    "out of the group": lambda acme, zoe: push(acme.groups.get(), remove={zoe}),
    "without the group": lambda acme, zoe: acme.groups.get().remove(by=SETUP),
    "the group's role": lambda acme, zoe: acme.groups.get().give_role(None, by=SETUP),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_admins_who_stay_are_told_once(acme: Organization, zoe: Member, way: str) -> None:
    WAYS[way](acme, zoe)

    mail = OutgoingMail.objects.get()
    assert mail.recipient == "ana@acme.example"
    assert mail.subject == "Zoe Zander, who made 2 API keys of Acme, is no longer an Admin"
    for api_key in acme.api_keys.exclude(description="Another"):
        assert api_key.hint in mail.text
        assert api_key.hint in mail.html
        assert api_key.is_live(api_key.created_at)
    events = acme.events.filter(action=Action.API_KEY_MAKER_LEFT)
    assert [event.changes for event in events] == [{"maker": "Zoe Zander"}] * 2


@pytest.mark.parametrize("way", WAYS)
def test_keys_end_with_their_maker_if_the_organization_wants_it(acme: Organization, zoe: Member, way: str) -> None:
    acme.set_key_policy(keys_end_with_maker=True, by=SETUP)
    WAYS[way](Organization.objects.get(pk=acme.pk), Member.objects.get(pk=zoe.pk))

    ended = ApiKey.objects.exclude(description="Another")
    assert all(api_key.deleted_at and api_key.digest is None for api_key in ended)
    reasons = acme.events.filter(action=Action.API_KEY_DELETED).values_list("changes", flat=True)
    assert list(reasons) == [{"reason": "Zoe Zander, who made it, is no longer an Admin"}] * 2
    notices = [notice.recipient for api_key in ended for notice in api_key.notices.filter(kind="deleted")]
    assert notices == ["ana@acme.example"] * 2


def test_an_admin_who_steps_down_ends_their_own_keys(acme: Organization, zoe: Member) -> None:
    acme.set_key_policy(keys_end_with_maker=True, by=SETUP)
    zoe = Member.objects.get(pk=zoe.pk)
    zoe.change_role(acme.roles.get(name="Read Only"), by=zoe.actor())
    assert not acme.api_keys.existing().exists()


def test_nobody_is_told_of_whoever_made_no_key(acme: Organization, ana: Member, emil: Member) -> None:
    other = person(acme, "other@acme.example", "Other Admin", "Admin")
    other.deactivate(by=SETUP)
    emil.deactivate(by=SETUP)
    assert not OutgoingMail.objects.exists()


def test_whoever_is_no_admin_costs_no_query_for_keys(acme: Organization, emil: Member) -> None:
    with CaptureQueriesContext(connection) as queries:
        emil.deactivate(by=SETUP)
    assert not any("apikeys_apikey" in query["sql"] for query in queries)


def test_the_list_and_the_keys_page_show_the_mark(acme: Organization, zoe: Member, ana: Member, sign_in: Any) -> None:
    browser = sign_in(ana)
    assert "Maker left" not in text_of(browser.get(f"{ACME}/api-access"))
    for way in ("demoted", "deactivated", "removed"):
        WAYS[way](acme, Member.objects.get(pk=zoe.pk))
        assert text_of(browser.get(f"{ACME}/api-access")).count("Maker left") == 2
    for api_key in acme.api_keys.all():
        page = text_of(browser.get(f"{ACME}/api-access/keys/{api_key.key_id}"))
        assert "Zoe Zander, who made this key, is no longer an Admin." in page
        assert "Rotate it" in page


def test_the_maker_of_a_key_that_the_release_before_made_is_noted_in_time(acme: Organization, zoe: Member) -> None:
    key = ApiKey.generate(acme, kind="api_write", description="Export", expires_on=None, by=zoe.actor())
    nobodys = new_key(acme, "api_write")
    ApiKey.objects.update(maker_id=None)  # it knows no such column

    name_makers()
    zoe.remove(by=SETUP)

    assert ApiKey.objects.get(pk=key.api_key.pk).maker_id == zoe.pk
    assert Script(key.text).get("members").status_code == 403
    assert Script(nobodys.text).get("members").status_code == 200
