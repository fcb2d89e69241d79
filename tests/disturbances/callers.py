"""Somebody who calls while the database is disturbed."""

import json
from typing import Any

from django.test import RequestFactory

from tests.application import application


class Caller:
    """Makes requests as the web server does, in this thread."""

    def __init__(self, **headers: str) -> None:
        self.headers = {"Host": "testserver"} | headers

    def send(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> tuple[int, Any]:
        """Return the status, and the document or text."""
        environ = RequestFactory().generic(method, path, body, content_type, headers=self.headers).environ
        statuses: list[str] = []
        answer = application(environ, lambda status, headers: statuses.append(status))
        text = b"".join(answer).decode()
        status = int(statuses[0].split()[0])
        return status, json.loads(text) if text.startswith("{") else text

    def json(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self.send(method, path, b"" if body is None else json.dumps(body).encode())
