"""A password that is easy to guess is refused in our words, wherever one is set; checking one costs little."""

import io
import time
from contextlib import suppress

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client

from members.models import Member, User
from members.passwords import BETTER
from tests.security.conftest import ADDRESS, PASSWORD, at, text_of, try_password
from tests.staff.conftest import admin, page, stella

__all__ = ["admin", "stella"]

pytestmark = pytest.mark.django_db

WEAK = {
    "passwordpassword": "it repeats the same characters",
    "aaaaaaaaaaaaaaaa": "it repeats the same characters",
    "P@ssw0rdP@ssw0rd": "it repeats the same characters",
    "qwertyuiop[]asdf": "its keys lie beside each other",
    "123456789012": "it is a common password or word",
    "Password1234!": "it is a common password or word",
    "abcdefghijklmnop": "it follows the alphabet or counts",
    "ana@acme.example1": "it is made of your address or name, or of ours",
    "ToriiToriiTorii": "it repeats the same characters",
    "letmein20261127": "easy to guess",
}
STRONG = [
    PASSWORD,
    "gT7!kq9#zzLp",
    "correct horse battery",
    "Ǆörfliche Kühe kauen Mohn",
    "🐄🐎🦔🐁 " * 4 + "four beasts",
]


@pytest.mark.parametrize("password", WEAK)
def test_a_weak_password_is_refused_with_the_reason_and_what_would_be_better(ana_user: User, password: str):
    with pytest.raises(ValidationError) as refusal:
        validate_password(password, ana_user)
    [told] = refusal.value.messages
    assert WEAK[password] in told
    assert BETTER in told


@pytest.mark.parametrize("password", STRONG)
def test_a_strong_password_is_taken(ana_user: User, password: str):
    validate_password(password, ana_user)


def test_every_door_refuses_a_weak_one(ana_user: User, admin: Client, monkeypatch: pytest.MonkeyPatch):
    weak = {"password1": "passwordpassword", "password2": "passwordpassword"}
    browser = at("198.51.100.7")
    try_password(browser, PASSWORD)
    answers = [browser.post("/accounts/password/change/", {"oldpassword": PASSWORD} | weak)]
    path = page("members.User", "change", ana_user.pk).replace("change/", "password/")
    answers.append(admin.post(path, {"usable_password": "true"} | weak))
    answers.append(
        admin.post(page("members.User", "add"), {"email": "new@vendor.example", "usable_password": "true"} | weak)
    )
    assert ["easy to guess" in text_of(answer) for answer in answers] == [True] * 3
    monkeypatch.setattr("getpass.getpass", lambda *args, **more: "passwordpassword")
    told = io.StringIO()
    with pytest.raises(Exception, match="Aborting password change"):
        call_command("changepassword", ADDRESS, stdout=told, stderr=told)
    assert "easy to guess" in told.getvalue()
    assert User.objects.get(email=ADDRESS).check_password(PASSWORD)


def test_a_link_sets_no_weak_password(ana: Member, client: Client):
    from tests.web.test_signing_in import last_mail

    client.post("/accounts/password/reset/", {"email": ADDRESS})
    link = next(word for word in last_mail().split() if "/key/" in word)
    form = client.get(link, follow=True).request["PATH_INFO"]
    page_ = client.post(form, {"password1": "passwordpassword", "password2": "passwordpassword"})
    assert "easy to guess" in text_of(page_)
    assert not User.objects.get(email=ADDRESS).has_usable_password()


@pytest.mark.parametrize(
    "password",
    [
        "4@8({[</369!1|I0$5+7%2" * 50_000,
        "a" * 1_000_000,
        "password" * 100_000,
        "\U0001d4df" * 100_000,
        "@!$+(4836910572" * 9,
    ],
)
def test_no_password_costs_more_than_a_moment(ana_user: User, password: str):
    before = time.process_time()
    with suppress(ValidationError):
        validate_password(password, ana_user)
    # It took 8 seconds for the first of them.
    assert time.process_time() - before < 3
