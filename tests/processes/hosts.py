"""Who calls a web server that runs in another process: an identity provider, and a signed-in browser."""

import re
from html import unescape
from typing import Any

import httpx2
from django.conf import settings
from django.test import Client

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


def identity_provider(address: str, key: str, **headers: str) -> httpx2.Client:
    """Return a client that calls the SCIM API of the server at `address` with a key."""
    own = {"Authorization": f"Bearer {key}", "Content-Type": "application/scim+json"}
    return httpx2.Client(base_url=f"{address}/scim/v2", headers=own | headers, timeout=30)


def browser(address: str, signed_in: Client) -> httpx2.Client:
    """Return a browser at the server at `address`, in the session of a test client."""
    session = signed_in.cookies[settings.SESSION_COOKIE_NAME].value
    return httpx2.Client(base_url=address, cookies={settings.SESSION_COOKIE_NAME: session}, timeout=30)


def filled_in(browser: httpx2.Client, path: str, **typed: Any) -> dict[str, Any]:
    """Open a page with a form and return what sending it would send: what is hidden in it, and `typed`."""
    return hidden_in(open_page(browser, path)) | typed


def open_page(browser: httpx2.Client, path: str) -> httpx2.Response:
    """Return the page that `path` leads to."""
    page = browser.get(path, follow_redirects=True)
    assert page.status_code == 200, page.text
    return page


def hidden_in(page: httpx2.Response) -> dict[str, Any]:
    """Return what is hidden in the forms of a page."""
    return {name: unescape(value) for name, value in HIDDEN.findall(page.text)}


def submit(browser: httpx2.Client, path: str, *, to: str = "", **typed: Any) -> httpx2.Response:
    """Open a page with a form, fill it in and send it, to where it came from or to another path."""
    page = open_page(browser, path)
    return browser.post(to or page.url, data=hidden_in(page) | typed)
