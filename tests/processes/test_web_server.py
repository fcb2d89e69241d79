"""The web server as README starts it, whatever happens to its processes: `torii_settings.web`, `lib.web`."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tests.server import WebServer, serving, started

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


# Slots ----------------------------------------------------------------------------------------------------------------

MANY = 256
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def connections_of(pid: int, port: int) -> int:
    """Return how many clients are connected to the process."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    # The local address is the second field, the state (1 is ESTABLISHED) the fourth, the inode the tenth.
    inodes = {line[9] for line in lines if int(line[1].partition(":")[2], 16) == port and line[3] == "01"}
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found += str(link.readlink()).removeprefix("socket:[").removesuffix("]") in inodes
    return found


@contextmanager
def clients(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Connect so often, and send a request each time, whether or not it is answered by now."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_connection(("127.0.0.1", port), DEADLINE)) for _ in range(count)]
        for client in found:
            client.sendall(HEALTH)
        yield found


def is_answered(client: socket.socket) -> bool:
    return client.recv(4096).startswith(b"HTTP/1.1 200 ")


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """Stop processes for the length of the block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def has_share(server: WebServer, pid: int) -> bool:
    """Whether the worker gets one of so many connections that this is no matter of luck."""
    with clients(server.port, 32) as found:
        return all(map(is_answered, found)) and connections_of(pid, server.port) > 0


@contextmanager
def two_workers() -> Iterator[tuple[WebServer, int, int]]:
    """Run a server with two workers, both of which serve; yield it with their process ids."""
    with serving(WEB_WORKERS="2") as server:
        server.wait_until(lambda: all(has_share(server, pid) for pid in server.workers()))
        one, other = sorted(server.workers())
        yield server, one, other


def test_connections_are_shared_evenly():
    with two_workers() as (server, *workers), clients(server.port, MANY):
        await_true(lambda: sum(connections_of(pid, server.port) for pid in workers) == MANY)
        # If a coin were tossed for each, this would fail once in 10^15 times.
        assert min(connections_of(pid, server.port) for pid in workers) > MANY / 4


def test_connections_that_wait_for_a_worker_that_died_are_answered_by_the_next_one():
    with two_workers() as (server, one, _), ExitStack() as stack:
        # While the main process doesn't know of it, some of these come to its socket.
        with frozen(server.process.pid):
            os.kill(one, signal.SIGKILL)
            await_true(lambda: not is_running(one))
            found = stack.enter_context(clients(server.port, 32))
        assert all(map(is_answered, found))


def test_new_connections_do_not_wait_for_a_worker_that_starts():
    with two_workers() as (server, one, other):
        os.kill(one, signal.SIGKILL)
        server.wait_until(lambda: len(server.workers() - {one, other}) == 1)
        (successor,) = server.workers() - {other}
        with frozen(successor), clients(server.port, 32) as found:
            assert all(map(is_answered, found))
            assert connections_of(other, server.port) == 32
        server.wait_until(lambda: has_share(server, successor))


def test_new_connections_go_round_a_worker_that_hangs():
    with two_workers() as (server, one, _):
        # Those that come to it before that is noticed are answered later.
        with frozen(one), clients(server.port, 32):
            await_true(lambda: all(server.is_alive() for _ in range(32)))
        server.wait_until(lambda: has_share(server, one))
