"""People who sign in, and strangers who try to."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from members.models import Member, Organization, User
from outbox.tasks import deliver_mails
from tests.conftest import person
from tests.web.conftest import SignIn, text_of

__all__ = ["ADDRESS", "HOME", "PASSWORD", "SERVER", "text_of"]

ADDRESS = "ana@acme.example"
PASSWORD = "marmalade wobbles over seven hills"
HOME = "198.51.100.7"
SERVER = "203.0.113.66"


@pytest.fixture
def ana_user(ana: Member) -> User:
    """Ana, who has a password."""
    return User.objects.create_user(ADDRESS, PASSWORD)


@pytest.fixture
def by_code(ana: Member, sign_in: SignIn) -> Client:
    """Return a browser in which Ana is signed in, who has no password."""
    User.objects.create_user(ADDRESS)
    browser = sign_in(ana)
    browser.get("/settings/")
    return browser


def staff_member(organization: Organization, address: str, role: str = "Read Only") -> Member:
    """Make one of the vendor's staff a member of an organization too."""
    organization.approved_domains.get_or_create(domain=address.partition("@")[2])
    return person(organization, address, "Stella Staff", role)


def at(address: str) -> Client:
    """Return a new browser whose requests come from an IP address."""
    return Client(REMOTE_ADDR=address)


def try_password(browser: Client, password: str, address: str = ADDRESS) -> Any:
    """Sign in with a password; return the answer."""
    return browser.post("/accounts/login/", {"login": address, "password": password})


def ask_for_code(browser: Client, address: str = ADDRESS) -> Any:
    """Ask for a code; return the answer."""
    return browser.post("/accounts/login/code/", {"email": address})


def latest_code() -> str:
    """Return the code of the latest mail."""
    deliver_mails()
    return re.findall(r"^    (\S+)$", str(mail.outbox[-1].body), re.MULTILINE)[0]


def sign_in_by_code(browser: Client) -> None:
    """Ask for a code and type it in."""
    ask_for_code(browser)
    browser.post("/accounts/login/code/confirm/", {"code": latest_code()})


def is_signed_in(browser: Client) -> bool:
    """Whether somebody is signed in in the browser."""
    return "_auth_user_id" in browser.session


Subjects = Callable[[], list[str]]


@pytest.fixture
def subjects() -> Subjects:
    """Return a function that gives the subjects of the mails sent so far."""

    def sent() -> list[str]:
        deliver_mails()
        return [str(message.subject) for message in mail.outbox]

    return sent
