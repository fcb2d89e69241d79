"""What somebody had before they left opens nothing when their address is added again for somebody else."""

import datetime as dt
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from members.models import Member, Organization, User
from outbox.tasks import deliver_mails
from tests.conftest import SETUP, person
from tests.identity_provider import IdentityProvider
from tests.racing import at_once
from tests.security.conftest import (
    ADDRESS,
    HOME,
    PASSWORD,
    SERVER,
    ask_for_code,
    at,
    is_signed_in,
    latest_code,
    text_of,
    try_password,
)
from tests.staff.conftest import admin, page, stella

__all__ = ["admin", "stella"]

BOB = "bob@acme.example"
NEW = "seven hills wobble over marmalade"

Remove = Callable[[Member], Any]


def by_verb(member: Member) -> None:
    member.remove(by=SETUP)


def by_queryset(member: Member) -> None:
    Member.objects.filter(pk=member.pk).delete()


def by_raw_delete(member: Member) -> None:
    member.email_rows.all().delete()
    Member.objects.filter(pk=member.pk)._raw_delete("default")


def by_sql(member: Member) -> None:
    member.email_rows.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM members_member WHERE user_name = %s", [member.user_name])


@pytest.fixture
def bob(acme: Organization, ana: Member) -> Member:
    return person(acme, BOB, "Bob Before")


@pytest.fixture
def bobs_browser(bob: Member) -> Client:
    """A browser in which Bob is signed in with his password."""
    User.objects.create_user(BOB, PASSWORD)
    browser = at(HOME)
    try_password(browser, PASSWORD, BOB)
    assert opens(browser)
    return browser


@pytest.fixture
def rival(globex: Organization) -> Organization:
    """Another organization, in which Bob's address is approved."""
    globex.approved_domains.create(domain="acme.example")
    return globex


def opens(browser: Client) -> bool:
    """Whether the browser gets into an organization."""
    return hasattr(browser.get("/settings/", follow=True).wsgi_request, "member")


def organizations(browser: Client) -> set[str]:
    """Return the names of the organizations that the browser gets into."""
    request: Any = browser.get("/settings/", follow=True).wsgi_request
    members = [request.member, *request.other_members] if hasattr(request, "member") else []
    return {member.organization.name for member in members}


@pytest.mark.parametrize("remove", [by_verb, by_queryset, by_raw_delete, by_sql])
def test_neither_password_nor_session_outlives_the_last_membership(
    acme: Organization, bob: Member, bobs_browser: Client, remove: Remove
):
    remove(bob)
    assert not User.objects.get(email=BOB).has_usable_password()
    person(acme, BOB, "Bob Behind", "Admin")
    assert not opens(bobs_browser)
    again = at(HOME)
    try_password(again, PASSWORD, BOB)
    assert not is_signed_in(again)
    ask_for_code(again, BOB)
    again.post("/accounts/login/code/confirm/", {"code": latest_code()})
    assert opens(again)
    assert not opens(bobs_browser)


def test_through_scim_neither(okta: IdentityProvider, bobs_browser: Client, bob: Member):
    assert okta.delete(f"/Users/{bob.pk}").status_code == 204
    assert okta.create(BOB, userType="Admin").status_code == 201
    again = at(HOME)
    try_password(again, PASSWORD, BOB)
    assert not is_signed_in(again)
    assert not opens(bobs_browser)


def test_through_a_bulk_request_neither(okta: IdentityProvider, bobs_browser: Client, bob: Member):
    operations = [
        {"method": "DELETE", "path": f"/Users/{bob.pk}"},
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": BOB, "userType": "Admin"}},
    ]
    schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]
    okta.call("POST", "/Bulk", {"schemas": schemas, "Operations": operations})
    assert Member.objects.get(user_name=BOB).pk != bob.pk
    again = at(HOME)
    try_password(again, PASSWORD, BOB)
    assert not is_signed_in(again)
    assert not opens(bobs_browser)


def test_in_the_staff_admin_neither(acme: Organization, bobs_browser: Client, bob: Member, admin: Client):
    admin.post(page("members.Member", "delete", bob.pk), {"post": "yes"})
    assert not Member.objects.filter(pk=bob.pk).exists()
    person(acme, BOB, "Bob Behind", "Admin")
    again = at(HOME)
    try_password(again, PASSWORD, BOB)
    assert not is_signed_in(again)
    assert not opens(bobs_browser)


def test_a_session_stays_ended_when_the_login_row_is_made_anew(acme: Organization, bob: Member, bobs_browser: Client):
    bob.remove(by=SETUP)
    User.objects.get(email=BOB).delete()
    person(acme, BOB, "Bob Behind")
    User.objects.create_user(BOB, PASSWORD)
    assert not opens(bobs_browser)
    assert not is_signed_in(bobs_browser) or bobs_browser.get("/settings/").status_code == 302


@pytest.fixture
def bob_in_rival(rival: Organization, bob: Member) -> Member:
    return person(rival, BOB, "Bob Before", "Read Only")


