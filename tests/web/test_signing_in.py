"""Signing in at /accounts/: by code, by password, and what is not there."""

import datetime as dt
import re

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from members.models import Member, Organization, User
from outbox.models import OutgoingMail
from outbox.tasks import deliver_mails
from tests.conftest import ACME, SETUP, person
from tests.racing import at_once
from tests.web.conftest import SignIn, text_of

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def last_mail() -> str:
    deliver_mails()
    assert len(mail.outbox) == 1
    return str(mail.outbox[0].body)


def test_a_member_signs_in_with_a_code_and_lands_where_they_wanted(ana: Member, client: Client):
    page = client.get(f"{ACME}/members", follow=True).content.decode()
    assert 'href="/accounts/login/code/?next=%2Fsettings%2Facmeacme2345%2Fmembers"' in page
    client.post("/accounts/login/code/", {"email": "ANA@acme.example", "next": f"{ACME}/members"})
    code = re.search(r"^    (\S+)$", last_mail(), re.MULTILINE)
    assert mail.outbox[0].subject == "Your Torii sign-in code"
    assert code
    answer = client.post("/accounts/login/code/confirm/", {"code": code[1], "next": f"{ACME}/members"}, follow=True)
    assert answer.redirect_chain[-1][0] == f"{ACME}/members"
    assert "Ana Admin" in text_of(answer)


def test_a_wrong_code_is_refused_beside_its_field(ana: Member, client: Client):
    client.post("/accounts/login/code/", {"email": "ana@acme.example"})
    answer = client.post("/accounts/login/code/confirm/", {"code": "nonsense"})
    assert "This is not the code of the last e-mail." in text_of(answer)
    assert client.get("/settings/").status_code == 302


@pytest.fixture
def forgotten_ira(ira: Member) -> Member:
    """Return a deactivated member."""
    ira.deactivate(by=SETUP)
    return ira


@pytest.mark.parametrize("path", ["/accounts/login/code/", "/accounts/password/reset/"])
@pytest.mark.parametrize("email", ["nobody@acme.example", "nobody@elsewhere.example", "ira@acme.example"])
def test_an_unknown_address_gets_no_mail_and_the_same_answer(ana: Member, forgotten_ira: Member, path: str, email: str):
    known = Client().post(path, {"email": "ana@acme.example"}, follow=True)
    assert OutgoingMail.objects.count() == 1
    unknown = Client().post(path, {"email": email}, follow=True)
    assert OutgoingMail.objects.count() == 1
    assert unknown.redirect_chain == known.redirect_chain
    assert unknown.status_code == known.status_code
    assert text_of(unknown).replace(email, "ana@acme.example") == text_of(known)
    assert not User.objects.filter(email=email).exists()


@pytest.mark.parametrize("path", ["/accounts/login/code/", "/accounts/password/reset/"])
@pytest.mark.parametrize("end", ["deactivated", "removed", "never a member"])
def test_who_is_no_active_member_any_more_gets_no_mail_and_the_same_answer(
    ana: Member, ira: Member, client: Client, path: str, end: str
):
    User.objects.create_user(ira.user_name, PASSWORD)
    if end == "never a member":
        User.objects.create_user("ira@elsewhere.example", PASSWORD)
    else:
        client.post("/accounts/login/", {"login": ira.user_name, "password": PASSWORD})
        assert client.get("/settings/", follow=True).status_code == 200
        ira.deactivate(by=SETUP) if end == "deactivated" else ira.remove(by=SETUP)
    email = "ira@elsewhere.example" if end == "never a member" else ira.user_name
    unknown = Client().post(path, {"email": email}, follow=True)
    assert not OutgoingMail.objects.exists()
    known = Client().post(path, {"email": "ana@acme.example"}, follow=True)
    assert OutgoingMail.objects.count() == 1
    assert text_of(unknown).replace(email, "ana@acme.example") == text_of(known)


@pytest.mark.parametrize("path", ["/accounts/login/code/", "/accounts/password/reset/"])
def test_staff_and_members_of_another_organization_still_get_their_mail(
    ira: Member, eve: Member, globex: Organization, path: str
):
    User.objects.create_superuser("stella@vendor.example", PASSWORD)
    User.objects.create_user(ira.user_name, PASSWORD)
    there = person(globex, "ira@globex.example", "Ira Item", "IT Admin")
    Member.objects.filter(pk=there.pk).update(user=User.objects.get(email=ira.user_name))
    ira.deactivate(by=SETUP)
    for email in ("stella@vendor.example", ira.user_name, eve.user_name):
        Client().post(path, {"email": email})
    assert OutgoingMail.objects.count() == 3


@pytest.mark.parametrize("guess", ["nonsense", "", "AAAA-AAAA"])
def test_nor_does_a_guess_tell_an_unknown_address_from_a_known_one(ana: Member, guess: str):
    answers = []
    for email in ("ana@acme.example", "nobody@acme.example"):
        browser = Client()
        browser.post("/accounts/login/code/", {"email": email})
        guesses = [browser.post("/accounts/login/code/confirm/", {"code": guess}, follow=True) for _ in range(4)]
        answers.append([(each.status_code, each.redirect_chain, text_of(each).replace(email, "…")) for each in guesses])
    assert answers[0] == answers[1]


