"""Users in the staff admin."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Permission
from django.test import Client

from members.models import User
from tests.conftest import sign_in_staff
from tests.staff.conftest import page, rows

USER = "members.User"
GOOD = "correct horse battery"


@pytest.fixture
def uwe(db):
    return User.objects.create_user("uwe@acme.example", first_name="Uwe", last_name="User")


@pytest.fixture
def helper(db):
    """Return a browser of a member of the staff who has every permission but is no superuser."""
    user = User.objects.create_user("helper@vendor.example", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    client = Client()
    sign_in_staff(client, user)
    return client


def change(user, **changes):
    """Return what a browser sends of the form of a user."""
    own = {"first_name": user.first_name, "last_name": user.last_name, "is_active": "on"}
    members = list(user.memberships.values_list("pk", flat=True))
    lines = {f"memberships-{number}-id": str(pk) for number, pk in enumerate(members)}
    lines |= {f"memberships-{name}_FORMS": str(len(members)) for name in ("TOTAL", "INITIAL")}
    data = own | lines | changes
    return {name: value for name, value in data.items() if value is not None}


def test_users_are_found_by_the_beginning_of_their_address_in_whatever_case(admin, stella, uwe):
    assert rows(admin.get(page(USER), {"q": "UWE@"})) == [uwe]
    assert rows(admin.get(page(USER), {"q": "acme"})) == []
    assert rows(admin.get(page(USER), {"is_staff__exact": "1"})) == [stella]


def test_a_user_is_added_with_a_password(admin, db):
    data = {"email": "New@vendor.example", "usable_password": "true", "password1": GOOD, "password2": GOOD}
    response = admin.post(page(USER, "add"), data | {"is_staff": "on"})
    assert response.status_code == 302
    user = User.objects.get(email="new@vendor.example")
    assert (user.is_staff, user.is_superuser, user.is_active) == (True, False, True)
    assert authenticate(email="new@vendor.example", password=GOOD) == user


def test_a_user_is_added_without_a_password(admin, db):
    response = admin.post(page(USER, "add"), {"email": "new@vendor.example", "usable_password": "false"})
    assert response.status_code == 302
    assert not User.objects.get(email="new@vendor.example").has_usable_password()


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [("UWE@acme.example", GOOD, "email"), ("new@vendor.example", "password123", "password2")],
)
def test_what_is_wrong_with_a_new_user_is_said_beside_the_field(admin, uwe, email, password, field):
    data = {"email": email, "usable_password": "true", "password1": password, "password2": password}
    response = admin.post(page(USER, "add"), data)
    assert list(response.context["adminform"].form.errors) == [field]


def test_the_address_of_a_user_stays(admin, uwe):
    assert admin.post(page(USER, "change", uwe.pk), change(uwe, email="stella2@vendor.example")).status_code == 302
    uwe.refresh_from_db()
    assert uwe.email == "uwe@acme.example"


def test_rights_are_given_and_taken(admin, uwe):
    permission = Permission.objects.get(codename="view_member")
    admin.post(page(USER, "change", uwe.pk), change(uwe, is_staff="on", user_permissions=[permission.pk]))
    uwe.refresh_from_db()
    assert (uwe.is_staff, uwe.is_active) == (True, True)
    assert uwe.has_perm("members.view_member")
    admin.post(page(USER, "change", uwe.pk), change(uwe, is_active=None))
    uwe.refresh_from_db()
    assert (uwe.is_staff, uwe.is_active) == (False, False)


def test_only_permissions_that_a_page_asks_for_are_offered(admin, uwe):
    field = admin.get(page(USER, "change", uwe.pk)).context["adminform"].form.fields["user_permissions"]
    models = {permission.content_type.model for permission in field.queryset}
    assert models == {"apikey", "event", "group", "job", "member", "organization", "role", "user"}


def test_a_password_is_set(admin, uwe):
    path = f"{page(USER, 'change', uwe.pk).removesuffix('change/')}password/"
    assert admin.get(path).status_code == 200
    admin.post(path, {"usable_password": "true", "password1": GOOD, "password2": GOOD})
    assert authenticate(email="uwe@acme.example", password=GOOD) == uwe


def test_memberships_are_shown_and_stay(admin, ana, uwe):
    ana.user = uwe
    ana.save()
    shown = admin.get(page(USER, "change", uwe.pk)).text
    assert "ana@acme.example" in shown
    assert "Acme" in shown
    hacked = {"memberships-0-user_name": "other@acme.example", "memberships-0-DELETE": "on"}
    assert admin.post(page(USER, "change", uwe.pk), change(uwe, **hacked)).status_code == 302
    assert uwe.memberships.get().user_name == "ana@acme.example"


def test_a_user_is_never_deleted(admin, uwe):
    assert admin.post(page(USER, "delete", uwe.pk), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=uwe.pk).exists()


def test_whoever_is_no_superuser_makes_nobody_one(helper, uwe, stella):
    assert helper.get(page(USER, "change", stella.pk)).status_code == 200
    assert helper.post(page(USER, "change", uwe.pk), change(uwe, is_superuser="on")).status_code == 403
    password = f"{page(USER, 'change', stella.pk).removesuffix('change/')}password/"
    assert helper.post(password, {"password1": GOOD, "password2": GOOD}).status_code == 403
    assert helper.get(page(USER, "add")).status_code == 403
    assert User.objects.filter(is_superuser=True).get() == stella
    assert not authenticate(email=stella.email, password=GOOD)


def test_whoever_may_only_look_is_shown_pages_that_change_nothing(db, acme, ana):
    looker = User.objects.create_user("looker@vendor.example", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    sign_in_staff(client, looker)
    objects = {"members.Organization": acme, "members.Member": ana, "members.Role": acme.roles.named("Admin")}
    for model, shown in objects.items():
        path = page(model, "change", shown.pk)
        assert client.get(path).status_code == 200
        assert client.post(path, {}).status_code == 403
        assert client.get(page(model, "add")).status_code == 403
    dialog = f"{page('members.Organization', 'change', acme.pk).removesuffix('change/')}turn_scim_off/"
    assert client.post(dialog, {"_form_submitted": "True"}).status_code == 403
    acme.refresh_from_db()
    assert acme.scim_enabled
