"""An identity provider: a client that holds a key of one organization and speaks SCIM."""

import json
from typing import Any

from django.test import Client

# What Django's test client returns: an HttpResponse with a `json()` that its type does not know.
Response = Any

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


class IdentityProvider:
    """Calls the SCIM API with a key, in the words of the protocol."""

    def __init__(self, key: str, base: str = "/scim/v2") -> None:
        self.client = Client(raise_request_exception=False)
        self.base = base
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **params: Any
    ) -> Response:
        """Send a request; a body that is no bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(
            method,
            f"{self.base}{path}",
            data,
            content_type="application/scim+json",
            headers=self.headers | (headers or {}),
            query_params=params,
        )

    def get(self, path: str, **params: Any) -> Response:
        return self.call("GET", path, **params)

    def list(self, text: str = "", path: str = "/Users", **params: Any) -> list[Any]:
        """Return the resources that meet a filter."""
        response = self.get(path, filter=text, **params)
        assert response.status_code == 200, response.content
        return response.json()["Resources"]

    def create(self, user_name: Any = "bob@acme.example", **attributes: Any) -> Response:
        """POST a user."""
        return self.call("POST", "/Users", {"schemas": [USER], "userName": user_name} | attributes)

    def put(self, user_id: Any, **attributes: Any) -> Response:
        return self.call("PUT", f"/Users/{user_id}", {"schemas": [USER]} | attributes)

    def patch(self, user_id: Any, *operations: dict[str, Any], path: str = "/Users") -> Response:
        """PATCH a resource with operations."""
        return self.call("PATCH", f"{path}/{user_id}", {"schemas": [PATCH_OP], "Operations": list(operations)})

    def delete(self, path: str) -> Response:
        return self.call("DELETE", path)


def assert_error(response: Response, status: int, scim_type: str = "", *words: str) -> None:
    """Assert that `response` is a SCIM error with all of `words` in its detail (RFC 7644 §3.12)."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/scim+json"
    body = response.json()
    assert body["schemas"] == [ERROR]
    assert body["status"] == str(status)
    assert body.get("scimType", "") == scim_type, body
    assert body["detail"].endswith(f" (request id {response['X-Request-Id']})"), body
    for word in words:
        assert word in body["detail"], body
