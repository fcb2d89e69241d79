"""The sockets that the main process keeps, one for each slot: who shares their port, and which gets a connection."""

import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import pytest

from lib.web.listener import EMPTYING, ROUND_TRIP, PortTaken, close_gently, listen, steer

BACKLOG = 512
# Connections of clients whose ports are each other's neighbours go to the same socket, by sixteens.
BLOCK = 16


@contextmanager
def listening(count: int, host: str = "127.0.0.1") -> Iterator[list[socket.socket]]:
    """Listen with so many sockets on a port."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(listener) for listener in listen(host, 0, BACKLOG, count)]
        for listener in listeners:
            listener.setblocking(False)
        yield listeners


def accepted(listener: socket.socket) -> int:
    """Return how many connections wait in the socket; they are closed."""
    count = 0
    try:
        while True:
            listener.accept()[0].close()
            count += 1
    except BlockingIOError:
        return count


def shares(listeners: Sequence[socket.socket], connections: int) -> list[int]:
    """Return how many of so many connections each socket gets."""
    with ExitStack() as stack:
        for _ in range(connections):
            stack.enter_context(socket.create_connection(listeners[0].getsockname()[:2]))
        return [accepted(listener) for listener in listeners]


def socket_for(listeners: Sequence[socket.socket], client_port: int) -> int:
    """Return which of the sockets gets the connection of a client with this port. Raises OSError if it is taken."""
    with socket.socket(listeners[0].family) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind((listeners[0].getsockname()[0], client_port))
        client.connect(listeners[0].getsockname())
        return [accepted(listener) for listener in listeners].index(1)


# Which socket ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def host(request: pytest.FixtureRequest) -> str:
    """The loopback address of IPv4, and of IPv6 where there is one."""
    host, family = request.param
    try:
        socket.create_server((host, 0), family=family).close()
    except OSError:
        pytest.skip(f"{host} is no address here")
    return host


@pytest.mark.parametrize("chosen", [[0], [2], [0, 2], [0, 1, 2]])
def test_neighbouring_ports_of_clients_go_round_the_chosen_sockets(host, chosen):
    with listening(3, host) as listeners:
        steer(listeners, chosen)
        places = []
        for block in range(20_000 // BLOCK, 30_000 // BLOCK):
            try:
                place = socket_for(listeners, block * BLOCK)
            except OSError:
                continue
            assert place == chosen[block % len(chosen)]
            places.append(place)
            if len(places) == 12:
                break
        assert set(places) == set(chosen)


def test_the_choice_can_change_while_connections_wait():
    with listening(2) as listeners:
        steer(listeners, [0])
        with ExitStack() as stack:
            for place in (0, 1, 0):
                steer(listeners, [place])
                for _ in range(10):
                    stack.enter_context(socket.create_connection(listeners[0].getsockname()))
            assert [accepted(listener) for listener in listeners] == [20, 10]


def test_many_connections_are_shared_evenly():
    with listening(2) as listeners:
        steer(listeners, [0, 1])
        # If a coin were tossed for each, this would fail once in 10^15 times.
        assert min(shares(listeners, 256)) > 256 / 4


def test_gentle_closing_lets_nobody_in_and_waits_until_all_sockets_are_empty():
    with listening(2) as listeners, ThreadPoolExecutor() as pool, ExitStack() as stack:
        address = listeners[0].getsockname()
        for place in (0, 1):
            steer(listeners, [place])
            stack.enter_context(socket.create_connection(address))
        closing = pool.submit(close_gently, listeners)
        for place in (0, 1):
            with pytest.raises(TimeoutError):
                closing.result(2 * ROUND_TRIP)
            steer(listeners, [place])
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=ROUND_TRIP)
            assert accepted(listeners[place]) == 1
        closing.result(EMPTYING)


# Who shares the port --------------------------------------------------------------------------------------------------


def test_a_port_with_a_group_of_sockets_is_taken():
    with listening(2) as listeners, pytest.raises(PortTaken, match="Address already in use"):
        listen("127.0.0.1", listeners[0].getsockname()[1], BACKLOG, 2)


def test_of_two_that_start_at_the_same_time_one_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    def start(together: threading.Barrier) -> list[socket.socket] | None:
        together.wait()
        try:
            return listen("127.0.0.1", port, BACKLOG, 2)
        except PortTaken:
            return None
        finally:
            together.wait()

    with ThreadPoolExecutor(2) as pool:
        for _ in range(100):
            found = list(pool.map(start, [threading.Barrier(2)] * 2))
            for listener in [listener for listeners in found for listener in listeners or []]:
                listener.close()
            assert sum(listeners is not None for listeners in found) == 1


def test_a_process_that_joins_the_port_gets_no_connection():
    with listening(2) as listeners, socket.socket() as stranger:
        steer(listeners, [0, 1])
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(listeners[0].getsockname())
        stranger.listen(BACKLOG)
        stranger.setblocking(False)
        assert sum(shares(listeners, 64)) == 64
        assert accepted(stranger) == 0


def test_where_the_kernel_lets_no_socket_join_all_slots_have_the_same_one():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    # As it is where SO_REUSEPORT counts only when the first socket is bound.
    with patch("socket.SO_REUSEPORT", socket.SO_REUSEADDR), ExitStack() as stack:
        first, second = (stack.enter_context(listener) for listener in listen("127.0.0.1", address[1], BACKLOG, 2))
        stack.enter_context(socket.create_connection(address))
        stack.enter_context(second.accept()[0])
        stack.enter_context(socket.create_connection(address))
        stack.enter_context(first.accept()[0])
