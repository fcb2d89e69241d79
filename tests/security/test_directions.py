"""A name written from right to left keeps its direction to itself, wherever a page shows it."""

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import get_resolver

from members.directory import GroupProfile, RoleProfile
from members.models import Group, Member, Organization, Role
from tests.conftest import ACME, SETUP, new_key, person
from tests.isolation.test_stranger import addresses, fill
from tests.web.conftest import asked

pytestmark = pytest.mark.django_db

# In Hebrew; whatever of these a page shows has it.
MARK = "שלום"
# Where a browser shows text alone, or in a box of its own.
PLAIN = ("title", "option", "textarea")


class Names(HTMLParser):
    """Looks at the names in a page: those that may turn what stands around them, and those that can't."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.kept: list[str] = []
        self.loose: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("bdi", *PLAIN):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("bdi", *PLAIN):
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if MARK in data:
            (self.kept if self.open else self.loose).append(" ".join(data.split()))


def names_in(page: bytes) -> Names:
    found = Names()
    found.feed(page.decode())
    return found


@pytest.fixture
def ids(acme: Organization, ana: Member) -> dict[str, str]:
    """An organization in which everything has such a name, and what URLs call it."""
    Organization.objects.filter(pk=acme.pk).update(name=f"{MARK} Acme")
    Member.objects.filter(pk=ana.pk).update(display_name=f"{MARK} Ana")
    buyer = Role.add(acme, RoleProfile(f"{MARK} Buyer"), by=SETUP)
    buyer.edit(access={"members": "read"}, by=SETUP)
    bea = person(acme, "bea@acme.example", f"{MARK} Bea", buyer.name)
    person(acme, "eli@acme.example", f"{MARK} Eli", "Employee")
    gil = person(acme, "gil@acme.example", f"{MARK} Gil")
    group = Group.add(acme, GroupProfile(f"{MARK} Works", add_members={gil.pk}), by=SETUP)
    group.give_role(buyer, by=SETUP)
    ana.refresh_from_db()
    ana.organization.refresh_from_db()
    old = new_key(ana.organization, description=f"{MARK} Okta", by=ana.actor())
    new_key(ana.organization, description=f"{MARK} script", kind="api_read", by=ana.actor())
    return {
        "organization_id": acme.public_id,
        "uuid": str(bea.pk),
        "member_id": str(bea.pk),
        "pk": str(bea.pk),
        "key_id": old.api_key.key_id,
        "gil": str(gil.pk),
    }


def test_every_page_keeps_names_to_themselves(
    ids: dict[str, str], ana: Member, sign_in: Callable[[Member], Client]
) -> None:
    browser = sign_in(ana)
    paths = [fill(route, ids) for route in addresses(get_resolver().url_patterns, "settings/")]
    paths += [f"{ACME}/members/{ids['gil']}", f"{ACME}/members?q=gil", "/accounts/password/change/"]
    found = {path: names_in(browser.get(path, follow=True).content) for path in paths}
    assert sum(len(names.kept) for names in found.values()) > len(paths)
    assert not {path: names.loose for path, names in found.items() if names.loose}


def test_so_does_every_message(ids: dict[str, str], ana: Member, sign_in: Callable[[Member], Client]) -> None:
    browser = sign_in(ana)
    key, member = f"{ACME}/api-access/keys/{ids['key_id']}", f"{ACME}/members/{ids['member_id']}"
    role = ana.organization.roles.get(name=f"{MARK} Buyer").pk
    new = {"email": "new@acme.example", "given_name": MARK, "family_name": "New", "role": role}
    for path, form in (
        (f"{ACME}/members/new", new),
        (f"{member}/role", {"role": role}),
        (f"{member}/deactivation", {}),
        (f"{member}/reactivation", {}),
        (f"{ACME}/api-access/keys/new", asked(description=f"{MARK} key")),
        (f"{key}/rotation", asked(description=f"{MARK} key")),
        (f"{key}/deletion", {"confirm": "yes"}),
    ):
        answer = browser.post(path, form, follow=True)
        assert answer.status_code == 200, path
        found = names_in(answer.content)
        assert found.kept, path
        assert not found.loose, (path, found.loose)
