"""manage.py create_organization."""

import io

import pytest
from django.contrib.auth import authenticate

from audit.models import Action, Event
from members.models import Member, Organization, User

ACME = ("create_organization", "Acme", "--domain", "acme.example", "--admin-email", "Ana@acme.example")
GOOD = "correct horse battery"


@pytest.fixture
def type_password(monkeypatch):
    """Return a function that puts a line on standard input."""

    def type_line(line):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{line}\n"))

    return type_line


def nothing_is_there():
    return not (Organization.objects.exists() or Member.objects.exists() or User.objects.exists())


def test_it_prints_the_organization_id_and_nothing_else(db, run):
    told = run(*ACME)
    assert told.out == f"{Organization.objects.get().public_id}\n"
    assert "Ana@acme.example signs in at http://localhost/accounts/login/ with a code" in told.err
    assert "Others sign in there with a code sent by e-mail" in told.err


def test_the_organization_is_whole(db, run):
    run(*ACME, "--domain", "acme.test", "--time-zone", "Europe/Berlin")
    organization = Organization.objects.get()
    assert (organization.name, organization.time_zone) == ("Acme", "Europe/Berlin")
    assert organization.domain_names() == ["acme.example", "acme.test"]
    assert organization.roles.filter(is_predefined=True).count() == 5
    assert not organization.scim_enabled


def test_the_first_admin_is_an_admin_by_name(db, run):
    run(*ACME, "--admin-first-name", "Ana", "--admin-last-name", "Admin")
    ana = Member.objects.get()
    assert (ana.user_name, ana.full_name, ana.role.name) == ("Ana@acme.example", "Ana Admin", "Admin")
    assert ana.is_active
    assert not User.objects.exists()


def test_what_it_did_is_in_the_audit_log(db, run):
    run(*ACME)
    events = Event.objects.order_by("id").values_list("action", "actor_kind", "actor_label")
    assert list(events) == [
        (Action.ORGANIZATION_CREATED, "system", "the command line"),
        (Action.MEMBER_CREATED, "system", "the command line"),
    ]


def test_with_a_password_the_admin_signs_in_by_it(db, run, type_password):
    type_password(GOOD)
    told = run(*ACME, "--admin-password-stdin")
    assert authenticate(email="ana@acme.example", password=GOOD) == User.objects.get()
    assert not User.objects.get().is_staff
    assert GOOD not in told.out + told.err
    assert "with the password" in told.err


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "at least 12 characters"),
        ("", "first line of standard input is empty"),
        ("ana@acme.example", "made of your address or name"),
    ],
)
def test_a_bad_password_leaves_nothing_behind(db, run, type_password, password, reason):
    type_password(password)
    told = run(*ACME, "--admin-password-stdin")
    assert reason in told.error
    assert told.out == ""
    assert nothing_is_there()


def test_somebody_who_signs_in_already_keeps_their_password(db, run, type_password):
    User.objects.create_user("ana@acme.example", "an older password")
    type_password(GOOD)
    told = run(*ACME, "--admin-password-stdin")
    assert "leave out --admin-password-stdin" in told.error
    assert authenticate(email="ana@acme.example", password="an older password")
    assert not Organization.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--admin-email", "ana@elsewhere.example"), "which this organization has not approved"),
        (("--admin-email", "ana"), "is not an e-mail address"),
        (("--time-zone", "Europe/Nowhere"), "use a name such as Europe/Berlin"),
        (("--domain", "https://acme.example"), "Write the domain alone"),
    ],
)
def test_what_is_wrong_is_said_and_leaves_nothing_behind(db, run, arguments, reason):
    told = run(*ACME, *arguments)
    assert reason in told.error
    assert told.out == ""
    assert nothing_is_there()
    assert not Event.objects.exists()


def test_a_domain_and_an_admin_are_asked_for(db, run):
    assert "--domain, --admin-email" in run("create_organization", "Acme").error
