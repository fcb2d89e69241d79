"""The web server as README starts it, whatever happens to its processes: `torii_settings.web`, `lib.web`."""

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests.server import serving, started

DEADLINE = 60


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def await_true(true: Callable[[], bool]) -> None:
    """Return once it is true; fail if that takes too long."""
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# Workers that die -----------------------------------------------------------------------------------------------------


def test_workers_that_are_killed_come_back_also_all_at_once_and_soon_after_another():
    with serving(WEB_WORKERS="2") as server:
        for _ in range(2):
            server.wait_until(lambda: len(server.workers()) == 2)
            killed = server.workers()
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            server.wait_until(server.is_alive)
            assert not server.workers() & killed
        assert server.log().count("was killed by signal 9") == 4


def test_a_worker_that_grows_too_large_is_replaced_and_nobody_notices():
    with serving(WEB_MAX_RSS="1") as server:
        first = server.workers()
        asked = 0
        while server.workers() & first:
            assert httpx2.get(f"{server.address}/healthz", timeout=30).status_code == 200
            asked += 1
        assert asked
        assert "MiB and is replaced" in server.log()


def test_sighup_replaces_all_workers():
    with serving(WEB_WORKERS="2") as server:
        server.wait_until(lambda: len(server.workers()) == 2)
        first = server.workers()
        server.process.send_signal(signal.SIGHUP)
        while server.workers() & first:
            assert httpx2.get(f"{server.address}/healthz", timeout=30).status_code == 200
        assert len(server.workers()) == 2


def test_workers_end_when_their_main_process_is_killed():
    with serving() as server:
        workers = server.workers()
        server.process.kill()
        server.process.wait()
        await_true(lambda: not any(map(is_running, workers)))


# Starting and stopping ------------------------------------------------------------------------------------------------


def test_a_start_refuses_a_port_that_is_taken_in_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        # Even one that would share it.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with started(port) as server:
            assert server.process.wait(DEADLINE) == 1
            assert server.log().splitlines() == [
                f"Can't listen on 127.0.0.1:{port} (Address already in use): choose another --host or --port."
            ]


@pytest.mark.parametrize("port", [65536, 99999, -1])
def test_a_start_refuses_a_port_that_there_is_not(port):
    with started(port) as server:
        assert server.process.wait(DEADLINE) == 2
        assert f"'{port}' is no number from 1 to 65535" in server.log()


def test_a_start_that_can_not_succeed_ends_with_status_1():
    with started(DJANGO_SETTINGS_MODULE="tests.processes.broken_urls") as server:
        assert server.process.wait(DEADLINE) == 1
        assert "a web worker can't start" in server.log()


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1, 2, 4])
def test_sigterm_is_obeyed_whenever_it_comes_after_the_start(seconds):
    with started(WEB_WORKERS="2") as server:
        time.sleep(seconds)
        workers = server.workers()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(DEADLINE) in (0, -signal.SIGTERM)
        assert not any(map(is_running, workers))
        assert not accepts(server.port)


def test_sigterm_is_obeyed_while_workers_are_being_replaced():
    with serving(WEB_WORKERS="2") as server:
        server.wait_until(lambda: len(server.workers()) == 2)
        os.kill(min(server.workers()), signal.SIGKILL)
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        workers = server.workers()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(DEADLINE) == 0
        assert not any(map(is_running, workers))


def test_a_worker_that_hangs_does_not_keep_the_server_from_ending():
    with serving(WEB_STOP_TIMEOUT="1s") as server:
        workers = server.workers()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(DEADLINE) == 0
        assert not any(map(is_running, workers))


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


# Connections ----------------------------------------------------------------------------------------------------------


def test_an_answer_after_sigterm_closes_its_connection_and_nobody_new_comes_in():
    with serving() as server, httpx2.Client(base_url=server.address, timeout=30) as client:
        assert "connection" not in client.get("/healthz").headers
        server.process.send_signal(signal.SIGTERM)
        await_true(lambda: not accepts(server.port))
        # The connection was idle all the time, and is still good for a request.
        answer = client.get("/healthz")
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert server.process.wait(DEADLINE) == 0


def test_a_request_under_way_at_sigterm_is_answered():
    with serving() as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.settimeout(DEADLINE)
        client.sendall(b"POST /scim/v2/Users HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\n{")
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        await_true(lambda: not accepts(server.port))
        client.sendall(b'"a"')
        answer = client.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"connection: close" in answer.lower()
        assert server.process.wait(DEADLINE) == 0
