"""Somebody added by hand is told so by mail, unless the identity provider keeps the list."""

from collections.abc import Callable

import pytest
from django.core import mail
from django.test import Client

from members.models import Member, Organization
from members.tasks import send_activation_mail
from outbox.tasks import deliver_mails
from tests.conftest import ACME, SETUP


@pytest.fixture
def add_nora(acme: Organization, ana: Member, sign_in: Callable[[Member], Client]) -> Callable[[str], None]:
    """Return a function with which Ana adds Nora on the Members page."""

    def add(email: str) -> None:
        role = acme.roles.get(name="Read Only").pk
        sign_in(ana).post(f"{ACME}/members/new", {"email": email, "given_name": "Nora", "role": role})
        deliver_mails()

    return add


def test_with_scim_off_the_person_is_told(acme: Organization, add_nora: Callable[[str], None]) -> None:
    acme.disable_scim(by=SETUP)

    add_nora("nora@acme.example")

    (sent,) = mail.outbox
    assert sent.to == ["nora@acme.example"]
    assert sent.subject == "You have been added to “Acme”"
    assert "“Ana Admin” added you to “Acme” with the role “Read Only”." in sent.body
    assert "http://localhost/settings/" in sent.body


def test_with_scim_on_nobody_is_told(add_nora: Callable[[str], None]) -> None:
    add_nora("nora@acme.example")

    assert Member.objects.filter(user_name="nora@acme.example").exists()
    assert mail.outbox == []


def test_nobody_is_told_when_nobody_was_added(acme: Organization, add_nora: Callable[[str], None]) -> None:
    acme.disable_scim(by=SETUP)

    add_nora("ana@acme.example")
    add_nora("nora@elsewhere.example")

    assert mail.outbox == []


def test_the_previous_release_may_still_ask_for_the_mail(ira: Member, ana: Member) -> None:
    send_activation_mail(str(ira.pk), "Ana Admin")
    ira.deactivate(by=SETUP)
    send_activation_mail(str(ira.pk), "Ana Admin")
    deliver_mails()

    (sent,) = mail.outbox
    assert sent.to == ["ira@acme.example"]


def test_a_name_with_line_breaks_stays_on_one_line(acme: Organization, add_nora: Callable[[str], None]) -> None:
    acme.disable_scim(by=SETUP)
    Organization.objects.filter(pk=acme.pk).update(name="Acme\r\nBcc: eve@globex.example")

    add_nora("nora@acme.example")

    (sent,) = mail.outbox
    assert sent.subject == "You have been added to “Acme Bcc: eve@globex.example”"
    assert sent.recipients() == ["nora@acme.example"]
