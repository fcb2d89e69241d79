"""What happens to accounts is in the audit log of the organizations concerned, and attackers can't fill it."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import Action, Event
from lib.attempts import Limit
from members.models import Member, Organization, User
from tests.conftest import ACME, GLOBEX, new_key, person
from tests.security.conftest import ADDRESS, HOME, PASSWORD, SERVER, ask_for_code, at, sign_in_by_code, try_password
from tests.staff.conftest import admin, page, stella
from tests.web.conftest import SignIn

__all__ = ["admin", "stella"]

pytestmark = pytest.mark.django_db

ACCOUNT = ("sign_in.", "password.", "organization.entered", "staff.")


def recorded(organization: Organization) -> list[tuple[str, str | None, Any]]:
    """Return the events about accounts: action, address that it came from, changes."""
    return [
        (event.action, event.ip, event.changes)
        for event in Event.objects.filter(organization=organization).order_by("id")
        if event.action.startswith(ACCOUNT)
    ]


@pytest.fixture
def ana_of_example(ana: Member, eve: Member) -> Member:
    """Ana's membership in a second organization."""
    eve.organization.approved_domains.create(domain="acme.example")
    return person(eve.organization, ADDRESS, "Ana Admin", "Admin")


def test_a_sign_in_is_recorded_where_the_person_is_a_member(ana_user: User, acme: Organization, globex: Organization):
    try_password(at(HOME), PASSWORD)
    sign_in_by_code(at(SERVER))
    assert recorded(acme) == [(Action.SIGNED_IN, HOME, {}), (Action.SIGNED_IN, SERVER, {})]
    assert recorded(globex) == []


def test_failures_are_one_event_a_minute_with_a_count(ana_user: User, acme: Organization):
    for number in range(30):
        try_password(at(f"192.0.2.{number}"), "wrong")
    assert recorded(acme) == [(Action.SIGN_IN_FAILED, "192.0.2.0", {"attempts": 1})]
    Limit(f"event {Action.SIGN_IN_FAILED}", 1, 60).by(ADDRESS).forget()
    try_password(at(SERVER), "wrong")
    assert recorded(acme)[1:] == [(Action.SIGN_IN_FAILED, SERVER, {"attempts": 30})]


def test_a_lock_out_is_recorded(ana_user: User, acme: Organization):
    for _ in range(8):
        try_password(at(SERVER), "wrong")
    assert recorded(acme)[1:] == [(Action.SIGN_IN_LOCKED, SERVER, {"attempts": 1})]


def test_a_wrong_code_is_recorded(ana_user: User, acme: Organization):
    browser = at(SERVER)
    ask_for_code(browser)
    browser.post("/accounts/login/code/confirm/", {"code": "nonsense"})
    assert recorded(acme) == [(Action.SIGN_IN_FAILED, SERVER, {"attempts": 1})]


def test_a_failure_for_an_unknown_address_is_recorded_nowhere(ana_user: User):
    before = Event.objects.count()
    try_password(at(SERVER), "wrong", "nobody@acme.example")
    assert Event.objects.count() == before


@pytest.mark.parametrize("wrongs", [1, 6], ids=["wrong", "locked"])
def test_an_unknown_address_costs_the_writes_of_a_known_one(ana_user: User, wrongs: int):
    """Whoever measures answers, of which a locked one takes no password hash, learns of no address."""

    def writes(address: str) -> list[str]:
        for _ in range(wrongs - 1):
            try_password(at(SERVER), "wrong", address)
        with CaptureQueriesContext(connection) as queries:
            try_password(at(SERVER), "wrong", address)
        return [query["sql"][:30] for query in queries.captured_queries if "INSERT" in query["sql"][:30]]

    before = Event.objects.count()
    unknown = writes("nobody@acme.example")
    assert Event.objects.count() == before
    assert len(unknown) == 1
    assert unknown == writes(ADDRESS)


def test_each_organization_of_a_person_records_it_and_none_names_the_other(
    ana_of_example: Member, ana_user: User, acme: Organization, globex: Organization
):
    try_password(at(SERVER), "wrong")
    try_password(at(HOME), PASSWORD)
    for organization in (acme, globex):
        assert [action for action, _, _ in recorded(organization)] == [Action.SIGN_IN_FAILED, Action.SIGNED_IN]
    assert "Globex" not in str(list(Event.objects.filter(organization=acme).values()))


def test_a_password_that_is_set_is_recorded(by_code: Client, acme: Organization):
    new = "seven other hills of green marmalade"
    by_code.post("/accounts/password/set/", {"password1": new, "password2": new})
    assert [action for action, _, _ in recorded(acme)] == [Action.PASSWORD_SET]


def test_switching_is_recorded_by_the_organization_that_is_entered(
    ana: Member, ana_of_example: Member, acme: Organization, globex: Organization, sign_in: SignIn
):
    browser = sign_in(ana)
    browser.get("/settings/")
    for path in ("/", "/members", "/members/new"):
        browser.get(f"{GLOBEX}{path}")
    assert [action for action, _, _ in recorded(globex)] == [Action.ORGANIZATION_ENTERED]
    assert recorded(acme) == []
    browser.get(f"{ACME}/members")
    assert [action for action, _, _ in recorded(acme)] == [Action.ORGANIZATION_ENTERED]


def test_what_staff_open_is_recorded_by_the_organization(admin: Client, ana: Member, acme: Organization):
    api_key = new_key(acme).api_key
    opened = {"members.Organization": acme, "members.Member": ana, "apikeys.ApiKey": api_key}
    for model, row in opened.items():
        for _ in range(3):
            assert admin.get(page(model, "change", row.pk)).status_code == 200
    events = Event.objects.filter(organization=acme, action=Action.STAFF_OPENED).order_by("id")
    assert [(event.actor_kind, event.actor_label, event.target_id) for event in events] == [
        ("staff", "stella@vendor.example", str(row.pk)) for row in opened.values()
    ]
    before = Event.objects.count()
    assert admin.get(page("audit.Event", "change", events[0].pk)).status_code == 200
    assert Event.objects.count() == before
