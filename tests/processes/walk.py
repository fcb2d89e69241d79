"""One walk through every door: what an identity provider, a script and an admin at a browser do, request by request."""

from dataclasses import dataclass
from typing import Any, Self

import httpx2

from tests.identity_provider import GROUP, PATCH_OP, USER
from tests.processes.hosts import identity_provider, submit

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@dataclass
class Walker:
    """The clients of one organization at one web server; every request of theirs has to succeed."""

    address: str
    directory: httpx2.Client
    script: httpx2.Client
    web: httpx2.Client

    @classmethod
    def at(cls, address: str, *, scim_key: str, api_key: str, web: httpx2.Client) -> Self:
        """Return the clients with their keys, and a browser in which an Admin is signed in."""
        script = httpx2.Client(headers={"Authorization": f"Bearer {api_key}"}, timeout=30)
        return cls(address, identity_provider(address, scim_key), script, web)

    def close(self) -> None:
        for client in (self.directory, self.script, self.web):
            client.close()

    def sent(self, status: int, method: str, path: str, body: Any = None) -> Any:
        """Send a SCIM request and return what it is answered with. Raises AssertionError for another status."""
        answer = self.directory.request(method, path, json=body)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def found(self, user_name: str) -> list[Any]:
        """Return the users of this name."""
        found: list[Any] = self.sent(200, "GET", f'/Users?filter=userName eq "{user_name}"')["Resources"]
        return found

    def go_round(self, name: str) -> str:
        """Do everything once, with users, groups and keys that `name` is part of; return the first user's id."""
        user_id = self.provision(name)
        self.push_a_group(name, user_id)
        self.send_in_bulk(name)
        self.read_as_a_script(user_id)
        self.generate_a_key(name)
        return user_id

    def provision(self, name: str) -> str:
        """Create a user, read, replace, change, deactivate and reactivate it."""
        user = {"schemas": [USER], "userName": f"{name}@acme.example", "externalId": name}
        user_id: str = self.sent(201, "POST", "/Users", user)["id"]
        path = f"/Users/{user_id}"
        assert self.sent(200, "GET", path)["userName"] == user["userName"]
        assert [each["id"] for each in self.found(f"{name}@acme.example")] == [user_id]
        assert self.sent(200, "GET", "/Users?count=5")["totalResults"] > 0
        assert self.sent(200, "PUT", path, user | {"title": name})["title"] == name
        for active in (False, True):
            change = {"op": "replace", "path": "active", "value": active}
            assert self.sent(200, "PATCH", path, {"schemas": [PATCH_OP], "Operations": [change]})["active"] is active
        change = {"op": "replace", "path": "title", "value": "Sir"}
        assert self.sent(200, "PATCH", path, {"schemas": [PATCH_OP], "Operations": [change]})["title"] == "Sir"
        return user_id

    def push_a_group(self, name: str, user_id: str) -> None:
        """Create a group and put a user in."""
        group = self.sent(201, "POST", "/Groups", {"schemas": [GROUP], "displayName": name})
        add = {"op": "add", "path": "members", "value": [{"value": user_id}]}
        self.sent(204, "PATCH", f"/Groups/{group['id']}", {"schemas": [PATCH_OP], "Operations": [add]})
        assert [each["display"] for each in self.sent(200, "GET", f"/Users/{user_id}")["groups"]] == [name]

    def send_in_bulk(self, name: str) -> None:
        """Create two users in a bulk request."""
        operations = [
            {
                "method": "POST",
                "path": "/Users",
                "bulkId": f"b{each}",
                "data": {"schemas": [USER], "userName": f"b{each}{name}@acme.example"},
            }
            for each in range(2)
        ]
        done = self.sent(200, "POST", "/Bulk", {"schemas": [BULK], "Operations": operations})["Operations"]
        assert [each["status"] for each in done] == ["201", "201"]

    def read_as_a_script(self, user_id: str) -> None:
        """Read a member, the members and the audit log through the REST API."""
        for path in (f"members/{user_id}", "members", "audit-events"):
            assert_ok(self.script.get(f"{self.address}/v1.0/{path}"))

    def generate_a_key(self, name: str) -> None:
        """Look at pages, signed in and not, and generate a key."""
        assert_ok(httpx2.get(f"{self.address}/accounts/login/"))
        for path in ("/settings/members", "/settings/security"):
            assert_ok(self.web.get(path, follow_redirects=True))
        path = "/settings/api-access/keys/new"
        assert_ok(submit(self.web, path, kind="scim", description=name, expiration="90-days", allowed_networks=""))


def assert_ok(answer: httpx2.Response) -> None:
    """Fail, with all of the answer, unless its status is 200."""
    assert answer.status_code == 200, f"{answer.url}: {answer.status_code} {answer.text}"
