"""A person is told of a new password and of a new device, whichever door it came through."""

import io
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client

from members.browsers import browser_name
from members.models import User
from outbox.tasks import deliver_mails
from tests.security.conftest import (
    ADDRESS,
    HOME,
    PASSWORD,
    SERVER,
    Subjects,
    at,
    is_signed_in,
    sign_in_by_code,
    try_password,
)
from tests.staff.conftest import admin, page, stella

__all__ = ["admin", "stella"]

pytestmark = pytest.mark.django_db

FIRST = "A password was set for your Torii account"
CHANGED = "The password of your Torii account was changed"
DEVICE = "New sign-in to your Torii account"
NEW = "seven other hills of green marmalade"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def account_mails() -> list[Any]:
    deliver_mails()
    return [message for message in mail.outbox if "Torii account" in str(message.subject)]


def test_a_first_password_is_told(by_code: Client, subjects: Subjects):
    by_code.post("/accounts/password/set/", {"password1": NEW, "password2": NEW})
    assert subjects() == [FIRST]


def test_a_changed_password_is_told_with_time_address_and_what_to_do(ana_user: User):
    browser = Client(REMOTE_ADDR=HOME, HTTP_USER_AGENT=FIREFOX)
    try_password(browser, PASSWORD)
    browser.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    [message] = account_mails()
    html = message.alternatives[0][0]
    assert (message.subject, message.to) == (CHANGED, [ADDRESS])
    for text in (message.body, html):
        for told in ("UTC", HOME, "Firefox on Linux", "http://localhost/accounts/password/reset/", "wasn"):
            assert told in text


def test_a_password_that_is_reset_is_told(ana_user: User):
    browser = at(SERVER)
    browser.post("/accounts/password/reset/", {"email": ADDRESS})
    deliver_mails()
    link = next(word for word in str(mail.outbox[0].body).split() if "/key/" in word)
    form = browser.get(link, follow=True).request["PATH_INFO"]
    browser.post(form, {"password1": NEW, "password2": NEW})
    assert [message.subject for message in account_mails()] == [CHANGED]


def test_a_password_that_staff_set_is_told(ana_user: User, admin: Client):
    path = page("members.User", "change", ana_user.pk).replace("change/", "password/")
    admin.post(path, {"usable_password": "true", "password1": NEW, "password2": NEW})
    [message] = account_mails()
    assert (message.subject, message.to) == (CHANGED, [ADDRESS])


def test_a_password_set_on_the_command_line_is_told(ana_user: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("getpass.getpass", lambda *args, **more: NEW)
    call_command("changepassword", ADDRESS, stdout=io.StringIO())
    [message] = account_mails()
    assert "From: the command line" in message.body


def test_a_password_that_is_hashed_anew_is_no_new_one(ana_user: User, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    before = User.objects.get().password
    try_password(at(HOME), PASSWORD)
    assert User.objects.get().password != before
    assert account_mails() == []


def test_a_new_user_is_told_nothing(db: None):
    User.objects.create_superuser("stella@vendor.example", PASSWORD)
    assert account_mails() == []


def test_the_first_device_is_no_news_and_the_second_is(ana_user: User):
    first, second = at(HOME), at(SERVER)
    try_password(first, PASSWORD)
    assert account_mails() == []
    try_password(second, PASSWORD)
    [message] = account_mails()
    assert message.subject.startswith(DEVICE)
    assert SERVER in message.body
    for browser in (first, second):
        browser.post("/accounts/logout/")
        try_password(browser, PASSWORD)
        assert is_signed_in(browser)
    assert len(account_mails()) == 1


def test_a_code_on_a_new_device_is_told_too(ana_user: User):
    try_password(at(HOME), PASSWORD)
    sign_in_by_code(at(SERVER))
    assert len(account_mails()) == 1


def test_the_cookie_holds_hashes_and_is_kept_from_scripts(ana_user: User):
    browser = at(HOME)
    try_password(browser, PASSWORD)
    cookie = browser.cookies["device"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert "ana" not in cookie.value
    assert str(ana_user.pk) not in cookie.value.split(":")


def test_a_device_of_somebody_else_is_new(ana_user: User):
    User.objects.create_user("bob@acme.example", PASSWORD)
    shared = at(HOME)
    try_password(at(SERVER), PASSWORD)
    try_password(shared, PASSWORD, "bob@acme.example")
    shared.post("/accounts/logout/")
    try_password(shared, PASSWORD)
    assert [message.to for message in account_mails()] == [[ADDRESS]]


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("curl/8", "unknown"),
        ("", "unknown"),
        ("Call +1 555 0100 now\r\nTo: everybody@example.com", "unknown"),
    ],
)
def test_a_browser_is_named_in_words_of_ours(user_agent: str, name: str):
    assert browser_name(user_agent) == name
