"""What the door says of a wrong entry is in our words; codes say what they look like; mails say who asked, and when."""

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from allauth.account.adapter import DefaultAccountAdapter
from django.core import mail
from django.test import Client

from members.models import Member, User
from outbox.tasks import deliver_mails
from tests.conftest import person
from tests.web.conftest import text_of

PASSWORD = "a long password of Ana's"
NOW = dt.datetime(2026, 11, 27, 12, 31, tzinfo=dt.UTC)
THEIRS = [str(text) for text in DefaultAccountAdapter.error_messages.values()]
DJANGOS = ["This field is required.", "Enter a valid email address.", "You must type the same password each time."]


def sent() -> Any:
    deliver_mails()
    return mail.outbox[-1]


def html_of(message: Any) -> str:
    [(html, kind)] = message.alternatives
    assert kind == "text/html"
    return str(html)


@pytest.fixture
def ana_user(ana: Member) -> User:
    return User.objects.create_user("ana@acme.example", PASSWORD)


@pytest.mark.parametrize(
    ("path", "form", "words"),
    [
        ("login/", {"login": "", "password": ""}, ["Write your e-mail address.", "Write your password."]),
        ("login/", {"login": "ana", "password": "x"}, ["Write an e-mail address, as in ana@example.com."]),
        ("login/", {"login": "ana@acme.example", "password": "x"}, ["The e-mail address or the password is wrong."]),
        ("login/code/", {"email": ""}, ["Write your e-mail address."]),
        ("login/code/", {"email": "ana@"}, ["Write an e-mail address, as in ana@example.com."]),
        ("password/reset/", {"email": ""}, ["Write your e-mail address."]),
        ("password/reset/", {"email": "ana@"}, ["Write an e-mail address, as in ana@example.com."]),
    ],
)
def test_a_wrong_entry_is_told_in_our_words(ana_user, client: Client, path, form, words):
    told = text_of(client.post(f"/accounts/{path}", form))
    assert all(text in told for text in words)
    assert not [text for text in THEIRS + DJANGOS if text in told]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, ["Write your current password.", "Write a new password.", "Write the new password once more."]),
        ({"oldpassword": "x", "password1": PASSWORD * 2, "password2": PASSWORD * 2}, ["Write your current password."]),
        (
            {"oldpassword": PASSWORD, "password1": PASSWORD * 2, "password2": PASSWORD * 3},
            ["The two passwords differ."],
        ),
    ],
)
def test_a_wrong_change_of_password_is_told_in_our_words(ana_user, client: Client, form, words):
    client.force_login(ana_user, backend="allauth.account.auth_backends.AuthenticationBackend")
    told = text_of(client.post("/accounts/password/change/", form))
    assert all(text in told for text in words)
    assert not [text for text in THEIRS + DJANGOS if text in told]


def test_a_wrong_password_is_told_in_our_words_where_it_is_asked_for_again(ana_user, client: Client):
    client.force_login(ana_user, backend="allauth.account.auth_backends.AuthenticationBackend")
    for typed, words in (("", "Write your password."), ("x", "The password is wrong.")):
        told = text_of(client.post("/accounts/reauthenticate/", {"password": typed}))
        assert words in told
        assert not [text for text in THEIRS + DJANGOS if text in told]


def test_a_code_says_what_it_looks_like_and_how_long_it_works_and_that_is_true(ana, client: Client, settings):
    page = text_of(client.post("/accounts/login/code/", {"email": "ana@acme.example"}, follow=True))
    assert "Eight letters, as in BCDF-GHJK" in page
    assert "works for 15 minutes and 3 attempts" in page
    assert settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT == 15 * 60
    body = sent().body
    assert re.search(r"^    [A-Z]{4}-[A-Z]{4}$", body, re.MULTILINE)
    assert "It works for 15 minutes." in body
    told = text_of(client.post("/accounts/login/code/confirm/", {"code": "XXXX-XXXX"}))
    assert "This is not the code of the last e-mail." in told
    assert "Write the code from the e-mail." in text_of(client.post("/accounts/login/code/confirm/", {"code": ""}))


def test_too_many_wrong_codes_are_told_in_our_words(ana, client: Client):
    client.post("/accounts/login/code/", {"email": "ana@acme.example"})
    for _ in range(3):
        answer = client.post("/accounts/login/code/confirm/", {"code": "XXXX-XXXX"}, follow=True)
    assert "Too many attempts. Wait a few minutes, or have a new code e-mailed." in text_of(answer)


@pytest.mark.parametrize(
    ("path", "what"),
    [("login/code/", "It works for 15 minutes."), ("password/reset/", "for 3 days")],
)
def test_a_mail_says_when_and_from_where_it_was_asked_for_in_text_and_in_html(ana, path: str, what: str):
    browser = Client(REMOTE_ADDR="203.0.113.9")
    with time_machine.travel(NOW, tick=False):
        browser.post(f"/accounts/{path}", {"email": "ana@acme.example"})
        message = sent()
    html = html_of(message)
    for body in (message.body, html):
        assert what in body
        assert "27 Nov 2026, 12:31 (UTC)" in body
        assert "203.0.113.9" in body
    assert "{{" not in html
    assert "<script" not in html
    assert not re.search(r'(?:src|href)="(?!http://localhost/accounts/)', html)


def test_the_code_and_the_link_are_the_same_in_both_parts_of_a_mail(ana, client: Client):
    client.post("/accounts/login/code/", {"email": "ana@acme.example"})
    message = sent()
    [code] = re.findall(r"[A-Z]{4}-[A-Z]{4}", message.body)
    assert html_of(message).count(code) == 1
    client.post("/accounts/password/reset/", {"email": "ana@acme.example"})
    message = sent()
    [link] = re.findall(r"http://\S+", message.body)
    assert html_of(message).count(f'href="{link}"') == 1


def test_what_somebody_typed_cannot_break_out_of_a_mail(acme, client: Client):
    person(acme, "o'neil&co@acme.example", "Oona Neil", "Admin")
    client.post("/accounts/password/reset/", {"email": "o'neil&co@acme.example"})
    message = sent()
    assert "o'neil&co@acme.example" in message.body
    assert "o&#x27;neil&amp;co@acme.example" in html_of(message)
