"""No value in an address makes a page or a list of the REST API fail."""

from collections.abc import Callable
from itertools import product

import pytest
from django.conf import LazySettings
from django.test import Client

from members.models import Member, Organization
from tests.conftest import ACME, new_key

pytestmark = pytest.mark.django_db

STRANGE = [
    "0001-01-01",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "0000-00-00",
    "-1",
    "9" * 40,
    "9" * 5000,
    "",
    "\u0661",
    "\ud800",
    "\x00",
    "a\nb",
    "%",
]
PAGES = {
    f"{ACME}/members": ["q", "role", "status", "newer", "older", "after", "before", "page"],
    f"{ACME}/members/employees": ["q", "newer", "older", "after", "before", "page"],
    f"{ACME}/api-access": ["type", "status", "q", "new", "page"],
    f"{ACME}/api-access/keys/new": ["like"],
    "/accounts/login/": ["next"],
}
LISTS = {
    "/v1.0/audit-events": ["action", "event", "since", "until", "from", "to", "target", "actor", "cursor", "limit"],
    "/v1.0/members": ["q", "role", "status", "active", "cursor", "limit", "user_name", "page_size"],
    "/v1.0/api-keys": ["type", "cursor", "limit"],
}


def sent(value: str) -> str:
    """Return a value as an address can have it: a surrogate is no text in UTF-8."""
    return value.encode("utf-8", "surrogatepass").decode("latin-1") if value == "\ud800" else value


@pytest.mark.parametrize("path", PAGES)
def test_of_a_page(path: str, ana: Member, sign_in: Callable[[Member], Client]) -> None:
    browser = sign_in(ana)
    for name, value in product(PAGES[path], STRANGE):
        assert browser.get(path, {name: sent(value)}, follow=True).status_code in (200, 400, 404), (name, value)


@pytest.mark.parametrize("path", LISTS)
def test_of_a_list_for_scripts(path: str, acme: Organization, settings: LazySettings) -> None:
    settings.KEY_RATE_LIMIT = 0
    key = {"Authorization": f"Bearer {new_key(acme, 'api_read').text}"}
    for name, value in product(LISTS[path], STRANGE):
        assert Client().get(path, {name: sent(value)}, headers=key).status_code in (200, 400), (name, value)
