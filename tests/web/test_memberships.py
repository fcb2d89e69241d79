"""Somebody who belongs to two organizations is in one of them at a time, and says which."""

from collections.abc import Callable

import pytest
from django.test import Client

from members.models import Member, Organization
from tests.conftest import SETUP, person


@pytest.fixture
def anas_other_self(ana: Member, globex: Organization) -> Member:
    """Ana, as a Read Only member of globex."""
    globex.approved_domains.create(domain="acme.example")
    return person(globex, "ana@acme.example", "Ana Admin", "Read Only")


def organization_in(browser: Client) -> str:
    """Return the organization whose settings the browser shows."""
    return browser.get("/settings/members").context["request"].organization.name


def test_the_menu_leads_to_the_other_organization_and_back(
    ana: Member, anas_other_self: Member, sign_in: Callable[[Member], Client]
) -> None:
    browser = sign_in(ana)
    page = browser.get("/settings/security").content.decode()
    assert "Switch to <bdi>Globex</bdi>" in page
    assert organization_in(browser) == "Acme"

    browser.post(f"/settings/memberships/{anas_other_self.pk}")
    assert organization_in(browser) == "Globex"
    assert "Generate API key" not in browser.get("/settings/api-access").content.decode()

    browser.post(f"/settings/memberships/{ana.pk}")
    assert organization_in(browser) == "Acme"


def test_nobody_becomes_somebody_else(ana: Member, ira: Member, sign_in: Callable[[Member], Client]) -> None:
    browser = sign_in(ira)

    assert browser.post(f"/settings/memberships/{ana.pk}").status_code == 404
    assert browser.get(f"/settings/memberships/{ira.pk}").status_code == 405
    assert browser.get("/settings/members").context["request"].member == ira


def test_deactivated_in_one_organization_means_being_in_the_other(
    ana: Member, anas_other_self: Member, sign_in: Callable[[Member], Client]
) -> None:
    browser = sign_in(ana)
    browser.post(f"/settings/memberships/{anas_other_self.pk}")

    anas_other_self.deactivate(by=SETUP)

    assert organization_in(browser) == "Acme"
    assert "Switch to" not in browser.get("/settings/security").content.decode()
