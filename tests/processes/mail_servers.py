"""Mail servers that are no good, each on a port that is given."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

LOOK_SECONDS = 0.1


@contextmanager
def hanging(port: int) -> Iterator[None]:
    """Accept whoever calls, and say nothing."""
    with serving(port, lambda caller, over: over.wait()):
        yield


@contextmanager
def dripping(port: int) -> Iterator[None]:
    """Say one byte now and then, so that no timeout of a single read ever strikes."""

    def drip(caller: socket.socket, over: threading.Event) -> None:
        while not over.wait(1):
            caller.send(b"2")

    with serving(port, drip):
        yield


@contextmanager
def cutting(port: int) -> Iterator[None]:
    """Greet, and hang up at the first word."""

    def cut(caller: socket.socket, over: threading.Event) -> None:
        caller.send(b"220 mail.example\r\n")
        caller.recv(100)

    with serving(port, cut):
        yield


@contextmanager
def refusing(port: int) -> Iterator[None]:
    """Nobody listens."""
    yield


@contextmanager
def serving(port: int, talk: Callable[[socket.socket, threading.Event], object]) -> Iterator[None]:
    over = threading.Event()

    def converse(caller: socket.socket) -> None:
        with caller, suppress(OSError):
            talk(caller, over)

    def accept(listener: socket.socket) -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                caller, _ = listener.accept()
                conversations.append(threading.Thread(target=converse, args=(caller,)))
                conversations[-1].start()

    conversations: list[threading.Thread] = []
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", port)))
        listener.settimeout(LOOK_SECONDS)
        accepting = threading.Thread(target=accept, args=(listener,))
        accepting.start()
        try:
            yield
        finally:
            over.set()
            accepting.join()
            for conversation in conversations:
                conversation.join()
