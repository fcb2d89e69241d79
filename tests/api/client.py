"""A script: a client that holds a key of one organization and calls the REST API."""

import json
from typing import Any

from django.test import Client

# What Django's test client returns: an HttpResponse with a `json()` that its type does not know.
Response = Any

PROBLEM = "application/problem+json"


class Script:
    """Calls the REST API with a key; without one if `key` is empty."""

    def __init__(self, key: str) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
        **params: Any,
    ) -> Response:
        """Send a request; a body that is no bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(
            method,
            path if path.startswith("/") else f"/v1.0/{path}",
            data,
            content_type=content_type,
            headers=self.headers | (headers or {}),
            query_params=params,
        )

    def get(self, path: str, **params: Any) -> Response:
        return self.call("GET", path, **params)

    def read(self, path: str, **params: Any) -> Any:
        """Return what a GET answers with 200."""
        response = self.get(path, **params)
        assert response.status_code == 200, response.content
        assert response["Content-Type"] == "application/json"
        return response.json()

    def results(self, path: str, **params: Any) -> list[Any]:
        """Return the results on the first page of a list."""
        return self.read(path, **params)["results"]

    def follow(self, url: str) -> Any:
        """Return the page at the URL that a page gave."""
        return self.read(url.removeprefix("http://localhost"))


def assert_problem(response: Response, status: int, code: str, *words: str) -> Any:
    """Assert that `response` is a problem with all of `words` in its detail (RFC 9457), and return it."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Length"] == str(len(response.content))
    body = response.json()
    assert body.keys() - {"errors"} == {"type", "title", "status", "detail", "code", "request_id"}
    assert body["status"] == status
    assert body["code"] == code, body
    assert body["type"] == f"http://localhost/docs/api#{code}"
    assert body["request_id"] == response["X-Request-Id"]
    for word in words:
        assert word in body["detail"], body
    return body