def test_what_another_organization_keeps_alive_opens_nothing_that_is_new(
    acme: Organization, bob: Member, bob_in_rival: Member, bobs_browser: Client
):
    assert organizations(bobs_browser) == {"Acme", "Globex"}
    bob.remove(by=SETUP)
    person(acme, BOB, "Bob Behind", "Admin")
    assert organizations(bobs_browser) == {"Globex"}
    again = at(HOME)
    try_password(again, PASSWORD, BOB)
    assert organizations(again) == {"Globex"}


def test_not_even_once_its_new_holder_has_come_in(
    acme: Organization, bob: Member, bob_in_rival: Member, bobs_browser: Client
):
    bob.remove(by=SETUP)
    person(acme, BOB, "Bob Behind", "Admin")
    behind, again = at(SERVER), at(HOME)
    ask_for_code(behind, BOB)
    behind.post("/accounts/login/code/confirm/", {"code": latest_code()})
    assert organizations(behind) == {"Acme", "Globex"}
    try_password(again, PASSWORD, BOB)
    assert organizations(again) == organizations(bobs_browser) == {"Globex"}


def test_a_code_mailed_before_claims_nothing_that_is_new(acme: Organization, bob: Member, bob_in_rival: Member):
    browser = at(HOME)
    ask_for_code(browser, BOB)
    code = latest_code()
    bob.remove(by=SETUP)
    person(acme, BOB, "Bob Behind", "Admin")
    browser.post("/accounts/login/code/confirm/", {"code": code})
    assert is_signed_in(browser)
    assert organizations(browser) == {"Globex"}


def test_a_code_sent_as_if_a_new_one_were_asked_for_is_no_younger(
    acme: Organization, bob: Member, bob_in_rival: Member
):
    browser = at(HOME)
    ask_for_code(browser, BOB)
    code = latest_code()
    bob.remove(by=SETUP)
    person(acme, BOB, "Bob Behind", "Admin")
    browser.post("/accounts/login/code/confirm/", {"code": code, "action": "resend"})
    assert organizations(browser) == {"Globex"}


def link_for(address: str) -> str:
    """Ask for a link that sets a password, and return it."""
    at(HOME).post("/accounts/password/reset/", {"email": address})
    deliver_mails()
    return re.findall(r"http\S+/key/\S+", str(mail.outbox[-1].body))[0]


def set_password(browser: Client, link: str) -> None:
    form = browser.get(link, follow=True).request["PATH_INFO"]
    browser.post(form, {"password1": NEW, "password2": NEW})


def test_a_link_mailed_before_sets_a_password_that_opens_nothing_that_is_new(
    acme: Organization, bob: Member, bob_in_rival: Member, bobs_browser: Client
):
    bobs_browser.get("/settings/")
    with time_machine.travel(timezone.now() - dt.timedelta(minutes=5)):
        Member.objects.update(created_at=timezone.now() - dt.timedelta(days=1))
        link = link_for(BOB)
    bob.remove(by=SETUP)
    person(acme, BOB, "Bob Behind", "Admin")
    browser = at(HOME)
    set_password(browser, link)
    try_password(browser, NEW, BOB)
    assert organizations(browser) == {"Globex"}


def test_a_link_mailed_before_the_last_membership_ended_is_dead(acme: Organization, bob: Member):
    link = link_for(BOB)
    bob.remove(by=SETUP)
    person(acme, BOB, "Bob Behind", "Admin")
    browser = at(HOME)
    assert "This link no longer works" in text_of(browser.get(link, follow=True))


def test_a_link_mailed_since_sets_a_password_that_opens_all(acme: Organization, bob: Member, bob_in_rival: Member):
    bob.remove(by=SETUP)
    person(acme, BOB, "Bob Behind", "Admin")
    browser = at(HOME)
    set_password(browser, link_for(BOB))
    try_password(browser, NEW, BOB)
    assert organizations(browser) == {"Acme", "Globex"}


def test_a_password_changed_in_an_old_session_is_no_younger_than_its_proof(
    acme: Organization, bob: Member, bob_in_rival: Member, bobs_browser: Client
):
    bob.remove(by=SETUP)
    person(acme, BOB, "Bob Behind", "Admin")
    bobs_browser.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    assert organizations(bobs_browser) == {"Globex"}
    again = at(HOME)
    try_password(again, NEW, BOB)
    assert organizations(again) == {"Globex"}


def test_a_password_that_staff_set_opens_no_membership(bob: Member, admin: Client):
    user = User.objects.create_user(BOB, PASSWORD)
    path = page("members.User", "change", user.pk).replace("change/", "password/")
    admin.post(path, {"usable_password": "true", "password1": NEW, "password2": NEW})
    browser = at(HOME)
    try_password(browser, NEW, BOB)
    assert is_signed_in(browser)
    assert not opens(browser)


