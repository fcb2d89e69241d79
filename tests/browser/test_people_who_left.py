"""Somebody who was off-boarded, and the successor who gets their address, each in a browser."""

import re

from django.core import mail
from playwright.sync_api import Page, expect

from members.models import Member, Organization, User
from outbox.tasks import deliver_mails
from tests.conftest import ACME, SETUP, person

PASSWORD = "marmalade wobbles over seven hills"
BOB = "bob@acme.example"


def sign_in_with_password(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(BOB)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def type_the_code(page: Page) -> None:
    deliver_mails()
    [code] = re.findall(r"^    (\S+)$", str(mail.outbox[-1].body), re.MULTILINE)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_an_admin_who_was_off_boarded_stays_out(acme: Organization, ana: Member, open_browser):
    bob = person(acme, BOB, "Bob Before", "Admin")
    User.objects.create_user(BOB, PASSWORD)
    page = open_browser()
    sign_in_with_password(page)
    page.goto(f"{ACME}/security")
    expect(page.get_by_role("heading", name="Security", exact=True)).to_be_visible()

    bob.deactivate(by=SETUP)
    page.goto(f"{ACME}/security")
    expect(page.get_by_role("heading", name="You have no access")).to_be_visible()

    bob.reactivate(by=SETUP)
    page.reload()
    expect(page.get_by_role("heading", name="You have no access")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    sign_in_with_password(page)
    expect(page.get_by_role("heading", name="Security", exact=True)).to_be_visible()

    bob.remove(by=SETUP)
    page.reload()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    sign_in_with_password(page)
    expect(page.get_by_text("The e-mail address or the password is wrong.")).to_be_visible()


def test_an_address_that_is_used_again_opens_to_its_new_holder_alone(
    acme: Organization, globex: Organization, ana: Member, eve: Member, open_browser
):
    globex.approved_domains.create(domain="acme.example")
    bob = person(acme, BOB, "Bob Before", "Admin")
    elsewhere = person(globex, BOB, "Bob Before", "Admin")
    User.objects.create_user(BOB, PASSWORD)
    before = open_browser()
    sign_in_with_password(before)
    expect(before.get_by_role("banner")).to_contain_text("Acme")

    bob.remove(by=SETUP)
    person(acme, BOB, "Bob Behind", "Admin")
    before.goto("/settings/")
    expect(before.get_by_role("banner")).to_contain_text("Globex")
    before.get_by_role("button", name="Bob Before").click()
    expect(before.get_by_role("link", name="Switch to")).to_have_count(0)
    expect(before.get_by_role("button", name="Open a new membership")).to_be_visible()

    elsewhere.deactivate(by=SETUP)
    page = open_browser()
    sign_in_with_password(page)
    expect(page.get_by_role("heading", name="Sign in with a code")).to_be_visible()
    page.get_by_role("button", name="E-mail me a code").click()
    type_the_code(page)
    expect(page.get_by_role("banner")).to_contain_text("Acme")
    expect(page.get_by_role("banner")).to_contain_text("Bob Behind")
    before.goto("/settings/")
    expect(before.get_by_role("heading", name="Sign in with a code")).to_be_visible()
