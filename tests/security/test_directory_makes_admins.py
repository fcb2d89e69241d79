"""An identity provider makes nobody an Admin silently; an organization can forbid it altogether."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Action
from lib import request_id
from members.directory import DirectoryProfile, GroupProfile
from members.models import Group, Job, Member, NewAdmin, Organization
from members.models.batch import add_members
from members.tasks import tell_of_new_admins
from outbox.models import OutgoingMail
from tests.conftest import ACME, SETUP, new_key, person
from tests.identity_provider import GROUP, IdentityProvider, assert_error
from tests.web.conftest import text_of

REFUSED = ("Settings > Security", "identity provider")


def admins_group(acme: Organization, *members: Member) -> Group:
    """Return a group that makes its members Admins."""
    group = Group.add(acme, GroupProfile("Admins", replace_members={member.pk for member in members}), by=SETUP)
    group.give_role(acme.roles.get(name="Admin"), by=SETUP)
    return group


def directory_member(acme: Organization, name: str, **profile: Any) -> Member:
    """Add somebody as a directory does, without a role of their own."""
    return Member.add(acme, DirectoryProfile(f"{name}@acme.example", **profile), source=Member.Source.SCIM, by=SETUP)


WAYS: dict[str, Callable[[Organization, IdentityProvider, Member], Any]] = {
    "post": lambda acme, okta, bob: okta.create("new@acme.example", userType="Admin"),
    "patch": lambda acme, okta, bob: okta.patch(bob.pk, {"op": "replace", "path": "userType", "value": "Admin"}),
    "put": lambda acme, okta, bob: okta.put(bob.pk, userName=bob.user_name, userType="admin"),
    "roles": lambda acme, okta, bob: okta.patch(bob.pk, {"op": "add", "path": "roles", "value": [{"value": "Admin"}]}),
    "group": lambda acme, okta, bob: okta.patch(
        admins_group(acme).pk, {"op": "add", "path": "members", "value": [{"value": str(bob.pk)}]}, path="/Groups"
    ),
    "whole group": lambda acme, okta, bob: okta.call(
        "PUT",
        f"/Groups/{admins_group(acme).pk}",
        {"schemas": [GROUP], "displayName": "Admins", "members": [{"value": str(bob.pk)}]},
    ),
    "reactivation": lambda acme, okta, bob: okta.patch(
        former_admin(acme).pk, {"op": "replace", "path": "active", "value": True}
    ),
    "post of a former admin": lambda acme, okta, bob: okta.create(former_admin(acme).user_name),
    "unassigned": lambda acme, okta, bob: okta.patch(
        assigned_in_group(acme).pk, {"op": "replace", "path": "userType", "value": ""}
    ),
}


def former_admin(acme: Organization) -> Member:
    """Return a deactivated Admin."""
    fred = person(acme, "fred@acme.example", "Fred Former", "Admin")
    fred.deactivate(by=SETUP)
    return fred


def assigned_in_group(acme: Organization) -> Member:
    """Return an Employee by assignment, who would else be an Admin by their group."""
    greta = directory_member(acme, "greta", role_name="Procurement")
    admins_group(acme, greta)
    return greta


@pytest.fixture
def bob(acme: Organization, ana: Member) -> Member:
    return directory_member(acme, "bob")


def admins(acme: Organization) -> set[str]:
    return set(acme.members.active().admins().values_list("user_name", flat=True))


def forbid(acme: Organization) -> None:
    acme.let_directory_assign_admin(False, by=SETUP)


@pytest.mark.parametrize("way", WAYS)
def test_a_directory_that_may_not_makes_nobody_an_admin(
    acme: Organization, okta: IdentityProvider, bob: Member, way: str
) -> None:
    forbid(acme)
    before = admins(acme)

    assert_error(WAYS[way](acme, okta, bob), 400, "invalidValue", *REFUSED)

    assert admins(acme) == before
    assert not NewAdmin.objects.exists()


@pytest.mark.parametrize("way", WAYS)
def test_a_directory_that_makes_an_admin_is_told_of(
    acme: Organization, okta: IdentityProvider, bob: Member, way: str
) -> None:
    before = admins(acme)

    assert WAYS[way](acme, okta, bob).status_code in (200, 201, 204)

    [new] = admins(acme) - before
    assert NewAdmin.objects.get().user_name == new


def test_many_that_a_batch_would_make_admins_are_refused_one_by_one(acme: Organization, ana: Member) -> None:
    key = new_key(acme).api_key
    profiles = [DirectoryProfile("x@acme.example", role_name="Admin"), DirectoryProfile("y@acme.example")]
    forbid(acme)
    added = list(add_members(acme, profiles, source=Member.Source.SCIM, by=key.actor()))
    assert [member and member.user_name for member in added] == [None, "y@acme.example"]
    acme.let_directory_assign_admin(True, by=SETUP)
    assert all(add_members(acme, profiles[:1], source=Member.Source.SCIM, by=key.actor()))
    assert NewAdmin.objects.get().user_name == "x@acme.example"


def test_access_ends_and_admins_stay_though_none_may_be_made(
    acme: Organization, okta: IdentityProvider, ana: Member
) -> None:
    zoe = person(acme, "zoe@acme.example", "Zoe Zander", "Admin")
    forbid(acme)
    title = okta.patch(zoe.pk, {"op": "replace", "path": "title", "value": "Head"})
    assert (title.status_code, title.json()["userType"]) == (200, "Admin")
    assert okta.put(zoe.pk, userName=zoe.user_name, userType="Admin").status_code == 200
    assert okta.put(zoe.pk, userName=zoe.user_name, userType="Admin", active=False).status_code == 200
    assert not acme.members.get(pk=zoe.pk).is_active


def test_ending_access_comes_before_a_role_that_may_not_be_given(
    acme: Organization, okta: IdentityProvider, bob: Member
) -> None:
    forbid(acme)
    assert okta.put(bob.pk, userName=bob.user_name, userType="Admin", active=False).status_code == 200
    stored = acme.members.select_related("role").get(pk=bob.pk)
    assert (stored.is_active, stored.role.name) == (False, "Employee")


def test_people_still_make_admins(acme: Organization, ana: Member, bob: Member) -> None:
    forbid(acme)
    bob.change_role(acme.roles.get(name="Admin"), by=ana.actor())
    assert "bob@acme.example" in admins(acme)
    assert not NewAdmin.objects.exists()


def test_what_a_directory_must_not_do_costs_no_query_where_it_does_something_else(
    acme: Organization, okta: IdentityProvider, bob: Member, django_assert_num_queries: Any
) -> None:
    def spent() -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            assert okta.patch(bob.pk, {"op": "replace", "path": "title", "value": request_id.new()}).status_code == 200
        return len(queries)

    spent()
    allowed = spent()
    forbid(acme)
    assert spent() == allowed


# The mail ------------------------------------------------------------------------------------------------------------


def later() -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=10)


def test_all_admins_get_one_mail_that_says_who_by_which_key_and_when(
    acme: Organization, okta: IdentityProvider, bob: Member
) -> None:
    key = acme.api_keys.get()
    okta.patch(bob.pk, {"op": "replace", "path": "userType", "value": "Admin"})

    NewAdmin.objects.tell(timezone.now())
    assert not OutgoingMail.objects.exists()
    NewAdmin.objects.tell(later())
    NewAdmin.objects.tell(later())

    mails = {mail.recipient: mail for mail in OutgoingMail.objects.all()}
    assert mails.keys() == {"ana@acme.example", "bob@acme.example"}
    mail = mails["ana@acme.example"]
    assert mail.subject == "bob@acme.example became an Admin of Acme"
    for text in (mail.text, mail.html):
        assert "bob@acme.example" in text
        assert key.hint in text
        assert f"{ACME}/security" in text
    assert not NewAdmin.objects.exists()


def test_a_request_that_makes_many_admins_gets_one_mail(acme: Organization, ana: Member) -> None:
    by = new_key(acme).api_key.actor()
    many = [directory_member(acme, f"m{number}") for number in range(25)]
    token = request_id.begin("one-request")
    for member in many:
        member.change_role(acme.roles.get(name="Admin"), by=by)
    request_id.end(token)
    token = request_id.begin("another")
    directory_member(acme, "late").change_role(acme.roles.get(name="Admin"), by=by)
    request_id.end(token)

    NewAdmin.objects.tell(later())

    subjects = OutgoingMail.objects.filter(recipient="ana@acme.example").values_list("subject", flat=True)
    assert sorted(subjects) == ["25 members became Admins of Acme", "late@acme.example became an Admin of Acme"]
    text = OutgoingMail.objects.filter(recipient="ana@acme.example", subject__startswith="25").get().text
    assert "m19@acme.example" in text
    assert "and 5 more" in text
    assert "m20@acme.example" not in text


def test_what_a_job_of_a_directory_gives_is_told_of(acme: Organization, bob: Member) -> None:
    group = admins_group(acme)
    group.memberships.create(organization=acme, member=bob)
    by = new_key(acme).api_key.actor()
    Job.objects.write_down(acme, [bob.pk], by=by, because={"group": "Admins"})
    Job.objects.run(5)
    assert NewAdmin.objects.get().user_name == bob.user_name


def test_the_clock_tells(acme: Organization, bob: Member, settings: Any) -> None:
    tasks = [entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    assert tell_of_new_admins.name in tasks


# The switch ----------------------------------------------------------------------------------------------------------

SWITCH = f"{ACME}/security/admin-assignment"


def test_an_admin_turns_the_switch(
    acme: Organization, ana: Member, ira: Member, sign_in: Callable[[Member], Client]
) -> None:
    browser = sign_in(ana)
    assert "The identity provider may assign Admin" in text_of(browser.get(f"{ACME}/security"))
    answer = browser.post(SWITCH, {"allowed": "no"}, follow=True)
    assert "The identity provider may not assign Admin." in text_of(answer)
    acme.refresh_from_db()
    assert not acme.directory_assigns_admin
    event = acme.events.filter(action=Action.ORGANIZATION_UPDATED).latest("created_at")
    assert (event.changes, event.actor_label) == ({"directory_assigns_admin": [True, False]}, "Ana Admin")
    browser.get(SWITCH)
    browser.post(SWITCH, {"allowed": "yes"})
    acme.refresh_from_db()
    assert acme.directory_assigns_admin
    assert sign_in(ira).post(SWITCH, {"allowed": "no"}).status_code == 403
