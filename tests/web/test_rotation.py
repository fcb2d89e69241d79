"""Rotating a key: the new one in its place is asked for, made, and shown once."""

import datetime as dt
import re
import uuid
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from apikeys.models import ApiKey
from apikeys.views import rotation as rotation_view
from audit.models import Action, Event
from members.models import Organization, User
from outbox.tasks import deliver_mails
from tests.conftest import ACME, SETUP, new_key
from tests.web.conftest import SignIn, text_of
from tests.web.test_shown_once import KEY

LIST = f"{ACME}/api-access"


def rotation_of(api_key: ApiKey) -> str:
    return f"{LIST}/keys/{api_key.key_id}/rotation"


def asked(**fields: Any) -> dict[str, Any]:
    """Return what the form sends."""
    form = {
        "description": "Okta 2027",
        "expiration": "365-days",
        "expires_on": "",
        "allowed_networks": "",
        "form_token": uuid.uuid4(),
    }
    return form | fields


def chosen(page: str) -> list[str]:
    """Return the expirations that are chosen from the start."""
    return re.findall(r'name="expiration" value="([^"]+)"[^>]* checked>', page)


@pytest.fixture
def old(acme: Organization) -> ApiKey:
    return new_key(acme, description="Okta production").api_key


def test_the_list_offers_to_rotate_a_live_key(old, ana_browser):
    page = ana_browser.get(LIST).content.decode()
    assert f'href="{rotation_of(old)}" data-dialog>Rotate<' in page


def test_the_form_shows_the_type_and_has_no_choice_of_it(old, ana_browser):
    answer = ana_browser.get(rotation_of(old))
    assert answer.status_code == 200
    assert old.hint in text_of(answer)
    assert "Torii SCIM" in text_of(answer)
    assert 'name="kind"' not in answer.content.decode()
    assert 'value="Okta production"' in answer.content.decode()


@pytest.mark.parametrize(
    ("lifetime", "policy", "begins_as"),
    [
        (90, {}, "90-days"),
        (365, {}, "365-days"),
        (400, {}, "400-days"),
        (None, {}, "never"),
        (None, {"key_expiration_required": True, "key_lifetime_days": 60}, "60-days"),
        (90, {"key_expiration_required": True, "key_lifetime_days": 60}, "60-days"),
        (30, {"key_expiration_required": True, "key_lifetime_days": 60}, "30-days"),
        (60, {"key_expiration_required": True, "key_lifetime_days": 60}, "60-days"),
        (1, {}, "1-days"),
    ],
)
def test_the_form_begins_with_a_life_as_long_as_the_old_keys(acme, ana, sign_in, lifetime, policy, begins_as):
    born = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
    with time_machine.travel(born, tick=False):
        expires_on = lifetime and born.date() + dt.timedelta(days=lifetime)
        old = new_key(acme, expires_on=expires_on).api_key
        acme.set_key_policy(by=SETUP, **policy)
        page = sign_in(ana).get(rotation_of(old)).content.decode()
    assert chosen(page) == [begins_as]


def test_a_key_of_an_organization_that_has_moved_lives_for_a_day_at_least(acme, ana, sign_in):
    """Where the organization is now, the key was made on the day on which it expires."""
    acme.edit(domains=acme.domain_names(), time_zone="Pacific/Pago_Pago", by=SETUP)
    with time_machine.travel(dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC), tick=False):
        old = new_key(acme, expires_on=dt.date(2026, 11, 24)).api_key
        acme.edit(domains=acme.domain_names(), time_zone="Pacific/Kiritimati", by=SETUP)
        page = sign_in(ana).get(rotation_of(old)).content.decode()
    assert chosen(page) == ["1-days"]


def test_an_admin_rotates_a_key_and_both_work(acme, ana, old, ana_browser, today, client):
    answer = ana_browser.post(rotation_of(old), asked(description=" Okta 2027 ", delete_when_silent="on"))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    new = acme.api_keys.get(replaces=old)
    assert (new.kind, new.description, new.created_by) == ("scim", "Okta 2027", ana)
    assert new.expires_on == today + dt.timedelta(days=365)
    (shown,) = set(KEY.findall(answer.content.decode()))
    assert client.get("/scim/v2/Users", headers={"Authorization": f"Bearer {shown}"}).status_code == 200
    old.refresh_from_db()
    assert old.is_live(timezone.now())
    assert old.delete_when_silent
    event = Event.objects.get(action=Action.API_KEY_GENERATED, actor_label="Ana Admin")
    assert event.target_id == str(new.pk)
    assert event.changes["replaces"] == old.hint
    assert event.ip == "127.0.0.1"


