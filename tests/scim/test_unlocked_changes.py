"""Most changes of a member take no lock: one statement writes what was read along with the key, if it still is so.

They come out as they do under the lock, and whatever somebody else does in between is seen. A user who is simply new is
created by one statement too.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from members.models import Member, MemberEmail, Organization
from tests.conftest import SETUP, employee_role
from tests.disturbing import other_connection
from tests.identity_provider import IdentityProvider, assert_error

Bob = dict[str, Any]
Sql = tuple[str, list[Any]]

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")

REPLACE_TITLE = {"op": "replace", "path": "title", "value": "Engineer"}
DEACTIVATE = {"op": "replace", "path": "active", "value": False}
HOME = {"value": "bob@home.example", "type": "home"}

# What is the member's own business, and what is not.
PLAIN: list[dict[str, Any]] = [
    REPLACE_TITLE,
    DEACTIVATE,
    {"op": "replace", "value": {"active": "False", "displayName": "Robert", "name.givenName": "Robert"}},
    {"op": "replace", "path": "active", "value": True},
    {"op": "add", "path": "phoneNumbers", "value": [{"value": "1", "type": "work"}]},
    {"op": "remove", "path": "displayName"},
]
OTHER: list[dict[str, Any]] = [
    {"op": "add", "path": "emails", "value": [HOME]},
    {"op": "remove", "path": "emails"},
    {"op": "replace", "path": "userType", "value": "IT Admin"},
    {"op": "remove", "path": "userType"},
    {"op": "add", "path": "roles", "value": [{"value": "Procurement"}]},
    {"op": "replace", "path": "userName", "value": "robert@acme.example"},
]


@contextmanager
def before_the_write(act: Callable[[], Any]) -> Iterator[None]:
    """Act once, before the first statement that writes a member: what it writes has been read by then."""
    waiting = [act]

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if waiting and 'UPDATE "members_member"' in sql:
            waiting.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield
    assert not waiting


@contextmanager
def somebody_else(*statements: Sql) -> Iterator[None]:
    """Have somebody else run statements before the member is written."""

    def act() -> None:
        with other_connection() as other:
            for sql, params in statements:
                other.execute(sql, params)

    with before_the_write(act):
        yield


def told(member: Member) -> dict[str, Any]:
    """Return what there is to tell of a member, moments and ids aside."""
    columns = {field.attname: getattr(member, field.attname) for field in Member._meta.concrete_fields}
    for name in ("id", "created_at", "updated_at", "user_name"):
        del columns[name]
    for name in ("deactivated_at", "sessions_ended_at"):
        columns[name] = columns[name] is not None
    events = member.organization.events.filter(target_id=str(member.pk)).order_by("id")
    return columns | {
        "addresses": list(MemberEmail.objects.filter(member=member).order_by("address").values_list("address")),
        "events": list(events.values_list("action", "changes", "actor_kind", "actor_label", "ip")),
    }


@pytest.mark.parametrize("operation", PLAIN + OTHER, ids=str)
def test_a_change_comes_out_as_it_does_under_the_lock(
    okta: IdentityProvider, acme: Organization, monkeypatch: pytest.MonkeyPatch, operation: dict[str, Any]
) -> None:
    outcomes = []
    for _ in range(2):
        bob = okta.create(displayName="Bob", emails=[{"value": "bob@work.example", "primary": True}]).json()
        response = okta.patch(bob["id"], operation)
        member = acme.members.select_related("organization").get(pk=bob["id"])
        outcomes.append((response.status_code, told(member)))
        member.remove(by=SETUP)
        monkeypatch.setattr(Member, "_change_unlocked", lambda self, profile, *, by: False)
    assert outcomes[0] == outcomes[1]


@on_postgresql
@pytest.mark.parametrize("operation", PLAIN, ids=str)
def test_a_change_of_what_is_the_members_own_takes_one_statement(
    okta: IdentityProvider, django_assert_max_num_queries: Callable[..., Any], operation: dict[str, Any]
) -> None:
    bob = okta.create(displayName="Bob").json()
    with django_assert_max_num_queries(2):  # the key with its organization and the member
        assert okta.patch(bob["id"], operation).status_code == 200


@on_postgresql
def test_so_does_a_new_user_beside_their_role(
    okta: IdentityProvider, django_assert_num_queries: Callable[..., Any]
) -> None:
    okta.create("ann@acme.example")
    with django_assert_num_queries(3):
        assert okta.create(emails=[HOME]).status_code == 201
    assert MemberEmail.objects.get(member__user_name="bob@acme.example").address == HOME["value"]


@pytest.mark.parametrize("emails", [[], [HOME], [HOME, {"value": "bob@work.example"}]], ids=len)
def test_of_a_user_who_is_there_nothing_is_created(
    okta: IdentityProvider, acme: Organization, emails: list[dict[str, Any]]
) -> None:
    okta.create()
    assert_error(okta.create(emails=emails), 409, "uniqueness")
    assert acme.members.filter(user_name="bob@acme.example").count() == 1
    assert acme.events.filter(action="member.created", target_label="bob@acme.example").count() == 1
    assert not MemberEmail.objects.exists()


@on_postgresql
def test_what_somebody_else_has_changed_meanwhile_stays(okta: IdentityProvider, acme: Organization, bob: Bob) -> None:
    change = "UPDATE members_member SET external_id = 'other', attributes = attributes || '{\"locale\": \"de\"}' "
    with somebody_else((change + "WHERE id = %s", [bob["id"]])):
        document = okta.patch(bob["id"], REPLACE_TITLE).json()
    assert (document["title"], document["locale"], document["externalId"]) == ("Engineer", "de", "other")
    assert acme.events.filter(action="member.updated").count() == 1


@on_postgresql
def test_also_what_leaves_the_last_modified_as_it_is(okta: IdentityProvider, acme: Organization, bob: Bob) -> None:
    """Who was given their role says so in a column that the directory doesn't see."""
    with somebody_else(("UPDATE members_member SET role_is_assigned = NOT role_is_assigned", [])):
        assert okta.patch(bob["id"], DEACTIVATE).status_code == 200
    assert acme.events.filter(action="member.deactivated").count() == 1
    assert acme.members.get(pk=bob["id"]).role_is_assigned


