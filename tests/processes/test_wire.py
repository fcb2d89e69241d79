"""Requests as bytes on a connection: bodies in chunks, slow or endless ones, and refusals before a body is read."""

import gzip
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from django.conf import settings

from members.models import Member, Organization
from tests.conftest import new_key
from tests.identity_provider import PATCH_OP, USER
from tests.processes.hosts import HIDDEN
from tests.server import web_server

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis"),
    pytest.mark.django_db(transaction=True),
]

MIB = 1024 * 1024
PATIENCE = 60
SECONDS = 4


@pytest.fixture(scope="module")
def address(django_db_setup: Any) -> Iterator[str]:
    """A web server that waits for a body for SECONDS, and has room for two requests."""
    with web_server(WEB_BODY_TIMEOUT=f"{SECONDS}s", WEB_THREADS="1", WEB_QUEUE="1", KEY_RATE_LIMIT="0") as address:
        yield address


class Wire:
    """A connection of a client that looks for no answer before it has sent everything."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("http://").partition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.stream = self.socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *raised: object) -> None:
        self.stream.close()
        self.socket.close()

    def send(self, head: str, *pieces: bytes) -> None:
        """Send a request."""
        self.socket.sendall((head.replace("\n", "\r\n") + "\r\n\r\n").encode())
        for piece in pieces:
            self.socket.sendall(piece)

    def ask(self, head: str, *pieces: bytes) -> "Answer":
        """Send a request and return the answer."""
        self.send(head, *pieces)
        return self.answer()

    def answer(self) -> "Answer":
        """Read an answer; fail if the connection ends instead."""
        lines: list[bytes] = []
        while (line := self.stream.readline()) != b"\r\n":
            assert line, b"".join(lines)
            lines.append(line)
        head = b"".join(lines).decode()
        length = re.search(r"(?i)^content-length: (\d+)", head, re.MULTILINE)
        return Answer(int(head.split()[1]), head.lower(), self.stream.read(int(length[1])) if length else b"")


class Answer:
    """An answer: its status, its head in small letters, and its body."""

    def __init__(self, status: int, head: str, body: bytes) -> None:
        self.status, self.head, self.body = status, head, body


def chunked(body: bytes, size: int = 64 * 1024) -> list[bytes]:
    """Return the body in chunks (RFC 9112 §7.1)."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]


def user(name: str) -> bytes:
    return json.dumps({"schemas": [USER], "userName": f"{name}@acme.example"}).encode()


def head(method: str, path: str, key: str = "", **headers: str) -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"Authorization: Bearer {key}"] if key else []
    return "\n".join(lines + [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()])


# Bodies in chunks -----------------------------------------------------------------------------------------------------


def test_scim_reads_bodies_in_chunks_also_with_gzip_inside(address: str, acme: Organization):
    key = new_key(acme).text
    with Wire(address) as wire:
        created = wire.ask(head("POST", "/scim/v2/Users", key, Transfer_Encoding="chunked"), *chunked(user("bob"), 10))
        assert created.status == 201, created.body
        packed = chunked(gzip.compress(user("bea")), 10)
        with_gzip = head("POST", "/scim/v2/Users", key, Transfer_Encoding="chunked", Content_Encoding="gzip")
        assert wire.ask(with_gzip, *packed).status == 201
        member_id = json.loads(created.body)["id"]
        operation = {"op": "replace", "path": "active", "value": False}
        patch = json.dumps({"schemas": [PATCH_OP], "Operations": [operation]}).encode()
        path = f"/scim/v2/Users/{member_id}"
        patched = wire.ask(head("PATCH", path, key, Transfer_Encoding="chunked"), *chunked(patch, 7))
        assert (patched.status, json.loads(patched.body)["active"]) == (200, False)


def test_the_rest_api_reads_bodies_in_chunks(address: str, acme: Organization, ana: Member):
    key = new_key(acme, kind="api_write").text
    request = head("PUT", f"/v1.0/members/{ana.pk}/role", key, Transfer_Encoding="chunked")
    with Wire(address) as wire:
        answer = wire.ask(request, *chunked(b'{"role": "No such role"}', 5))
        assert (answer.status, json.loads(answer.body)["code"]) == (400, "unknown_role")


def test_forms_in_chunks_are_read(address: str, db: None):
    with httpx2.Client(base_url=address, timeout=PATIENCE) as browser:
        fields = dict(HIDDEN.findall(browser.get("/accounts/login/").text))
        body = str(httpx2.QueryParams(fields | {"login": "nobody@acme.example", "password": "no such password"}))
        form = {"Content-Type": "application/x-www-form-urlencoded", "Referer": f"{address}/accounts/login/"}
        chunks = (piece.encode() for piece in re.findall(".{1,9}", body))
        answer = browser.post("/accounts/login/", content=chunks, headers=form)
        # The token was found in the body, and so was the address.
        assert (answer.status_code, "nobody@acme.example" in answer.text) == (200, True)


# Bodies that are too large, too slow or not what they say -------------------------------------------------------------


@pytest.mark.parametrize("size", [MIB, 5 * MIB])
@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/scim/v2/Users", 401),
        ("PUT", "/v1.0/members/x/role", 401),
        ("POST", "/scim/v2/no", 404),
        ("GET", "/", 302),
    ],
)
def test_a_refusal_reaches_a_client_that_first_sends_all(
    address: str, method: str, path: str, status: int, size: int, in_chunks: bool, db: None
):
    body = b" " * size
    length = {"Transfer_Encoding": "chunked"} if in_chunks else {"Content_Length": str(size)}
    with Wire(address) as wire:
        answer = wire.ask(head(method, path, **length), *(chunked(body) if in_chunks else [body]))
        assert answer.status == (413 if size > MIB else status)
        # And the connection is good for more.
        assert wire.ask(head("GET", "/healthz")).status == 200


