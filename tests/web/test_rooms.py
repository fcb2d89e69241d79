"""Who gets into which room of the settings, and what strangers see."""

import re
from uuid import uuid4

import pytest
from django.test import Client

from audit.models import Event
from members.models import Member, Organization
from tests.conftest import ACME, GLOBEX, SETUP, new_key
from tests.web.conftest import SignIn, text_of

ROOMS = {f"{ACME}/security": "Security", f"{ACME}/api-access": "API Access", f"{ACME}/members": "Members"}


def links_of_navigation(page: str) -> list[str]:
    navigation = re.search(r'<nav class="nav".*?</nav>', page, re.DOTALL)
    return re.findall(r'href="([^"]+)"', navigation[0]) if navigation else []


@pytest.mark.parametrize(
    ("who", "rooms"),
    [
        ("ana", list(ROOMS)),
        ("ira", list(ROOMS)),
        ("rita", list(ROOMS)),
        ("paul", [f"{ACME}/members"]),
    ],
)
def test_the_navigation_has_the_rooms_that_the_role_may_see(request, sign_in: SignIn, who: str, rooms: list[str]):
    browser = sign_in(request.getfixturevalue(who))
    landing = browser.get("/settings/", follow=True)
    assert landing.redirect_chain == [(f"{ACME}/", 302), (rooms[0], 302)]
    assert links_of_navigation(browser.get(rooms[0]).content.decode()) == rooms
    for path in ROOMS:
        assert browser.get(path).status_code == (200 if path in rooms else 403)


def test_a_role_that_sees_one_of_the_two_tabs_gets_no_tabs(acme: Organization, paul: Member, sign_in: SignIn):
    role = acme.roles.create(name="Key watcher", access={"api_access": "read"})
    Member.objects.filter(pk=paul.pk).update(role=role)
    page = sign_in(paul).get(f"{ACME}/api-access").content.decode()
    assert links_of_navigation(page) == [f"{ACME}/api-access"]
    assert 'class="tabs"' not in page


def test_an_employee_is_told_that_there_are_no_settings_for_them(emil: Member, sign_in: SignIn):
    answer = sign_in(emil).get(f"{ACME}/")
    assert answer.status_code == 403
    assert "Your role, Employee, gives no access" in text_of(answer)
    assert "Sign out" in text_of(answer)
    assert links_of_navigation(answer.content.decode()) == []


@pytest.mark.parametrize("path", ROOMS)
def test_a_page_that_the_role_does_not_permit_says_so(emil: Member, sign_in: SignIn, path: str):
    answer = sign_in(emil).get(path)
    assert answer.status_code == 403
    assert f"Your role, Employee, may not read in {ROOMS[path]}." in text_of(answer)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/settings/", *ROOMS, f"{ACME}/api-access/keys/new", f"{ACME}/members/new"])
def test_a_stranger_is_asked_to_sign_in(client: Client, path: str):
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next={path}"


def test_a_user_without_a_membership_can_only_sign_out(ana: Member, sign_in: SignIn, ira: Member):
    browser = sign_in(ira)
    ira.deactivate(by=SETUP)
    answer = browser.get(f"{ACME}/members")
    assert answer.status_code == 403
    assert "ira@acme.example is signed in, but isn’t an active member" in text_of(answer)
    assert 'action="/accounts/logout/"' in answer.content.decode()
    assert links_of_navigation(answer.content.decode()) == []


def test_eve_finds_nothing_of_acme(eve: Member, ana: Member, ira: Member, acme: Organization, sign_in: SignIn):
    api_key = new_key(acme, description="Acme's own").api_key
    browser = sign_in(eve)
    before = Event.objects.count()
    paths = [
        f"/members/{ira.pk}",
        f"/members/{ira.pk}/role",
        f"/members/{ira.pk}/deactivation",
        f"/members/{ira.pk}/reactivation",
        f"/api-access/keys/{api_key.key_id}",
        f"/api-access/keys/{api_key.key_id}/rotation",
        f"/api-access/keys/{api_key.key_id}/origins",
        f"/api-access/keys/{api_key.key_id}/deletion",
    ]
    for path in [f"{start}{path}" for start in (ACME, GLOBEX) for path in paths]:
        posted = browser.post(path, {"role": acme.roles.get(name="Admin").pk})
        assert posted.status_code == 404, path
        read = browser.get(path, follow=True)
        assert read.status_code == 404, path
        for answer in (posted, read):
            assert "Acme" not in answer.content.decode()
    for path in ROOMS:
        page = browser.get(path.replace(ACME, GLOBEX)).content.decode()
        assert "Globex" in page
        assert "Acme" not in page
        assert "acme.example" not in page
    ira.refresh_from_db()
    api_key.refresh_from_db()
    assert ira.is_active
    assert ira.role.name == "IT Admin"
    assert api_key.deleted_at is None
    assert Event.objects.count() == before


def test_eve_cannot_give_a_role_of_acme(eve: Member, globex: Organization, acme: Organization, sign_in: SignIn):
    browser = sign_in(eve)
    foreign = acme.roles.get(name="Read Only").pk
    answer = browser.post(f"{GLOBEX}/members/new", {"email": "new@globex.example", "role": foreign})
    assert answer.status_code == 422
    assert not globex.members.filter(user_name="new@globex.example").exists()


def test_what_does_not_exist_is_a_404_in_the_frame(ana_browser: Client):
    for path in (f"{ACME}/nothing", f"{ACME}/members/{uuid4()}", f"{ACME}/api-access/keys/abcd1234/deletion"):
        answer = ana_browser.get(path)
        assert answer.status_code == 404
        assert "There is no page here" in text_of(answer)
        assert links_of_navigation(answer.content.decode()) == list(ROOMS)


def test_a_form_without_its_token_is_refused_with_a_page(ana: Member, sign_in: SignIn):
    browser = sign_in(ana)
    browser.handler.enforce_csrf_checks = True
    answer = browser.post(f"{ACME}/security/scim/activation")
    assert answer.status_code == 403
    assert "The form was open for too long" in text_of(answer)


def test_an_error_of_ours_is_a_page_that_stands_alone(ana: Member, sign_in: SignIn, monkeypatch):
    browser = sign_in(ana)
    browser.raise_request_exception = False
    monkeypatch.setattr("members.views.home.rooms_of", lambda member: 1 / 0)
    answer = browser.get(f"{ACME}/")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in text_of(answer)
    assert "ZeroDivisionError" not in answer.content.decode()
