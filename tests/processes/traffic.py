"""Callers of every door, who go on without a pause, know what was promised to them, and note what went wrong."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from audit.models import Action
from members.models import Organization
from tests.conftest import new_key, person
from tests.identity_provider import GROUP, PATCH_OP, USER
from tests.processes.hosts import browser, identity_provider, submit

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
# What a browser waits for: a page takes ten times as long as a member.
PAGES_EVERY = 5


@dataclass
class Promises:
    """What callers were told is done."""

    titles: dict[str, list[str]] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


class Traffic:
    """Callers of the service at `address`; `failures` are answers that they should not have had."""

    def __init__(self, address: str, acme: Organization, sign_in: Any, *, callers: int = 3) -> None:
        self.acme, self.callers = acme, callers
        self.failures: list[str] = []
        self.promised = Promises()
        self.answers = 0
        self._over = threading.Event()
        self._clients = [
            Caller(self, address, number, new_key(acme), new_key(acme, "api_write"), sign_in(admin))
            for number in range(callers)
            for admin in [person(acme, f"admin{number}of{acme.pk}@acme.example", "An Admin", "Admin")]
        ]

    @contextmanager
    def flowing(self) -> Iterator["Traffic"]:
        """Let the callers call for the length of the block."""
        threads = [threading.Thread(target=client.go_on, args=(self._over,)) for client in self._clients]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join(60)
        assert not any(thread.is_alive() for thread in threads)

    def wait_for_answers(self, count: int) -> None:
        """Return when so many more requests have been answered."""
        enough = self.answers + count
        for _ in range(600):
            if self.answers >= enough:
                return
            self._over.wait(0.05)
        raise AssertionError(f"{self.answers} of {enough} answers. {self.failures[:5]}")

    def check_promises(self) -> None:
        """Compare what is in the database, and in the log of events, with what was promised: all of it, and once."""
        told = list(self.acme.events.values_list("action", "target_label"))
        titles = dict(self.acme.members.values_list("user_name", "attributes__title"))
        for user_name, promised in self.promised.titles.items():
            assert titles.get(user_name) == (promised[-1] if promised else None), user_name
            assert told.count((Action.MEMBER_CREATED, user_name)) == 1, user_name
            assert told.count((Action.MEMBER_UPDATED, user_name)) == len(promised), user_name
        for name in self.promised.groups:
            assert told.count((Action.GROUP_CREATED, name)) == 1, name
            assert self.acme.groups.get(display_name=name).members.count() == 1
        for user_name in self.promised.roles:
            assert told.count((Action.MEMBER_ROLE_CHANGED, user_name)) == 1, user_name
        for description in self.promised.keys:
            assert self.acme.api_keys.filter(description=description).count() == 1, description


class Caller:
    """An identity provider, a script and a browser, one after the other."""

    def __init__(self, traffic: Traffic, address: str, number: int, scim: Any, api: Any, session: Any) -> None:
        self.traffic, self.name = traffic, f"{address[-5:]}c{number}"
        self.directory = identity_provider(address, scim.text)
        own = {"Authorization": f"Bearer {api.text}"}
        self.script = httpx2.Client(base_url=address, headers=own, timeout=30)
        self.web = browser(address, session)

    def go_on(self, over: threading.Event) -> None:
        """Call until it is over."""
        turn = 0
        with self.directory, self.script, self.web:
            while not over.is_set():
                self.go_round(f"{self.name}t{turn}", with_pages=turn % PAGES_EVERY == 0)
                turn += 1

    def go_round(self, name: str, *, with_pages: bool) -> None:
        """Create a user, read, change and group them; give them a role; generate a key."""
        promised = self.traffic.promised
        user: dict[str, Any] = {"schemas": [USER], "userName": f"{name}@acme.example", "externalId": name}
        made = self.sent(201, lambda: self.directory.post("/Users", json=user))
        if made is None:
            return
        titles = promised.titles[user["userName"]] = []
        path = f"/Users/{made.json()['id']}"
        self.sent(200, lambda: self.directory.get(path))
        self.sent(200, lambda: self.directory.get("/Users", params={"filter": f'userName eq "{user["userName"]}"'}))
        if self.sent(200, lambda: self.directory.put(path, json=user | {"title": "put"})):
            titles.append("put")
        patch = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "title", "value": "patched"}]}
        if self.sent(200, lambda: self.directory.patch(path, json=patch)):
            titles.append("patched")
        group = {"schemas": [GROUP], "displayName": name, "members": [{"value": made.json()["id"]}]}
        if self.sent(201, lambda: self.directory.post("/Groups", json=group)):
            promised.groups.append(name)
        self.send_bulk(name)
        member = f"/v1.0/members/{made.json()['id']}"
        self.sent(200, lambda: self.script.get(member))
        if self.sent(200, lambda: self.script.put(f"{member}/role", json={"role": "IT Admin"})):
            promised.roles.append(user["userName"])
        if with_pages:
            self.visit_pages(name)

    def send_bulk(self, name: str) -> None:
        """Create users in a bulk request, the last two of them together with a change."""
        names = [f"b{number}{name}@acme.example" for number in range(3)]
        operations: list[dict[str, Any]] = [
            {"method": "POST", "path": "/Users", "bulkId": each, "data": {"schemas": [USER], "userName": each}}
            for each in names
        ]
        change = {"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": "title", "value": "bulk"}]}
        operations.append({"method": "PATCH", "path": f"/Users/bulkId:{names[0]}", "data": change})
        answer = self.sent(
            200, lambda: self.directory.post("/Bulk", json={"schemas": [BULK], "Operations": operations})
        )
        if answer is None:
            return
        done = answer.json()["Operations"]
        for result, expected in zip(done, ["201", "201", "201", "200"], strict=True):
            if result["status"] != expected:
                self.traffic.failures.append(f"bulk {result}")
        for result in done[:3]:
            if result["status"] == "201":
                self.traffic.promised.titles[result["bulkId"]] = []
        if done[3]["status"] == "200":
            self.traffic.promised.titles[names[0]].append("bulk")

    def visit_pages(self, name: str) -> None:
        """Look at the members, and generate a key."""
        self.sent(200, lambda: self.web.get("/settings/members", follow_redirects=True))
        path, form = "/settings/api-access/keys/new", {"kind": "scim", "expiration": "90-days", "allowed_networks": ""}
        if self.sent(200, lambda: submit(self.web, path, description=name, **form)):
            self.traffic.promised.keys.append(name)

    def sent(self, status: int, send: Callable[[], httpx2.Response]) -> httpx2.Response | None:
        """Return the answer to a request, None if it is not the right one, which is noted."""
        try:
            answer = send()
        except (httpx2.HTTPError, AssertionError) as error:
            self.traffic.failures.append(repr(error))
            return None
        self.traffic.answers += 1
        if answer.status_code == status:
            return answer
        self.traffic.failures.append(
            f"{answer.request.method} {answer.url.path} {answer.status_code} {answer.text[:300]}"
        )
        return None
