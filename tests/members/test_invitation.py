"""Somebody added by hand is told so by mail, unless the identity provider keeps the list."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from members.models import Member, Organization
from members.tasks import send_activation_mail
from tests.conftest import SETUP
from tests.services import free_port
from torii_settings.celery import app


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Tasks are carried out where they are asked for."""
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    yield
    app.conf.task_always_eager = app.conf.task_eager_propagates = False


@pytest.fixture
def add_nora(
    acme: Organization, ana: Member, sign_in: Callable[[Member], Client], django_capture_on_commit_callbacks: Any
) -> Callable[[str], None]:
    """Return a function with which Ana adds Nora on the Members page."""

    def add(email: str) -> None:
        role = acme.roles.get(name="Read Only").pk
        with django_capture_on_commit_callbacks(execute=True):
            sign_in(ana).post("/settings/members/new", {"email": email, "given_name": "Nora", "role": role})

    return add


def test_with_scim_off_the_person_is_told(acme: Organization, add_nora: Callable[[str], None]) -> None:
    acme.disable_scim(by=SETUP)

    add_nora("nora@acme.example")

    (sent,) = mail.outbox
    assert sent.to == ["nora@acme.example"]
    assert sent.subject == "You have been added to Acme"
    assert "Ana Admin added you to Acme with the role Read Only." in sent.body
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


def test_somebody_deactivated_meanwhile_is_not_told(ira: Member, ana: Member) -> None:
    ira.deactivate(by=SETUP)

    send_activation_mail(str(ira.pk), "Ana Admin")

    assert mail.outbox == []


def test_somebody_is_added_even_if_the_broker_is_down(
    acme: Organization, add_nora: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.disable_scim(by=SETUP)
    app.conf.task_always_eager = False
    monkeypatch.setattr(app.conf, "broker_url", f"redis://127.0.0.1:{free_port()}")

    add_nora("nora@acme.example")

    assert acme.members.with_user_name("nora@acme.example").exists()
