"""Two instances behind nginx, with the configuration that docs/scale.md recommends: deploy/nginx.conf."""

import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import quote

import httpx2
import pytest
from django.conf import settings

from members.models import Organization
from tests import services
from tests.conftest import new_key, person
from tests.identity_provider import USER
from tests.processes.hosts import identity_provider
from tests.server import ROOT, WebServer, database_url, serving

pytestmark = [
    pytest.mark.skipif(not settings.REDIS_URL, reason="runs beside PostgreSQL and Redis"),
    pytest.mark.django_db(transaction=True),
]


def shipped(port: int, *upstreams: int) -> str:
    """Return deploy/nginx.conf with the ports of the test, and without TLS."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    text = re.sub(r"    ssl_certificate.*\n", "", text.replace("listen 443 ssl", f"listen 127.0.0.1:{port}"))
    for shipped_port, upstream in zip((8001, 8002), upstreams, strict=True):
        text = text.replace(f"127.0.0.1:{shipped_port}", f"127.0.0.1:{upstream}")
    return text


@contextmanager
def instance(port: int, proxy: int) -> Iterator[WebServer]:
    """Run an instance of the service behind the proxy."""
    with serving(
        port,
        DATABASE_URL=database_url(),
        BASE_URL=f"http://127.0.0.1:{proxy}",
        KEY_RATE_LIMIT="0",
        SCIM_FILTER_LIMIT="8192",
        SCIM_FILTER_TERMS="100",
        TRUSTED_PROXIES="127.0.0.1",
        ACCESS_LOG="off",
    ) as server:
        yield server


def get(port: int, target: str, key: str) -> bytes:
    """Return the answer to a GET whose target goes over the wire as it is."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        request = (
            f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
        )
        client.sendall(request.encode())
        return client.makefile("rb").read()


def test_raw_quotation_marks_in_a_filter_are_read(acme: Organization):
    person(acme, "ana@acme.example", "Ana")
    key = new_key(acme).text
    proxy, port = services.free_port(), services.free_port()
    with instance(port, proxy), services.nginx(shipped(proxy, port, port)):
        for terms in (1, 4, 31):
            wanted = " or ".join(['userName eq "ana@acme.example"'] * terms)
            raw = "/scim/v2/Users?filter=" + quote(wanted, safe='"')
            answer = get(proxy, raw, key)
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            assert b'"totalResults":1' in answer
        # The service alone can't: docs/scim.md says so.
        assert get(port, raw, key).startswith(b"HTTP/1.1 400 ")


class Caller(threading.Thread):
    """Creates people and reads them again, one after the other; when a connection is refused, at the next address."""

    def __init__(self, name: str, addresses: list[str], key: str, done: threading.Event) -> None:
        super().__init__(name=name)
        self.clients = [identity_provider(address, key) for address in addresses]
        self.done = done
        self.created: list[str] = []
        self.failed: list[str] = []

    def run(self) -> None:
        while not self.done.is_set():
            user_name = f"{self.name}-{len(self.created)}@acme.example"
            created = self.call("POST", "/Users", json={"schemas": [USER], "userName": user_name})
            if created is not None and created.status_code == 201:
                self.created.append(created.json()["id"])
                self.call("GET", f"/Users/{created.json()['id']}")
        for client in self.clients:
            client.close()

    def call(self, method: str, path: str, **body: object) -> httpx2.Response | None:
        while not self.done.is_set():
            client = self.clients[0]
            try:
                answer = client.request(method, path, **body)  # type: ignore[arg-type]
            except httpx2.ConnectError:
                self.clients.append(self.clients.pop(0))
                time.sleep(0.02)
                continue
            except httpx2.TransportError as error:
                self.failed.append(f"{method} {error!r}")
                return None
            if answer.status_code not in (200, 201):
                self.failed.append(f"{method} {answer.status_code} {answer.text}")
            return answer
        return None


@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.long)])
def test_two_instances_are_replaced_under_load_without_a_failed_request_or_a_lost_write(acme: Organization, times: int):
    key = new_key(acme).text
    proxy, *ports = (services.free_port() for _ in range(3))
    done = threading.Event()
    direct = [f"http://127.0.0.1:{port}" for port in ports]
    callers = [Caller(f"proxied-{number}", [f"http://127.0.0.1:{proxy}"], key, done) for number in range(4)]
    callers += [Caller("one", direct, key, done), Caller("other", direct[::-1], key, done)]
    with ExitStack() as stack, services.nginx(shipped(proxy, *ports)):
        servers = {port: stack.enter_context(instance(port, proxy)) for port in ports}
        for caller in callers:
            caller.start()
        try:
            for _ in range(times):
                for port in ports:
                    servers[port].process.send_signal(signal.SIGTERM)
                    assert servers[port].process.wait(60) == 0
                    servers[port] = stack.enter_context(instance(port, proxy))
        finally:
            done.set()
            for caller in callers:
                caller.join()
    assert [caller.failed for caller in callers] == [[]] * len(callers)
    created = {member_id for caller in callers for member_id in caller.created}
    assert all(caller.created for caller in callers)
    assert {str(pk) for pk in acme.members.values_list("pk", flat=True)} >= created
