"""manage.py seed_demo."""

import pytest
from django.contrib.auth import authenticate

from apikeys.models import ApiKey
from audit.models import Event
from members import demo
from members.models import Member, Organization, User
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


def test_the_visitor_turns_scim_on_and_generates_the_first_key(in_demo_mode, run):
    run("seed_demo")
    assert not Organization.objects.get().scim_enabled
    assert not ApiKey.objects.exists()


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