def test_the_page_says_that_a_code_is_needed_and_sends_it(acme: Organization, bob: Member, bobs_browser: Client):
    Member.objects.filter(pk=bob.pk).update(created_at=timezone.now() + dt.timedelta(seconds=1), user=None)
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=2)):
        answer = bobs_browser.get("/settings/", follow=True)
        assert answer.status_code == 403
        assert "Sign in with a code" in text_of(answer)
        assert "Acme" not in text_of(answer)
        answer = bobs_browser.post("/accounts/login/code/anew/", follow=True)
        assert answer.redirect_chain[-1][0] == "/accounts/login/code/confirm/"
        assert not is_signed_in(bobs_browser)
        bobs_browser.post("/accounts/login/code/confirm/", {"code": latest_code()})
        assert organizations(bobs_browser) == {"Acme"}


def test_only_whoever_is_signed_in_is_sent_a_code_anew(ana: Member):
    answer = at(HOME).post("/accounts/login/code/anew/", {"email": ADDRESS})
    assert answer["Location"] == "/accounts/login/code/"
    deliver_mails()
    assert mail.outbox == []


def test_a_sign_in_is_recorded_only_where_it_opens_something(
    acme: Organization, rival: Organization, bob: Member, bob_in_rival: Member, bobs_browser: Client
):
    bob.remove(by=SETUP)
    person(acme, BOB, "Bob Behind", "Admin")
    before = acme.events.filter(action="sign_in.succeeded").count()
    try_password(at(HOME), PASSWORD, BOB)
    assert acme.events.filter(action="sign_in.succeeded").count() == before
    assert rival.events.filter(action="sign_in.succeeded").exists()


def test_a_deactivated_member_keeps_their_password(bob: Member, bobs_browser: Client):
    bob.deactivate(by=SETUP)
    assert not opens(bobs_browser)
    bob.reactivate(by=SETUP)
    assert not opens(bobs_browser)
    again = at(HOME)
    try_password(again, PASSWORD, BOB)
    assert opens(again)


def test_staff_keep_the_password_of_the_staff_admin(acme: Organization, ana: Member):
    stella = person(acme, "stella@acme.example", "Stella Staff")
    user = User.objects.create_superuser("stella@acme.example", PASSWORD)
    Member.objects.filter(pk=stella.pk).update(user=user)
    stella.remove(by=SETUP)
    assert User.objects.get(pk=user.pk).has_usable_password()
    person(acme, "stella@acme.example", "Stella Else", "Admin")
    browser = at(HOME)
    try_password(browser, PASSWORD, "stella@acme.example")
    assert not opens(browser)


def test_an_organization_that_goes_ends_the_passwords_of_its_people(globex: Organization, eve: Member):
    user = User.objects.create_user(eve.user_name, PASSWORD)
    Member.objects.filter(organization=globex).delete()
    user.refresh_from_db()
    assert not user.has_usable_password()


def test_a_code_is_in_no_session_as_it_was_mailed(ana: Member):
    browser = at(HOME)

    def kept() -> str:
        return str([session.get_decoded() for session in Session.objects.all()])

    ask_for_code(browser)
    first = latest_code()
    assert first not in kept()
    browser.post("/accounts/login/code/confirm/", {"code": "nonsense"})
    assert first not in kept()
    browser.post("/accounts/login/code/confirm/", {"code": first.lower().replace("-", " ")})
    assert is_signed_in(browser)


def test_a_code_outlives_a_change_of_the_secret_key(ana: Member, settings):
    browser = at(HOME)
    ask_for_code(browser)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another secret key of the tests", [settings.SECRET_KEY]
    browser.post("/accounts/login/code/confirm/", {"code": latest_code()})
    assert is_signed_in(browser)


def test_a_password_set_on_the_command_line_opens_no_membership(bob: Member, monkeypatch: pytest.MonkeyPatch):
    User.objects.create_user(BOB, PASSWORD)
    monkeypatch.setattr("getpass.getpass", lambda *args, **more: NEW)
    call_command("changepassword", BOB, verbosity=0)
    browser = at(HOME)
    try_password(browser, NEW, BOB)
    assert is_signed_in(browser)
    assert not opens(browser)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_of_two_organizations_that_remove_somebody_at_once_the_later_ends_the_password(
    bob: Member, bob_in_rival: Member
):
    user = User.objects.create_user(BOB, PASSWORD)
    Member.objects.filter(user_name=BOB).update(user=user)
    has_deleted, may_commit = threading.Event(), threading.Event()

    def remove_slowly() -> None:
        with transaction.atomic():
            bob.remove(by=SETUP)
            has_deleted.set()
            may_commit.wait(10)

    def remove_meanwhile() -> None:
        has_deleted.wait(10)
        threading.Timer(0.3, may_commit.set).start()
        bob_in_rival.remove(by=SETUP)

    assert at_once(remove_slowly, remove_meanwhile) == [None, None]
    user.refresh_from_db()
    assert not user.has_usable_password()
