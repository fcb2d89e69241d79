"""A peer: scim2-server as it comes. It keeps everything in memory, and gets its members by one POST for each."""

import json
import sys
from pathlib import Path

from benchmarks.own import send
from benchmarks.request import Request
from benchmarks.subject import DOMAIN, SCIM, USER, Content, Organization, Person, Size

KEY = "benchmark"
LARGEST = Size(1_000)


def command(port: int) -> list[str]:
    """Return the command that starts it."""
    return [str(Path(sys.executable).with_name("scim2-server")), "--port", str(port), "--bearer-token", KEY]


def fill(address: str, size: Size) -> Content:
    """POST the members to the server at `address`."""
    people = [created(address, number) for number in range(size.members)]
    return Content(organizations=[Organization(KEY)], people=people[: size.sample()])


def created(address: str, number: int) -> Person:
    """POST the member with this number; return who it became."""
    name, external_id = f"user{number:07}@{DOMAIN}", f"load-{number}"
    body = {"schemas": [USER], "userName": name, "externalId": external_id, "active": True}
    body |= {"name": {"givenName": "Ada", "familyName": "Almeida"}, "emails": [{"value": name, "primary": True}]}
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": SCIM}
    answer, _ = send(address, Request("POST", "/Users", headers, json.dumps(body)).raw("127.0.0.1"))
    return Person(json.loads(answer.body)["id"], name, external_id, KEY)
