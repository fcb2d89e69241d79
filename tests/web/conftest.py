"""Browsers in which the cast is signed in, and what tests look for in a page."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from members.models import Member, Organization
from tests.conftest import person

SignIn = Callable[[Member], Client]


@pytest.fixture(autouse=True)
def forgotten_attempts() -> None:
    """Every test starts without the sign-in attempts that allauth counted in others."""
    cache.clear()


@pytest.fixture
def ana_browser(ana: Member, sign_in: SignIn) -> Client:
    """A browser that has been to the settings before: the first visit ties the user to the member."""
    browser = sign_in(ana)
    browser.get("/settings/")
    return browser


@pytest.fixture
def rita(acme: Organization) -> Member:
    return person(acme, "rita@acme.example", "Rita Reader", "Read Only")


@pytest.fixture
def paul(acme: Organization) -> Member:
    return person(acme, "paul@acme.example", "Paul Procurement", "Procurement")


def text_of(response: Any) -> str:
    """Return the words of a page, without tags, on one line. Marks around names part no words."""
    page = re.sub(r"</?bdi>", "", response.content.decode())
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def asked(**fields: Any) -> dict[str, Any]:
    """Return what the form for a new key sends."""
    form = {
        "kind": "scim",
        "description": "Okta production",
        "expiration": "365-days",
        "expires_on": "",
        "form_token": uuid.uuid4(),
    }
    return form | fields