@pytest.mark.parametrize("kind", ["scim", "api_write"])
@pytest.mark.parametrize("by_itself", [True, False])
def test_the_answer_says_what_to_do_next(acme, ana_browser, kind: str, by_itself: bool):
    old = new_key(acme, kind).api_key
    form = asked(**({"delete_when_silent": "on"} if by_itself else {}))
    words = text_of(ana_browser.post(rotation_of(old), form))
    assert "What to do next" in words
    assert ("In Okta, open your Torii application" in words) == (kind == "scim")
    assert ("Put the key into your script, in place of the old one." in words) == (kind != "scim")
    assert f"The old key, {old.hint} , keeps working" in words
    assert ("is deleted by itself once this one is in use" in words) == by_itself
    assert ("the list says when it is safe to delete" in words) != by_itself


def test_both_routes_to_okta_are_named_where_the_key_goes(old, ana_browser):
    words = text_of(ana_browser.post(rotation_of(old), asked()))
    for name in ("API Token", "Test API Credentials", "Authorization", "Test Connector Configuration", "Save"):
        assert name in words, name


def test_the_networks_of_the_old_key_are_the_new_ones_too_unless_they_are_changed(acme, ana_browser):
    old = new_key(acme, allowed_networks=["203.0.113.0/24", "2001:db8::/32"]).api_key
    page = ana_browser.get(rotation_of(old)).content.decode()
    assert "203.0.113.0/24\n2001:db8::/32</textarea>" in page
    assert '<details class="more field" open>' in page
    ana_browser.post(rotation_of(old), asked(allowed_networks="203.0.113.0/24\r\n198.51.100.7"))
    assert acme.api_keys.get(replaces=old).allowed_networks == ["203.0.113.0/24", "198.51.100.7/32"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"description": " "}, "Write a description"),
        ({"expiration": ""}, "Choose when the key expires."),
        ({"expiration": "20-days"}, "Choose one of these expirations."),
        ({"expiration": "date", "expires_on": "2020-01-01"}, "The expiration date must be in the future."),
        ({"allowed_networks": "home"}, "is no network"),
        ({"form_token": "x"}, "Enter a valid UUID."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(acme, old, ana_browser, fields, error):
    answer = ana_browser.post(rotation_of(old), asked(**fields))
    assert answer.status_code == 422
    assert error in text_of(answer)
    assert acme.api_keys.get() == old


def test_a_form_sent_again_makes_no_second_key(acme, old, ana_browser):
    form = asked()
    first = ana_browser.post(rotation_of(old), form)
    again = ana_browser.post(rotation_of(old), form)
    assert again.status_code == 409
    new = acme.api_keys.get(replaces=old)
    assert "This key was generated before" in text_of(again)
    assert new.hint in text_of(again)
    shown = KEY.search(first.content.decode())
    assert shown
    assert shown[0] not in again.content.decode()
    assert acme.api_keys.count() == 2


def test_a_form_sent_twice_at_once_makes_one_key(acme, old, ana_browser, monkeypatch):
    """Both have looked before either has made a key: the lock lets the second see the first's."""
    form = asked()
    ana_browser.post(rotation_of(old), form)
    answers = iter([None, acme.api_keys.get(replaces=old)])
    monkeypatch.setattr(rotation_view, "made_by", lambda form: next(answers))
    monkeypatch.setattr(rotation_view, "can_be_rotated", lambda api_key: True)
    again = ana_browser.post(rotation_of(old), form)
    assert again.status_code == 409
    assert "This key was generated before" in text_of(again)
    assert acme.api_keys.count() == 2


def test_a_key_that_has_a_successor_leads_to_it(acme, old, ana_browser):
    new = old.rotate(description="Okta 2027", expires_on=None, by=SETUP).api_key
    before = Event.objects.count()
    looked = ana_browser.get(rotation_of(old))
    sent = ana_browser.post(rotation_of(old), asked())
    assert (looked.status_code, sent.status_code) == (200, 409)
    for answer in (looked, sent):
        assert "This key was rotated before" in text_of(answer)
        assert f'href="{LIST}/keys/{new.key_id}"' in answer.content.decode()
    assert acme.api_keys.count() == 2
    assert Event.objects.count() == before
    assert f'href="{rotation_of(old)}"' not in ana_browser.get(LIST).content.decode()


def test_somebody_elses_rotation_at_the_same_moment_is_told(acme, old, ana_browser, monkeypatch):
    new = old.rotate(description="Okta 2027", expires_on=None, by=SETUP).api_key
    looks = iter([True, False])
    monkeypatch.setattr(rotation_view, "can_be_rotated", lambda api_key: next(looks))
    answer = ana_browser.post(rotation_of(old), asked())
    assert answer.status_code == 409
    assert new.hint in text_of(answer)


def test_another_fault_of_the_database_is_not_taken_for_a_rotation(old, ana_browser, monkeypatch):
    def fail(*args: Any, **kwargs: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(ApiKey, "rotate", fail)
    with pytest.raises(IntegrityError):
        ana_browser.post(rotation_of(old), asked())


def test_an_expired_key_leads_to_a_new_one_with_the_same_description(acme, ana_browser):
    with time_machine.travel(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
        old = new_key(acme, "api_write", description="Nightly “sync”", expires_on=dt.date(2026, 2, 1)).api_key
    looked, sent = ana_browser.get(rotation_of(old)), ana_browser.post(rotation_of(old), asked())
    assert (looked.status_code, sent.status_code) == (200, 409)
    for answer in (looked, sent):
        assert "This key has expired" in text_of(answer)
        assert "expired on 1 Feb 2026, 00:00 (UTC)" in text_of(answer)
    assert acme.api_keys.count() == 1
    link = re.search(r'href="([^"]+)" data-dialog>Generate a new key', looked.content.decode())
    assert link
    form = ana_browser.get(link[1]).content.decode()
    assert 'value="Nightly “sync”"' in form
    assert 'value="api_write" required checked' in form


def test_an_expired_successor_has_to_go_first(acme, ana_browser):
    with time_machine.travel(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
        old = new_key(acme).api_key
        new = old.rotate(description="Okta 2", expires_on=dt.date(2026, 2, 1), by=SETUP).api_key
    answer = ana_browser.get(rotation_of(old))
    assert "It has expired meanwhile." in text_of(answer)
    assert f'href="{LIST}/keys/{new.key_id}/deletion"' in answer.content.decode()
    new.delete_key(by=SETUP)
    assert ana_browser.post(rotation_of(old), asked()).status_code == 200


def test_a_deleted_key_is_not_found(old, ana_browser):
    old.delete_key(by=SETUP)
    assert ana_browser.get(rotation_of(old)).status_code == 404
    assert ana_browser.post(rotation_of(old), asked()).status_code == 404


def test_a_key_that_is_deleted_at_the_same_moment_is_told(acme, old, ana_browser, monkeypatch):
    looks = iter([True, False])

    def deleted_after_the_look(api_key: ApiKey) -> bool:
        ApiKey.objects.get(pk=api_key.pk).delete_key(by=SETUP)
        return next(looks)

    monkeypatch.setattr(rotation_view, "can_be_rotated", deleted_after_the_look)
    answer = ana_browser.post(rotation_of(old), asked())
    assert answer.status_code == 409
    assert "This key has been deleted" in text_of(answer)
    assert acme.api_keys.count() == 1


def test_whoever_is_signed_out_comes_back_here_from_the_mail(ana, old, client: Client):
    User.objects.create_user("ana@acme.example", "correct horse battery")
    path = rotation_of(old)
    page = client.get(path, follow=True)
    assert page.redirect_chain == [(f"/accounts/login/?next={path}", 302)]
    assert f'name="next" value="{path}"' in page.content.decode()
    form = {"login": "ana@acme.example", "password": "correct horse battery", "next": path}
    answer = client.post("/accounts/login/", form, follow=True)
    assert answer.redirect_chain[-1][0] == path
    assert "Rotate key" in text_of(answer)


def test_whoever_signs_in_with_a_code_comes_back_here_too(ana, old, client: Client):
    path = rotation_of(old)
    mail.outbox.clear()
    client.post("/accounts/login/code/", {"email": "ana@acme.example", "next": path})
    deliver_mails()
    code = re.search(r"^    (\S+)$", str(mail.outbox[-1].body), re.MULTILINE)
    assert code
    answer = client.post("/accounts/login/code/confirm/", {"code": code[1], "next": path}, follow=True)
    assert answer.redirect_chain[-1][0] == path


@pytest.mark.parametrize("who", ["ira", "rita"])
def test_whoever_may_only_read_rotates_nothing(request, acme, old, sign_in: SignIn, who: str):
    browser = sign_in(request.getfixturevalue(who))
    before = Event.objects.count()
    assert browser.get(rotation_of(old)).status_code == browser.post(rotation_of(old), asked()).status_code == 403
    assert acme.api_keys.get() == old
    assert Event.objects.count() == before
