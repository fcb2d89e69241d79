"""Django's SMTP backend with bounds on how long a conversation takes.

A timeout of a socket begins anew with each byte. A server that says one now and then would hold a worker for good, and
a worker that is told to stop would wait for a server that says nothing. So a thread watches each conversation, and
hangs up when its time is over.
"""

import smtplib
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend as DjangoEmailBackend

from lib.stopping import is_stopping

# How long a server may take for any answer but the last.
COMMAND_SECONDS = 20
# Between accepting a mail and saying so, a server may examine it; hanging up too early means to send it twice.
# RFC 5321 §4.5.3.2.6
ANSWER_SECONDS = 60
# How long one mail may take, and a conversation that is going on when the worker is told to stop.
MAIL_SECONDS = 90
STOPPING_SECONDS = 10

LOOK_SECONDS = 0.2


class Conversation(smtplib.SMTP):
    """A conversation that gives the last answer more time than the others, and can be ended from another thread."""

    def __init__(self, backend: "EmailBackend", *args: Any, **kwargs: Any) -> None:
        # smtplib connects in here, which may take as long as anything else.
        backend.conversation = self
        super().__init__(*args, **kwargs)

    def data(self, msg: Any) -> tuple[int, bytes]:
        self._be_patient(ANSWER_SECONDS)
        answer = super().data(msg)
        self._be_patient(COMMAND_SECONDS)
        return answer

    def _be_patient(self, seconds: float) -> None:
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def hang_up(self) -> None:
        """Have whoever waits for an answer get SMTPServerDisconnected."""
        sock = self.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class TlsConversation(Conversation, smtplib.SMTP_SSL):
    """The same over TLS from the start."""


class EmailBackend(DjangoEmailBackend):
    """Django's, but no conversation about one mail takes longer than MAIL_SECONDS."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"timeout": COMMAND_SECONDS} | kwargs)
        self.conversation: Conversation | None = None

    @property
    def connection_class(self) -> Any:
        return partial(TlsConversation if self.use_ssl else Conversation, self)

    def open(self) -> bool | None:
        if self.connection:
            return False
        with self._watched():
            return super().open()

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.open()
        with self._watched():
            return super().send_messages(email_messages) or 0

    def close(self) -> None:
        with self._watched():
            super().close()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Hang up if the block takes too long, or goes on for too long after the worker was told to stop."""
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(over,), daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()

    def _watch(self, over: threading.Event) -> None:
        deadline = time.monotonic() + MAIL_SECONDS
        was_stopping = False
        while not over.wait(LOOK_SECONDS):
            if is_stopping() and not was_stopping:
                was_stopping = True
                deadline = min(deadline, time.monotonic() + STOPPING_SECONDS)
            if time.monotonic() > deadline and self.conversation is not None:
                self.conversation.hang_up()
