"""Whoever is erased is named nowhere any more, and what they did is still in the log."""

import io
import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.core import serializers
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from apikeys.models import Notice
from audit.models import Action, Event
from members.directory import DirectoryProfile
from members.erasure import erase_person
from members.errors import BeyondPower, LastAdmin, NobodyToErase, OwnErasure
from members.models import Member, NewAdmin, Organization, User
from outbox.models import OutgoingMail
from tests.conftest import ACME, GLOBEX, SETUP, new_key, once_an_admin, person
from tests.security.conftest import HOME, PASSWORD, at, text_of, try_password
from tests.web.conftest import SignIn

BOB = "bob@acme.example"
# Each is in no other word of the tests' data.
TRACES = ("bob@acme", "zebulon", "quixäno", "ex-4711", "kuno")


def everything() -> Iterable[tuple[str, str]]:
    """Return each row of the database as text, with the name of its table; what waits in sessions is their own."""
    for model in apps.get_models():
        if model._meta.label != "sessions.Session":
            for row in model._base_manager.all():
                text = serializers.serialize("json", [row])
                yield model._meta.label, json.dumps(json.loads(text), ensure_ascii=False).casefold()


def traces() -> list[tuple[str, str]]:
    """Return the tables in which something of Bob is left, and what."""
    return [(table, trace) for table, text in everything() for trace in TRACES if trace in text]


@pytest.fixture
def bob(acme: Organization, ana: Member, emil: Member) -> Member:
    """Bob, of whom there is something in every table that holds people."""
    profile = DirectoryProfile(
        BOB,
        external_id="EX-4711",
        given_name="Zebulon",
        family_name="Quixäno",
        display_name="Zebulon Quixäno",
        role_name="Admin",
    )
    bob = Member.add(acme, profile, source=Member.Source.SCIM, by=new_key(acme).api_key.actor())
    browser = at(HOME)
    User.objects.create_user(BOB, PASSWORD, first_name="Zebulon")
    try_password(browser, PASSWORD, BOB)
    browser.get("/settings/")
    try_password(at(HOME), "wrong", BOB)
    key = new_key(acme, "api_write", by=once_an_admin(bob)).api_key
    acme.disable_scim(by=once_an_admin(bob))
    acme.enable_scim(by=once_an_admin(bob))
    acme.set_key_policy(reminder_contact=BOB, by=SETUP)
    for row in (bob, User.objects.get(email=BOB)):
        LogEntry.objects.log_actions(User.objects.get(email=BOB).pk, [row], 2, "", single_object=True)
    LogEntry.objects.update(user=User.objects.create_superuser("stella@vendor.example", PASSWORD))
    now = timezone.now()
    Notice.objects.add(key, Notice.Kind.GENERATED, [BOB], now=now, details={"by": "Zebulon Quixäno"})
    Notice.objects.add(key, Notice.Kind.MONTH, [BOB, "ana@acme.example"], now=now, details={"by": "Zebulon Quixäno"})
    Notice.objects.filter(kind="generated").update(sent_at=now, failure=f"250 <{BOB}> OK")
    other = DirectoryProfile(emil.user_name, attributes={"manager": {"displayName": "Zebulon Quixäno"}})
    Member.update_from_directory(acme, emil.pk, lambda _: other, by=SETUP)
    profile.display_name, profile.family_name, profile.given_name = "Kuno", "Kuno", "Zebulon"
    Member.update_from_directory(acme, bob.pk, lambda _: profile, by=SETUP)
    OutgoingMail.objects.write_down([EmailMessage("Kuno", f"Kuno ({BOB})", to=[BOB, "ana@acme.example"])])
    bob.refresh_from_db()
    return bob


def test_there_is_something_of_bob_everywhere(bob: Member):
    tables = {table for table, _ in traces()}
    assert tables >= {
        "members.Organization",
        "members.Member",
        "members.MemberEmail",
        "members.User",
        "admin.LogEntry",
        "members.NewAdmin",
        "apikeys.ApiKey",
        "apikeys.Notice",
        "audit.Event",
        "outbox.OutgoingMail",
    } - ({"members.MemberEmail"} if not bob.email_rows.exists() else set())