@on_postgresql
def test_somebody_who_is_removed_meanwhile_is_not_found(okta: IdentityProvider, acme: Organization, bob: Bob) -> None:
    addresses = ("DELETE FROM members_memberemail WHERE member_id = %s", [bob["id"]])
    with somebody_else(addresses, ("DELETE FROM members_member WHERE id = %s", [bob["id"]])):
        assert_error(okta.patch(bob["id"], DEACTIVATE), 404)
    assert not acme.events.filter(action="member.deactivated").exists()


@on_postgresql
def test_somebody_who_becomes_the_last_admin_meanwhile_stays(
    okta: IdentityProvider, acme: Organization, ana: Member, bob: Bob
) -> None:
    crown = "UPDATE members_member SET role_id = %s WHERE id = %s"
    handover = [(crown, [ana.role_id, bob["id"]]), (crown, [employee_role(acme).pk, ana.pk])]
    with somebody_else(*handover):
        assert_error(okta.patch(bob["id"], DEACTIVATE), 400, "mutability")
    assert acme.members.get(pk=bob["id"]).is_active


@on_postgresql
def test_a_deactivation_that_somebody_else_has_just_undone_is_done(
    okta: IdentityProvider, acme: Organization, bob: Bob
) -> None:
    okta.patch(bob["id"], DEACTIVATE)
    with somebody_else(("UPDATE members_member SET deactivated_at = NULL WHERE id = %s", [bob["id"]])):
        response = okta.patch(bob["id"], REPLACE_TITLE, DEACTIVATE)
    assert response.json()["active"] is False
    assert not acme.members.get(pk=bob["id"]).is_active
