"""Somebody with a browser's cookies at a web server of its own process."""

import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar

TIMEOUT = 60


@dataclass(frozen=True)
class Answer:
    """What came back, from which address after all redirects, and how long it took."""

    status: int
    url: str
    text: str
    seconds: float


class Visitor:
    """Keeps cookies, follows redirects, and sends the CSRF token with every form."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> Answer:
        return self._open(urllib.request.Request(self.server + path))  # noqa: S310 - a server of ours

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form. Get a page with one first: that sets the cookie of the CSRF token."""
        token = next((cookie.value for cookie in self.cookies if cookie.name == "csrftoken"), None) or ""
        form = urllib.parse.urlencode(fields | {"csrfmiddlewaretoken": token}).encode()
        headers = {"Referer": self.server + path}
        return self._open(urllib.request.Request(self.server + path, form, headers))  # noqa: S310

    def _open(self, request: urllib.request.Request) -> Answer:
        start = time.monotonic()
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                status, url, text = answer.status, answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, url, text = error.code, error.url, error.read().decode()
        return Answer(status, url, text, time.monotonic() - start)