@pytest.mark.parametrize("has_left", [False, True])
def test_nothing_of_who_is_erased_is_left(acme: Organization, ana: Member, bob: Member, has_left: bool):
    if has_left:
        bob.remove(by=SETUP)
        assert traces()
    number = acme.events.count()
    pseudonym = erase_person(acme, BOB.upper(), by=ana.actor())
    assert traces() == []
    assert acme.events.count() == number + (1 if has_left else 3) or has_left is False
    event = acme.events.get(action=Action.PERSON_ERASED)
    assert (event.changes, event.target_label, event.actor_label) == ({"person": pseudonym}, "Acme", "Ana Admin")
    assert acme.api_keys.get(kind="api_write").created_by_label == pseudonym
    assert acme.events.get(action=Action.MEMBER_CREATED, target_id=str(bob.pk)).target_label == pseudonym
    assert set(acme.events.filter(actor_id=str(bob.pk)).values_list("actor_label", "ip")) == {(pseudonym, None)}
    assert not NewAdmin.objects.exists()
    assert not User.objects.filter(email=BOB).exists()


def test_the_log_is_append_only_again(acme: Organization, ana: Member, bob: Member):
    erase_person(acme, BOB, by=ana.actor())
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        Event._base_manager.update(target_label="")


def test_what_the_log_says_of_others_stays_as_it_is(acme: Organization, ana: Member, ira: Member, bob: Member):
    ira.change_role(acme.roles.get(name="Procurement"), by=ana.actor())
    others = acme.events.exclude(actor_id=str(bob.pk)).exclude(target_id=str(bob.pk))
    before = list(others.exclude(changes__icontains="bob").values())
    erase_person(acme, BOB, by=ana.actor())
    kept = {event["id"]: event for event in others.values()}
    assert all(kept[event["id"]] == event for event in before)


def test_another_organization_keeps_what_it_has(acme: Organization, globex: Organization, ana: Member, bob: Member):
    globex.approved_domains.create(domain="acme.example")
    person(globex, BOB, "Zebulon Elsewhere")
    erase_person(acme, BOB, by=ana.actor())
    assert globex.events.get(action=Action.MEMBER_CREATED).target_label == BOB
    assert globex.members.filter(user_name=BOB).exists()
    assert User.objects.filter(email=BOB).exists()
    assert OutgoingMail.objects.filter(recipient=BOB).exists()


def test_a_successor_stays_when_who_had_the_address_before_goes(acme: Organization, ana: Member, bob: Member):
    bob.remove(by=SETUP)
    successor = person(acme, BOB, "Bea Behind")
    erase_person(acme, BOB, by=ana.actor(), keep_member=True)
    assert acme.members.get(user_name=BOB).pk == successor.pk
    assert acme.events.get(target_id=str(successor.pk)).target_label == BOB
    # Mails that wait go to whoever has the address now; they are gone within days.
    assert {trace for table, trace in traces() if table != "outbox.OutgoingMail"} == {"bob@acme"}
    assert not acme.events.filter(target_id=str(bob.pk), target_label=BOB).exists()


def test_a_longer_address_is_somebody_elses(acme: Organization, ana: Member, bob: Member):
    person(acme, "big-bob@acme.example", "Big Else")
    erase_person(acme, BOB, by=ana.actor())
    assert acme.events.filter(target_label="big-bob@acme.example").exists()


@pytest.mark.parametrize("keep_member", [False, True])
def test_only_who_is_known_can_be_erased(acme: Organization, ana: Member, keep_member: bool):
    with pytest.raises(NobodyToErase):
        erase_person(acme, "nobody@acme.example", by=ana.actor(), keep_member=keep_member)
    with pytest.raises(NobodyToErase):
        erase_person(acme, "ana@acme.example", by=SETUP, keep_member=True)


def test_nobody_erases_themselves_nor_the_last_admin(acme: Organization, ana: Member):
    with pytest.raises(OwnErasure):
        erase_person(acme, ana.user_name, by=ana.actor())
    with pytest.raises(LastAdmin):
        erase_person(acme, ana.user_name, by=SETUP)
    assert acme.members.filter(pk=ana.pk).exists()


@pytest.mark.parametrize("has_left", [False, True])
def test_who_is_no_admin_erases_nobody(acme: Organization, ira: Member, ana: Member, bob: Member, has_left: bool):
    if has_left:
        bob.remove(by=SETUP)
    with pytest.raises(BeyondPower):
        erase_person(acme, BOB, by=ira.actor())
    assert acme.members.filter(pk=bob.pk).exists() is not has_left
    assert acme.events.filter(target_label=BOB).exists()


def test_a_fault_half_way_changes_nothing(acme: Organization, ana: Member, bob: Member, monkeypatch):
    def fail(*args: Any, **kwargs: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr("members.erasure.forget_login", fail)
    with pytest.raises(IntegrityError):
        erase_person(acme, BOB, by=ana.actor())
    assert acme.members.filter(pk=bob.pk).exists()
    assert acme.events.filter(target_label=BOB).exists()


def test_an_admin_erases_a_member_on_their_page(acme: Organization, ana: Member, bob: Member, sign_in: SignIn):
    browser = sign_in(ana)
    path = f"{ACME}/members/{bob.pk}/erasure"
    assert path in browser.get(f"{ACME}/members/{bob.pk}", follow=True).content.decode()
    wrong = browser.post(path, {"address": "ira@acme.example"})
    assert wrong.status_code == 422
    assert "This isn’t the address of Kuno" in text_of(wrong)
    answer = browser.post(path, {"address": BOB}, follow=True)
    assert "Erased. The audit log now says “erased person " in text_of(answer)
    assert traces() == []


def test_an_admin_erases_somebody_who_has_left(acme: Organization, ana: Member, bob: Member, sign_in: SignIn):
    browser = sign_in(ana)
    assert f"{ACME}/members/erasure" in browser.get(f"{ACME}/members").content.decode()
    there = browser.post(f"{ACME}/members/erasure", {"address": ana.user_name})
    assert "Nobody who could be erased" in text_of(there)
    bob.remove(by=SETUP)
    browser.post(f"{ACME}/members/erasure", {"address": BOB})
    assert traces() == []


@pytest.mark.parametrize("address", ["", "nonsense", "x" * 400 + "@acme.example", "bob\x00@acme.example"])
def test_what_is_no_address_is_said_beside_the_field(ana: Member, sign_in: SignIn, address: str):
    answer = sign_in(ana).post(f"{ACME}/members/erasure", {"address": address})
    assert answer.status_code == 422
    assert 'id="id_address_error"' in answer.content.decode() or "errorlist" in answer.content.decode()


def test_nobody_else_is_offered_it(acme: Organization, ira: Member, bob: Member, eve: Member, sign_in: SignIn):
    browser = sign_in(ira)
    assert "erasure" not in browser.get(f"{ACME}/members").content.decode()
    for path in (f"{ACME}/members/erasure", f"{ACME}/members/{bob.pk}/erasure"):
        assert browser.post(path, {"address": BOB}).status_code == 403
    assert sign_in(eve).post(f"{ACME}/members/{bob.pk}/erasure", {"address": BOB}).status_code == 404
    answer = sign_in(eve).post(f"{GLOBEX}/members/erasure", {"address": BOB})
    assert "Nobody who could be erased" in text_of(answer)
    assert acme.members.filter(pk=bob.pk).exists()


def test_a_command_erases_a_person_everywhere(acme: Organization, globex: Organization, ana: Member, bob: Member):
    globex.approved_domains.create(domain="acme.example")
    person(globex, BOB, "Zebulon Elsewhere")
    out = io.StringIO()
    call_command("erase_person", BOB, "--yes", stdout=out)
    assert {line.split(" ", 1)[0] for line in out.getvalue().splitlines()} == {acme.public_id, globex.public_id}
    assert traces() == []


def test_the_command_asks_first(acme: Organization, bob: Member, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("builtins.input", lambda prompt: "bob")
    with pytest.raises(CommandError, match="Nobody was erased"):
        call_command("erase_person", BOB)
    assert acme.members.filter(pk=bob.pk).exists()


def test_the_command_says_what_it_can_not_do(acme: Organization, ana: Member):
    with pytest.raises(CommandError, match="No organization knows"):
        call_command("erase_person", "nobody@acme.example", "--yes")
    with pytest.raises(CommandError, match="needs --organization"):
        call_command("erase_person", BOB, "--former", "--yes")
    with pytest.raises(CommandError, match="without an Admin"):
        call_command("erase_person", ana.user_name, "--organization", acme.public_id, "--yes")


def test_the_page_weighs_little(ana: Member, sign_in: SignIn):
    assert len(sign_in(ana).get(f"{ACME}/members/erasure").content) < 30_000


def test_a_browser_that_is_signed_out_is_asked_to_sign_in(ana: Member):
    assert Client().post(f"{ACME}/members/erasure", {"address": BOB}).status_code == 302
