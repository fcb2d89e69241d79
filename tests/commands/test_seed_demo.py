"""manage.py seed_demo."""

import pytest
from django.contrib.auth import authenticate
from django.utils import timezone

from apikeys.models import ApiKey, KnownOrigin
from audit.models import Event
from members import demo
from members.models import Member, Organization, User
from outbox.models import OutgoingMail
from tests.conftest import SETUP


@pytest.fixture
def in_demo_mode(db, settings):
    settings.DEMO = True
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "members.demo.DemoBackend"]


def test_outside_the_demo_it_refuses(db, run, settings):
    settings.DEMO = False
    told = run("seed_demo")
    assert "DEMO=1" in told.error
    assert not User.objects.exists()
    assert not Organization.objects.exists()


def test_acme_has_members_in_every_role(in_demo_mode, run):
    run("seed_demo")
    acme = Organization.objects.get()
    assert acme.domain_names() == ["acme.example", "example.com"]
    assert set(acme.members.values_list("role__name", flat=True)) == set(acme.roles.values_list("name", flat=True))
    assert acme.roles.filter(is_predefined=False).count() == 1
    assert acme.members.active().filter(role__name="Employee").count() >= 3
    assert acme.members.exclude(deactivated_at=None).count() == 1
    assert acme.members.get(user_name="ana@acme.example").full_name == "Ana Admin"


def test_there_are_keys_in_every_state(in_demo_mode, run):
    run("seed_demo")
    acme, now = Organization.objects.get(), timezone.now()
    assert acme.scim_enabled
    keys = acme.api_keys.existing()
    assert {key.status(now) for key in keys} == set(ApiKey.Status)
    assert {key.kind for key in keys} == set(ApiKey.Kind)
    assert acme.api_keys.exclude(deleted_at=None).count() == 1
    assert {key.last_used_at is None for key in keys} == {True, False}
    assert keys.filter(expires_at=None).exists()
    assert [key.replaces.description for key in keys if key.replaces] == ["HR export"]
    assert all(key.created_at <= (key.first_used_at or now) for key in keys)


def test_there_are_two_groups_and_a_request_that_was_refused(in_demo_mode, run):
    run("seed_demo")
    acme = Organization.objects.get()
    assert {group.display_name: group.members.count() for group in acme.groups.all()} == {
        "Engineering": 3,
        "Finance": 2,
    }
    refused = KnownOrigin.objects.filter(refused=True)
    assert {origin.api_key.organization for origin in refused} == {acme}


def test_the_list_of_keys_shows_them_all(in_demo_mode, run, sign_in):
    run("seed_demo")
    browser = sign_in(Member.objects.get(user_name=demo.ADMIN_EMAIL))
    page = browser.get("/settings/api-access", follow=True).content.decode()
    for words in ("Live", "Expires soon", "Expired", "by the command line", "Okta production", "HR export"):
        assert words in page


def test_one_line_says_how_the_others_sign_in_and_that_is_true(in_demo_mode, run, client):
    told = run("seed_demo")
    [line] = [line for line in told.out.splitlines() if "The others" in line]
    assert "ira@acme.example, IT Admin" in line
    assert "var/mail" in line
    assert "emil@acme.example" not in line
    client.post("/accounts/login/code/", {"email": "ira@acme.example"})
    assert OutgoingMail.objects.filter(recipient="ira@acme.example").exists()


def test_it_says_how_to_sign_in_and_that_is_true(in_demo_mode, run):
    told = run("seed_demo")
    for text in ("http://localhost/settings/", "http://localhost/admin/", demo.ADMIN_EMAIL, demo.STAFF_EMAIL):
        assert text in told.out
    assert f"password: {demo.PASSWORD}" in told.out
    ana = authenticate(email=demo.ADMIN_EMAIL, password=demo.PASSWORD)
    staff = authenticate(email=demo.STAFF_EMAIL, password=demo.PASSWORD)
    assert ana == User.objects.get(is_staff=False)
    assert staff == User.objects.get(is_staff=True, is_superuser=True)


def test_the_password_is_in_no_database(in_demo_mode, run):
    run("seed_demo")
    assert not any(user.has_usable_password() for user in User.objects.all())


def test_run_again_it_changes_nothing(in_demo_mode, run):
    first = run("seed_demo")
    organization = Organization.objects.get()
    organization.edit(name="Renamed", domains=["acme.example"], by=SETUP)
    organization.members.get(user_name="egon@example.com").remove(by=SETUP)
    before = (Member.objects.count(), User.objects.count(), Event.objects.count())
    assert run("seed_demo").out == first.out
    assert Organization.objects.get().name == "Renamed"
    assert (Member.objects.count(), User.objects.count(), Event.objects.count()) == before
