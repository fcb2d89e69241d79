"""Who gets into the staff admin, and how."""

import pytest
from django.contrib import admin as django_admin
from django.core.cache import cache
from django.test import Client

from members.models import User
from tests.conftest import set_up_second_factor, sign_in_staff
from tests.second_factor import app_code
from tests.staff.conftest import page

MODELS = [f"{model._meta.app_label}.{model.__name__}" for model in django_admin.site._registry]


@pytest.fixture(autouse=True)
def nobody_has_failed_yet():
    """Failed attempts are counted in the cache, and other tests sign in from the same address."""
    cache.clear()
    yield
    cache.clear()


def sign_in_at(client, path, email, password):
    """Follow the way from an admin page to the sign-in and back."""
    to_sign_in = client.get(path, follow=True)
    return client.post(
        to_sign_in.request["PATH_INFO"] + "?" + to_sign_in.request["QUERY_STRING"],
        {"login": email, "password": password},
        follow=True,
    )


def test_staff_sign_in_with_address_password_and_code_and_land_where_they_wanted_to_go(stella):
    client = Client()
    secret = set_up_second_factor(stella)
    asked = sign_in_at(client, page("members.Member"), "Stella@vendor.example", "a password of staff")
    response = client.post(asked.request["PATH_INFO"], {"code": app_code(secret)}, follow=True)
    assert (response.status_code, response.request["PATH_INFO"]) == (200, page("members.Member"))


def test_a_wrong_password_lets_nobody_in(stella):
    client = Client()
    sign_in_at(client, "/admin/", "stella@vendor.example", "another password")
    assert client.get("/admin/").status_code == 302


def test_passwords_cannot_be_tried_without_end(stella):
    client = Client()
    for _ in range(10):
        sign_in_at(client, "/admin/", "stella@vendor.example", "another password")
    response = sign_in_at(client, "/admin/", "stella@vendor.example", "a password of staff")
    assert b"Too many" in response.content
    assert client.get("/admin/").status_code == 302


def test_the_admins_own_sign_in_form_takes_no_password(stella):
    client = Client()
    response = client.post("/admin/login/", {"username": "stella@vendor.example", "password": "a password of staff"})
    assert response.headers["Location"].startswith("/accounts/login/")
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("model", MODELS)
def test_an_organizations_admin_is_no_staff(ana, sign_in, model):
    client = sign_in(ana)
    for path in (page(model), page(model, "add"), page(model, "change", 1)):
        response = client.get(path, follow=True)
        assert response.status_code == 403
        assert response.request["PATH_INFO"] == "/admin/login/"


def test_staff_who_are_deactivated_are_out_at_once(stella, admin):
    assert admin.get("/admin/").status_code == 200
    User.objects.filter(pk=stella.pk).update(is_active=False)
    assert admin.get("/admin/").status_code == 302


def test_staff_without_permissions_see_nothing(db, acme):
    newcomer = User.objects.create_user("new@vendor.example", is_staff=True)
    client = Client()
    sign_in_staff(client, newcomer)
    assert client.get("/admin/").status_code == 200
    for model in MODELS:
        assert client.get(page(model)).status_code == 403


def test_there_is_a_page_for_every_model_that_staff_look_after_and_for_no_other():
    assert sorted(MODELS) == [
        "apikeys.ApiKey",
        "audit.Event",
        "members.Group",
        "members.Job",
        "members.Member",
        "members.Organization",
        "members.Role",
        "members.User",
    ]
