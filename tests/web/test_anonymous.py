"""A visitor who isn't signed in leaves no row behind until something about them must be remembered."""

import re
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.admindocs.views import extract_views_from_urlpatterns, simplify_regex
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import get_resolver

pytestmark = pytest.mark.django_db

ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def every_path() -> Iterator[str]:
    """Yield a path for each URL that there is, and a few for which there is no page."""
    for _view, regex, _namespace, _name in extract_views_from_urlpatterns(get_resolver().url_patterns):
        yield re.sub(r"<[^>]+>", ID, simplify_regex(str(regex)))
    yield from ("/nosuch", "/static/nosuch.css", "/favicon.ico", "/robots.txt", "/wp-login.php", "/.env", "//", "/%00")


def rows() -> dict[str, int]:
    # A mail that waits goes as soon as it is sent.
    lasting = [model for model in apps.get_models() if model._meta.app_label != "outbox"]
    return {model._meta.label: model._base_manager.count() for model in lasting}


def test_looking_at_any_page_makes_no_row_and_no_session(acme, ana):
    before = rows()
    paths = set(every_path())
    assert len(paths) > 100
    for path in sorted(paths):
        for method in ("GET", "HEAD", "POST"):
            client = Client(raise_request_exception=False)
            response = client.generic(method, path)
            assert response.status_code < 500, (method, path)
            assert settings.SESSION_COOKIE_NAME not in response.cookies, (method, path)
    assert rows() == before


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/accounts/login/", {"login": "nobody@acme.example", "password": "guessed"}),
        ("/accounts/login/code/", {"email": "no address"}),
        ("/accounts/login/code/confirm/", {"code": "guessed"}),
        ("/accounts/password/reset/", {"email": "nobody@acme.example"}),
        ("/accounts/signup/", {"email": "new@acme.example", "password1": "guessed", "password2": "guessed"}),
        ("/admin/login/", {"username": "ana@acme.example", "password": "guessed"}),
    ],
)
def test_nor_does_a_form_that_leads_nowhere(acme, ana, path, form):
    before = rows()
    client = Client()
    assert settings.SESSION_COOKIE_NAME not in client.post(path, form).cookies
    assert rows() == before


def test_a_wrong_password_for_a_member_leaves_an_event_and_nothing_else(acme, ana):
    before = rows()
    for _ in range(3):
        client = Client()
        client.post("/accounts/login/", {"login": "ana@acme.example", "password": "guessed"})
        assert settings.SESSION_COOKIE_NAME not in client.cookies
    assert rows() == before | {"audit.Event": before["audit.Event"] + 1}


def test_a_session_that_has_ended_is_not_begun_again_by_looking(acme, ana):
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32
    for path in ("/accounts/login/", "/settings/", "/nosuch"):
        client.get(path)
    assert not Session.objects.exists()


def test_a_visitor_who_awaits_a_code_is_remembered(acme, ana):
    client = Client()
    client.post("/accounts/login/code/", {"email": "ana@acme.example"})
    assert Session.objects.count() == 1
