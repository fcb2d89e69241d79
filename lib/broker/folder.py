"""kombu's filesystem transport, safe for several processes at once.

kombu creates a message under its final name and fills it afterwards, so a worker may read half of it. Here a message
is written under another name and then renamed. A worker reads a message before it deletes the file: whoever deletes it
owns the message. Bindings are replaced in the same way, one process at a time.
"""

import fcntl
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

from lib.broker.unreadable import SetsAside, fault_of

Binding = filesystem.exchange_queue_t
# What is overridden here is private, and not in the stubs.
FilesystemChannel: Any = filesystem.Channel


class Channel(FilesystemChannel, SetsAside):
    """A channel whose messages and bindings are whole files at any moment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listed: dict[str, deque[str]] = {}

    # Messages

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:
        name = f"{time.time_ns():020}_{uuid4()}.{queue}.msg"
        replace(Path(self.data_folder_out, name), payload)

    def _get(self, queue: str) -> Any:
        """Return the oldest message of `queue`. Raises Empty."""
        for name in self._names(queue):
            path = Path(self.data_folder_in, name)
            try:
                raw = path.read_bytes()
                fault = fault_of(raw, self)
            except FileNotFoundError:
                continue
            except (PermissionError, IsADirectoryError) as error:
                fault = type(error).__name__
            if fault:
                self._set_file_aside(path, fault)
                continue
            with suppress(FileNotFoundError):
                path.unlink()
                return loads(raw.decode())
        raise Empty

    def _names(self, queue: str) -> Iterator[str]:
        """Yield the names of the messages in `queue`, oldest first. The folder is read only when all are used up."""
        listed = self._listed.setdefault(queue, deque())
        if not listed:
            names = (path.name for path in Path(self.data_folder_in).iterdir())
            names = (name for name in names if name.partition(".")[2] == f"{queue}.msg")
            listed.extend(sorted(names))
        while listed:
            yield listed.popleft()

    # Messages and bindings that can't be read

    @property
    def _unreadable_folder(self) -> Path:
        return Path(self.control_folder, "unreadable")

    def _set_file_aside(self, path: Path, fault: str) -> None:
        self._unreadable_folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            path.rename(self._unreadable_folder / path.name)
            self.set_aside(path.name, b"", fault)

    def keep(self, name: str, raw: bytes) -> None:
        path = self._unreadable_folder / name
        if not path.exists():
            self._unreadable_folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)

    def count_set_aside(self) -> int:
        folder = self._unreadable_folder
        return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0

    # Bindings

    def get_table(self, exchange: str) -> list[Binding]:
        """Return the bindings of `exchange`. One that can't be read is set aside; workers bind when they start."""
        path = self._exchange_file(exchange)
        try:
            return [Binding(*row) for row in loads(path.read_bytes().decode())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError) as error:
            self._set_file_aside(path, type(error).__name__)
            return []

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        binding = Binding(routing_key or "", pattern or "", queue or "")
        with self._alone_with(exchange):
            table = self.get_table(exchange)
            if binding not in table:
                replace(self._exchange_file(exchange), [binding, *table])

    def _delete(self, queue: str, exchange: str, routing_key: str, pattern: str, *args: Any, **kwargs: Any) -> None:
        # The step over kombu's own _delete, which writes the table in place.
        super(FilesystemChannel, self)._delete(queue, exchange, routing_key, pattern, *args, **kwargs)
        binding = Binding(routing_key or "", pattern or "", queue or "")
        with self._alone_with(exchange):
            table = self.get_table(exchange)
            if binding in table:
                replace(self._exchange_file(exchange), [other for other in table if other != binding])

    @contextmanager
    def _alone_with(self, exchange: str) -> Iterator[None]:
        self.control_folder.mkdir(parents=True, exist_ok=True)
        with self._exchange_file(exchange).with_suffix(".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    """The transport of `filesystem://`."""

    Channel = Channel
    # A full disk or missing rights are no fault of the caller's.
    connection_errors = (*filesystem.Transport.connection_errors, OSError)


def replace(path: Path, content: Any) -> None:
    """Write `content` as JSON to `path`. Others see the old file or the new one, never a part.

    Raises OSError, as for a full disk, and leaves nothing behind then.
    """
    part = path.with_name(f".{uuid4()}.part")
    try:
        part.write_text(dumps(content))
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