def asked_for_a_code(client: Client) -> str:
    """Ask for Ana's code and return it from the mail."""
    client.post("/accounts/login/code/", {"email": "ana@acme.example"})
    found = re.search(r"^    (\S+)$", last_mail(), re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize(("seconds", "works"), [(-5, True), (5, False)])
def test_a_code_works_for_as_long_as_its_mail_and_the_page_say(ana: Member, client: Client, seconds: int, works: bool):
    code = asked_for_a_code(client)
    page = text_of(client.get("/accounts/login/code/confirm/"))
    for text in (mail.outbox[0].body, page):
        (minutes,) = re.findall(r"works for (\d+) minutes", str(text))
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=int(minutes), seconds=seconds)):
        client.post("/accounts/login/code/confirm/", {"code": code})
        assert ("_auth_user_id" in client.session) is works


def test_a_code_ends_with_the_third_wrong_guess(ana: Member, client: Client):
    code = asked_for_a_code(client)
    for _ in range(3):
        client.post("/accounts/login/code/confirm/", {"code": "nonsense"})
    client.post("/accounts/login/code/confirm/", {"code": code})
    assert "_auth_user_id" not in client.session


def test_a_member_sets_a_password_over_a_link_and_signs_in_with_it(ana: Member, client: Client):
    client.post("/accounts/password/reset/", {"email": "ana@acme.example"})
    link = re.search(r"http\S+", last_mail())
    assert mail.outbox[0].subject == "Set a new Torii password"
    assert link
    page = client.get(link[0], follow=True)
    assert "Set a new password" in text_of(page)
    done = client.post(page.request["PATH_INFO"], {"password1": PASSWORD, "password2": PASSWORD}, follow=True)
    assert "Your new password is set" in text_of(done)
    used = Client().get(link[0], follow=True)
    assert "This link no longer works" in text_of(used)
    answer = client.post("/accounts/login/", {"login": "ana@acme.example", "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == f"{ACME}/security"


def test_a_wrong_password_says_so_and_keeps_the_address(ana: Member, client: Client):
    User.objects.create_user("ana@acme.example", PASSWORD)
    answer = client.post("/accounts/login/", {"login": "ana@acme.example", "password": "wrong"})
    assert "The e-mail address or the password is wrong." in text_of(answer)
    assert 'value="ana@acme.example"' in answer.content.decode()


def test_too_many_attempts_end_on_a_page_of_ours(ana: Member, client: Client):
    for _ in range(31):
        answer = client.post("/accounts/login/", {"login": "ana@acme.example", "password": "wrong"})
    assert answer.status_code == 429
    assert "Too many attempts" in text_of(answer)


def test_signing_out_asks_first_and_ends_the_session(ana_browser: Client):
    assert "Sign out?" in text_of(ana_browser.get("/accounts/logout/"))
    answer = ana_browser.post("/accounts/logout/", follow=True)
    assert "You are signed out." in text_of(answer)
    assert ana_browser.get("/settings/").status_code == 302


def test_a_signed_in_member_sets_and_changes_their_password(ana: Member, sign_in: SignIn):
    browser = sign_in(ana)
    User.objects.get(email="ana@acme.example").set_unusable_password()
    User.objects.filter(email="ana@acme.example").update(password="!")
    browser = sign_in(ana)
    page = browser.get("/accounts/password/change/", follow=True)
    assert page.redirect_chain == [("/accounts/password/set/", 302)]
    short = browser.post("/accounts/password/set/", {"password1": "short", "password2": "short"})
    assert "at least 12 characters" in text_of(short)
    answer = browser.post("/accounts/password/set/", {"password1": PASSWORD, "password2": PASSWORD}, follow=True)
    assert "Your password is set." in text_of(answer)
    answer = browser.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": PASSWORD * 2, "password2": PASSWORD * 2},
        follow=True,
    )
    assert "Your password is changed." in text_of(answer)


def test_nobody_signs_up(client: Client):
    answer = client.post("/accounts/signup/", {"email": "x@acme.example", "password1": PASSWORD, "password2": PASSWORD})
    assert "There is no sign-up here" in text_of(answer)
    assert not User.objects.exists()


@pytest.mark.parametrize("path", ["email/", "confirm-email/", "confirm-email/x/", "social/", "phone/change/"])
def test_an_address_cannot_be_changed(ana_browser: Client, path: str):
    """A changed address could claim somebody else's membership."""
    assert ana_browser.get(f"/accounts/{path}").status_code == 404
    with pytest.raises(NoReverseMatch):
        reverse("account_email")


@pytest.mark.parametrize(
    "path",
    ["login/", "login/code/", "logout/", "inactive/", "signup/", "reauthenticate/", "password/change/", "password/set/",
     "password/reset/", "password/reset/done/", "password/reset/key/1-x/", "password/reset/key/done/"],
)  # fmt: skip
@pytest.mark.parametrize("signed_in", [False, True])
def test_every_page_of_the_door_wears_our_frame(ana: Member, sign_in: SignIn, path: str, signed_in: bool):
    browser = sign_in(ana) if signed_in else Client()
    page = browser.get(f"/accounts/{path}", follow=True).content.decode()
    assert "settings.css" in page
    assert "Torii" in page
    for theirs in ("Menu:", "account/email", "Sign Up", "please"):
        assert theirs not in page


@pytest.mark.django_db(transaction=True)
def test_two_pages_that_are_opened_at_once_after_the_first_sign_in_are_both_let_in(acme: Organization, sign_in: SignIn):
    for number in range(10):
        member = person(acme, f"p{number}@acme.example", "P Person", "Admin")
        browsers = [sign_in(member) for _ in range(4)]
        opened = at_once(*[lambda browser=browser: browser.get(f"{ACME}/members").status_code for browser in browsers])
        assert opened == [200] * 4
