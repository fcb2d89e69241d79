"""A form in another charset than UTF-8 is a 400 at every page, and none is a 500."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.server import web_server

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "t" * 32
PAGES = ("/accounts/login/", "/accounts/login/code/", "/settings/", "/admin/", "/nothing")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x")


@pytest.fixture(scope="module")
def client(django_db_setup: Any) -> Iterator[httpx2.Client]:
    with web_server() as url, httpx2.Client(base_url=url, timeout=30) as client:
        yield client


def send(client: httpx2.Client, path: str, media_type: str) -> int:
    body = f"csrfmiddlewaretoken={TOKEN}&email=a%40b.example&login=x"
    headers = {"Content-Type": media_type, "Cookie": f"csrftoken={TOKEN}"}
    return client.post(path, content=body, headers=headers).status_code


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "latin-1", "rot13", "hex", "idna", "punycode", "utf8"])
def test_another_charset_is_refused(client: httpx2.Client, form: str, charset: str) -> None:
    for path in PAGES:
        assert send(client, path, f"{form}; charset={charset}") == 400, path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"'])
def test_utf_8_is_none_other(client: httpx2.Client, form: str, charset: str) -> None:
    for path in PAGES:
        assert send(client, path, f"{form}; charset={charset}") in (200, 302, 403, 404), path
