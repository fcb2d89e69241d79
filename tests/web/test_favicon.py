"""The icon of the pages, and the one that browsers ask for by themselves."""

from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client


def test_browsers_find_an_icon_where_they_look_for_one(client: Client):
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/static/favicon")
    assert "max-age" in answer["Cache-Control"]


def test_the_icon_is_one(db):
    path = finders.find("favicon.ico")
    assert isinstance(path, str)
    assert Path(path).read_bytes()[:4] == b"\0\0\1\0"


@pytest.mark.django_db
def test_pages_name_their_icon_and_load_it_from_here(client: Client):
    page = client.get("/accounts/login/").content.decode()
    assert 'href="/static/icon.svg" type="image/svg+xml"' in page
