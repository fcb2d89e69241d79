"""The broker of a folder: no message is lost, doubled or read by half, whoever reads and writes at the same time."""

import logging
import multiprocessing
import resource
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from kombu import Connection, Producer

from lib.broker.folder import Transport

QUEUE = "work"
WRITERS, READERS, MESSAGES = 2, 3, 10_000
DEADLINE = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "messages").mkdir()
    return tmp_path


@contextmanager
def channel_in(folder: Path) -> Iterator[Any]:
    messages = str(folder / "messages")
    options = {"data_folder_in": messages, "data_folder_out": messages, "control_folder": str(folder)}
    with Connection("filesystem://", transport=Transport, transport_options=options) as connection:
        yield connection.default_channel


def write(folder: Path, numbers: range) -> None:
    with channel_in(folder) as channel:
        producer = Producer(channel)
        for number in numbers:
            # A long message takes long enough to write that a reader would catch half of it.
            filling = "x" * (200_000 if number % 40 == 0 else number % 2000)
            producer.publish({"number": number, "filling": filling}, routing_key=QUEUE)


def read(folder: Path) -> Iterator[int]:
    """Yield what is in the queue until it is empty."""
    with channel_in(folder) as channel:
        while message := channel.basic_get(QUEUE, no_ack=True):
            yield message.payload["number"]


def read_beside(folder: Path, found: "multiprocessing.Queue[list[int]]", is_over: "threading.Event") -> None:
    """Read until everything has been written and nothing is left."""
    numbers: list[int] = []
    while not is_over.is_set():
        numbers.extend(read(folder))
        sleep(0.005)
    numbers.extend(read(folder))
    found.put(numbers)


def test_ten_thousand_messages_written_and_read_at_the_same_time_arrive_once_each(folder):
    context = multiprocessing.get_context("spawn")
    found, is_over = context.Queue(), context.Event()
    share = MESSAGES // WRITERS
    writers = [
        context.Process(target=write, args=(folder, range(number * share, (number + 1) * share)))
        for number in range(WRITERS)
    ]
    readers = [context.Process(target=read_beside, args=(folder, found, is_over)) for _ in range(READERS)]
    for process in (*readers, *writers):
        process.start()
    deadline = monotonic() + DEADLINE
    for process in writers:
        process.join(max(0, deadline - monotonic()))
    is_over.set()
    arrived = Counter(number for _ in readers for number in found.get(timeout=DEADLINE))
    for process in readers:
        process.join(max(0, deadline - monotonic()))

    assert [process.exitcode for process in (*readers, *writers)] == [0] * (READERS + WRITERS)
    assert arrived == Counter(range(MESSAGES))
    assert list((folder / "messages").iterdir()) == []
    assert not (folder / "unreadable").exists()


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b'{"body": "e30=", "proper',
        b"\xff\xfe\x00",
        b"null",
        b"5",
        b"[]",
        b"[" * 100_000,
        b'{"properties": {}}',
        b'{"properties": {"delivery_tag": ["x"], "delivery_info": {"exchange": "", "routing_key": ""}}}',
        b'{"body": 5, "properties": {"delivery_tag": "x", "body_encoding": "base64", "delivery_info": {}}}',
        b'{"properties": {"delivery_tag": "x"}}',
    ],
)
def test_a_message_that_cannot_be_read_is_set_aside_and_the_next_one_read(folder, garbage, caplog):
    (folder / "messages" / f"0_garbage.{QUEUE}.msg").write_bytes(garbage)
    write(folder, range(3))

    with caplog.at_level(logging.ERROR):
        assert list(read(folder)) == [0, 1, 2]

    (aside,) = (folder / "unreadable").iterdir()
    assert aside.read_bytes() == garbage
    (record,) = caplog.records
    assert f"0_garbage.{QUEUE}.msg" in record.getMessage()
    with channel_in(folder) as channel:
        assert channel.count_set_aside() == 1


def test_a_folder_where_a_message_should_be_is_set_aside(folder):
    (folder / "messages" / f"0_folder.{QUEUE}.msg").mkdir()
    write(folder, range(1))

    assert list(read(folder)) == [0]
    assert (folder / "unreadable" / f"0_folder.{QUEUE}.msg").is_dir()


@pytest.mark.parametrize("garbage", [b"", b'[["a", ', b"5", b'["a"]'])
def test_bindings_that_cannot_be_read_are_set_aside_and_written_again(folder, garbage):
    (folder / "fan.exchange").write_bytes(garbage)
    with channel_in(folder) as channel:
        channel._queue_bind("fan", "", "", "first")
        channel._queue_bind("fan", "", "", "second")
        assert {binding.queue for binding in channel.get_table("fan")} == {"first", "second"}
        assert channel.count_set_aside() == 1


def bind(folder: Path, name: str) -> None:
    with channel_in(folder) as channel:
        for number in range(50):
            channel._queue_bind("fan", "", "", f"{name}-{number}")


def test_processes_that_bind_queues_at_the_same_time_lose_no_binding(folder):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=bind, args=(folder, name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(DEADLINE)
    with channel_in(folder) as channel:
        assert len(channel.get_table("fan")) == 150


def test_messages_are_read_in_the_order_in_which_they_were_written(folder):
    write(folder, range(200))
    assert list(read(folder)) == list(range(200))


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """Let no file grow larger than `size` bytes: to write more fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_message_for_which_there_is_no_room_leaves_nothing_behind(folder: Path) -> None:
    # The first message is the longest.
    with small_files(1000), pytest.raises(OSError, match="too large"):
        write(folder, range(1))
    assert list((folder / "messages").iterdir()) == []