def test_a_client_that_waits_for_leave_to_send_is_answered_before_it_does(address: str, acme: Organization):
    key = new_key(acme).text
    wait = {"Expect": "100-continue", "Content_Length": str(5 * MIB)}
    with Wire(address) as wire:
        answer = wire.ask(head("POST", "/scim/v2/Users", key, **wait))
        assert (answer.status, "connection: close" in answer.head) == (413, True)
    with Wire(address) as wire:
        body = user("bob")
        wait["Content_Length"] = str(len(body))
        assert wire.ask(head("POST", "/scim/v2/Users", key, **wait)).status == 100
        wire.socket.sendall(body)
        assert wire.answer().status == 201


def test_a_body_that_never_ends_is_cut_off(address: str, db: None):
    with Wire(address) as wire:
        wire.send(head("POST", "/scim/v2/Users", Transfer_Encoding="chunked"))
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        sent = 0
        with suppress(ConnectionError):
            while sent < 200 * MIB:
                wire.socket.sendall(piece)
                sent += 65536
        assert sent < 200 * MIB


@pytest.mark.parametrize("packs", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_json_that_is_cut_short_changes_nothing(address: str, acme: Organization, packs: Callable[[bytes], bytes]):
    encoding = {} if packs is bytes else {"Content_Encoding": "gzip"}
    request = head("POST", "/scim/v2/Users", new_key(acme).text, Transfer_Encoding="chunked", **encoding)
    whole = chunked(packs(user("bob")), 10)
    for pieces in (whole[:-2], whole[:-3]):
        with Wire(address) as wire:
            wire.send(request, *pieces)
            wire.socket.shutdown(socket.SHUT_WR)
            assert wire.answer().status == 400
    assert not acme.members.filter(user_name="bob@acme.example").exists()


def test_a_body_that_comes_too_slowly_is_a_408_while_others_are_answered(address: str, db: None):
    with Wire(address) as slow, Wire(address) as slow_too, Wire(address) as other:
        for wire in (slow, slow_too):
            wire.send(head("POST", "/scim/v2/Users", Content_Length="9"), b"{")
        health = other.ask(head("GET", "/healthz"))
        assert health.status == 200
        assert other.ask(head("GET", "/readyz")).status in (200, 503)
        for wire in (slow, slow_too):
            answer = wire.answer()
            assert (answer.status, "connection: close" in answer.head) == (408, True)
            assert json.loads(answer.body)["detail"].startswith(f"The body didn't arrive within {SECONDS} seconds.")
        assert other.ask(head("GET", "/scim/v2/Users")).status == 401


def test_health_checks_with_bodies_that_never_come_keep_no_other_waiting(address: str):
    wires = [Wire(address) for _ in range(12)]
    for wire in wires:
        wire.send(head("POST", "/healthz", Content_Length="9"), b"{")
    with Wire(address) as other:
        assert other.ask(head("GET", "/healthz")).status == 200
    for wire in wires:
        wire.__exit__()


def test_who_finds_no_room_is_told_to_come_back_and_health_checks_have_room(address: str, db: None):
    with Wire(address) as one, Wire(address) as two, Wire(address) as other:
        for wire in (one, two):
            wire.send(head("POST", "/scim/v2/Users", Content_Length="9"), b"{")
        deadline = time.monotonic() + SECONDS
        while (answer := other.ask(head("GET", "/scim/v2/Users"))).status != 503:
            assert time.monotonic() < deadline, "neither of the two has come so far"
        assert "retry-after: 1" in answer.head
        assert json.loads(answer.body)["status"] == "503"
        assert other.ask(head("GET", "/healthz")).status == 200
        assert [wire.answer().status for wire in (one, two)] == [408, 408]


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "5, 6", "99999999999999999999"])
def test_a_length_that_is_none_is_refused(address: str, length: str):
    with Wire(address) as wire:
        assert wire.ask(head("POST", "/scim/v2/Users", Content_Length=length), b"{}").status in (400, 413)


def test_a_body_longer_than_it_says_is_the_next_request_and_no_good_one(address: str, db: None):
    with Wire(address) as wire:
        assert wire.ask(head("POST", "/scim/v2/Users", Content_Length="2"), b"{}garbage\r\n\r\n").status == 401
        assert wire.answer().status == 400


# Requests of other kinds ----------------------------------------------------------------------------------------------


def test_other_forms_of_http_are_answered(address: str, db: None):
    with Wire(address) as wire:
        assert wire.ask("GET /healthz HTTP/1.0").status == 200
    with Wire(address) as wire:
        assert wire.ask("GET http://127.0.0.1/healthz HTTP/1.1\nHost: 127.0.0.1").status == 200
        # Both at once.
        wire.send("GET /healthz HTTP/1.1\nHost: 127.0.0.1\n\nGET /scim/v2/Users HTTP/1.1\nHost: 127.0.0.1")
        assert [wire.answer().status, wire.answer().status] == [200, 401]


@pytest.mark.parametrize("length", [8_000, 60_000, 1_000_000])
def test_long_targets_and_headers_get_an_answer_and_no_500(address: str, length: int, db: None):
    for request in (
        head("GET", f"/scim/v2/Users?filter={'x' * length}"),
        head("GET", "/scim/v2/Users", X="x" * length),
    ):
        with Wire(address) as wire, suppress(ConnectionError):
            assert wire.ask(request).status in (400, 401, 414, 431)
