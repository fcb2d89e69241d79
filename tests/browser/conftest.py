"""A live server, and Chromium in which the cast is signed in.

Whatever the browser complains of, an error in a script or something that the content security policy forbids, fails the
test at its end.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from members.models import Member

# Playwright runs an event loop in this thread, at which Django would refuse to use the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

ROOT = Path(__file__).parent.parent.parent
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WAIT = 10_000

# What the console says of answers that are 4xx, or never come: some tests are about those.
MEANT = (
    "Failed to load resource",
    "Response Status Error Code",
    "htmx:afterRequest",
    "htmx:sendError",
    "htmx:timeout",
)

Open = Callable[..., Page]


def find_chromium() -> str:
    return subprocess.run([ROOT / "bin" / "find-chromium"], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def forgotten_attempts() -> None:
    """Every test starts without the sign-in attempts that allauth counted in others."""
    cache.clear()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Start Chromium for the tests of this package.

    While Playwright's loop runs, Django keeps database connections for it that are not this thread's usual ones; they
    must be closed before it ends, or the test database can't be dropped.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=QUIET)
        yield browser
        browser.close()
        connections.close_all()


@pytest.fixture
def open_browser(chromium: Browser, live_server, settings, sign_in) -> Iterator[Open]:
    """Return a function that opens a page in a browser of its own, signed in as `member` if there is one.

    Other arguments go to Playwright's `new_context`.
    """
    settings.BASE_URL = live_server.url
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(MEANT):
            faults.append(message.text)

    def opened(member: Member | None = None, **options: Any) -> Page:
        options = {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}} | options
        context = chromium.new_context(base_url=live_server.url, **options)
        context.set_default_timeout(WAIT)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        if member:
            session = sign_in(member).cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("console", complain)
        page.on("pageerror", lambda error: faults.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []
