"""The vendor's staff: Stella, who may do everything in the staff admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from audit.models import Action, Event
from members.models import User
from tests.conftest import sign_in_staff


@pytest.fixture
def stella(db: None) -> User:
    return User.objects.create_superuser("stella@vendor.example", "a password of staff")


@pytest.fixture
def admin(stella: User) -> Client:
    """Return a browser in which Stella is signed in."""
    client = Client(REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="Firefox")
    sign_in_staff(client, stella)
    return client


def page(model: str, view: str = "changelist", pk: Any = None) -> str:
    """Return the path of a page about "app.Model": its "changelist", "add", "change" or "delete"."""
    name = model.lower().replace(".", "_")
    return reverse(f"admin:{name}_{view}", args=[] if pk is None else [pk])


def told(response: Any) -> list[str]:
    """Return the messages that the next page will show."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def rows(response: HttpResponse) -> list[Any]:
    """Return the objects that a list shows."""
    return list(response.context["cl"].result_list)  # type: ignore[attr-defined]


@pytest.fixture
def events(stella: User) -> Callable[[], list[tuple[str, str, Any]]]:
    """Return a function that gives what Stella has changed, by the audit log: action, target and changes."""

    def by_stella() -> list[tuple[str, str, Any]]:
        by_her = Event.objects.filter(actor_kind="staff", actor_id=str(stella.pk))
        found = by_her.exclude(action=Action.STAFF_OPENED).order_by("id")
        return list(found.values_list("action", "target_label", "changes"))

    return by_stella
