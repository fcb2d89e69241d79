"""Every request has an id, which is in the answer and in all that the request caused."""

from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone
from kombu import Producer

from apikeys.delivery import deliver
from apikeys.models import Notice
from apikeys.tasks import send_expiry_reminders
from audit.models import Event
from lib import request_id
from members.ids import uuid7
from members.models import Member, Organization
from tests.api.client import Script
from tests.conftest import new_key
from tests.identity_provider import IdentityProvider

GIVEN = "f00d-1:2/3=~+_.x"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    {
        "/scim/v2/Users": 401,
        "/scim/v2/Nothing": 404,
        "/v1.0/members": 401,
        "/v1.0/nothing": 404,
        "/settings/": 302,
        "/accounts/login/": 200,
        "/admin/": 302,
        "/static/settings.css": 200,
        "/docs/api": 200,
        "/healthz": 200,
        "/nothing": 404,
        "/accounts/login": 301,
    }.items(),
)
def test_every_answer_of_every_door_has_the_id_it_was_given(client: Client, path: str, status: int):
    response = client.get(path, headers={"X-Request-Id": GIVEN})
    assert response.status_code == status
    assert response["X-Request-Id"] == GIVEN
    response.close()


@pytest.mark.parametrize(
    "odd", ["", " ", "a b", "x" * 129, "é", "ana@acme.example", "<b>", '"', "a,b", "a\tb", "%0d%0a", "\x7f"]
)
def test_an_odd_id_is_replaced(client: Client, odd: str):
    ids = {client.get("/healthz", headers={"X-Request-Id": odd})["X-Request-Id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(len(made) == 32 and made.isalnum() for made in ids)


def test_the_longest_id_is_taken(client: Client):
    assert client.get("/healthz", headers={"X-Request-Id": "x" * 128})["X-Request-Id"] == "x" * 128


def test_no_id_outlives_its_request(client: Client):
    client.get("/healthz", headers={"X-Request-Id": GIVEN})
    assert request_id.known() != GIVEN


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/nothing", "/settings/nothing"])
def test_error_pages_name_the_request(ana: Member, sign_in: Any, path: str):
    page = sign_in(ana).get(path, headers={"X-Request-Id": GIVEN}).content.decode()
    assert f"Request id <code>{GIVEN}</code>" in page


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "429", "500", "refused"])
def test_each_error_page_has_a_place_for_the_id(name: str):
    with request_id.using(GIVEN):
        assert f"Request id <code>{GIVEN}</code>" in render_to_string(f"{name}.html")


def test_our_own_fault_on_a_page_names_the_request(client: Client, monkeypatch: pytest.MonkeyPatch, db: None):
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("allauth.account.views.LoginView.get", broken)
    client.raise_request_exception = False
    response = client.get("/accounts/login/", headers={"X-Request-Id": GIVEN})
    assert response.status_code == 500
    assert GIVEN in response.content.decode()


def test_events_and_mails_name_the_request_that_caused_them(acme: Organization, ana: Member):
    new = new_key(acme)
    deliver(timezone.now())
    mail.outbox.clear()
    okta = IdentityProvider(new.text)
    headers = {"X-Request-Id": GIVEN, "User-Agent": "Okta"}

    okta.call("POST", "/Users", {"userName": "bob@acme.example"}, headers=headers)
    okta.call("GET", "/Users", headers={"X-Request-Id": "new-origin", "User-Agent": "curl"})
    deliver(timezone.now())

    assert Event.objects.get(action="member.created", actor_kind="api_key").request_id == GIVEN
    assert Event.objects.get(action="api_key.new_origin").request_id == "new-origin"
    (sent,) = mail.outbox
    assert sent.extra_headers["X-Request-Id"] == "new-origin"


def test_a_bulk_request_is_one_request(okta: IdentityProvider, acme: Organization):
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": f"{name}@acme.example"}}
        for name in ("a", "b", "c")
    ]
    body = {"Operations": [*operations, {"method": "DELETE", "path": "/Users/none"}]}
    response = okta.call("POST", "/Bulk", body, headers={"X-Request-Id": GIVEN})
    assert {event.request_id for event in Event.objects.filter(action="member.created")} == {GIVEN}
    assert GIVEN in response.json()["Operations"][-1]["response"]["detail"]


def test_the_release_before_goes_on_inserting_events_without_the_column(acme: Organization):
    event = Event.objects.first()
    assert event is not None
    columns = [str(field.column) for field in Event._meta.concrete_fields if field.name not in ("id", "request_id")]
    copied = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO audit_event (id, {copied}) SELECT %s, {copied} FROM audit_event LIMIT 1",  # noqa: S608
            [uuid7().hex],
        )
    assert Event.objects.filter(request_id="").count() == 1


def test_a_command_is_one_cause(acme: Organization, ana: Member):
    with request_id.using("") as its_own:
        call_command("create_api_key", acme.public_id, type="scim", description="x")
    assert Event.objects.get(action="api_key.generated").request_id == its_own
    assert Notice.objects.get().details["request_id"] == its_own


def test_a_task_goes_on_under_the_id_of_what_started_it(monkeypatch: pytest.MonkeyPatch, db: None):
    seen: list[str] = []
    monkeypatch.setattr("apikeys.tasks.deliver", lambda now: seen.append(request_id.known()))
    with request_id.using(GIVEN):
        send_expiry_reminders.apply()
    send_expiry_reminders.apply()
    assert seen[0] == GIVEN
    assert seen[1] not in ("", GIVEN)


def test_a_message_carries_the_id_of_what_sends_it(monkeypatch: pytest.MonkeyPatch):
    sent: list[str] = []
    monkeypatch.setattr(Producer, "publish", lambda *args, headers, **kwargs: sent.append(headers["request_id"]))
    with request_id.using(GIVEN):
        send_expiry_reminders.apply_async()
    assert sent == [GIVEN]


def test_the_rest_api_shows_the_request_of_an_event(acme: Organization, ana: Member, ira: Member):
    script = Script(new_key(acme, "api_write").text)
    done = script.call("POST", f"members/{ira.pk}/deactivation", headers={"X-Request-Id": GIVEN})
    assert done.status_code == 200
    (event,) = (event for event in script.results("audit-events") if event["event"] == "member.deactivated")
    assert event["request_id"] == GIVEN
