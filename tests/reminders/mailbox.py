"""A real mail server on a free port of the loopback interface: it keeps what it is given, and fails as it is told."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.services import free_port

HANG_UP = "hang up"
TAKE_AND_HANG_UP = "take it and hang up"


def parts(mail: EmailMessage) -> list[str]:
    """Return the plain text and the HTML of a mail that has both."""
    texts = []
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None, f"the mail has no {kind} part"
        texts.append(body.get_content())
    return texts


class Mailbox:
    """What has arrived, and what goes wrong.

    `refused` are addresses whose mailbox is full. `answers` are the coming answers by recipient and stage ("MAIL",
    "RCPT" or "DATA"): a line of SMTP, HANG_UP or TAKE_AND_HANG_UP; when there are no more, all is well. Mails
    wait while the mailbox is not `open`; `busy` says that one came. Until it `answers_mail` again, the mailbox takes
    mails and keeps silent about it.
    """

    host = "127.0.0.1"

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[EmailMessage] = []
        self.refused: set[str] = set()
        self.answers: dict[tuple[str, str], list[str]] = {}
        self.conversations = 0
        self.attempts = 0
        self.busy = threading.Event()
        self.open = threading.Event()
        self.open.set()
        self.answers_mail = threading.Event()
        self.answers_mail.set()

    def message_ids(self) -> Counter[str]:
        """Return how often each mail has arrived, by Message-ID."""
        return Counter(mail["Message-ID"] for mail in self.mails)

    def answer(self, server: SMTP, recipient: str, stage: str) -> str:
        """Return what to say at this stage, or nothing; a server that hangs up says it to nobody."""
        coming = self.answers.get((recipient, stage)) or self.answers.get(("*", stage))
        if not coming:
            return ""
        answer = coming.pop(0)
        if answer in (HANG_UP, TAKE_AND_HANG_UP):
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return answer

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender."""
        self.attempts += 1
        if answer := self.answer(server, "*", "MAIL"):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or refuse one as a full mailbox does."""
        if address in self.refused:
            return "452 4.2.2 Mailbox full"
        if answer := self.answer(server, address, "RCPT"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail, once the mailbox is open."""
        self.busy.set()
        await asyncio.to_thread(self.open.wait)
        answer = self.answer(server, envelope.rcpt_tos[0], "DATA")
        if answer and answer != TAKE_AND_HANG_UP:
            return answer
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(message_from_bytes(content, policy=policy.default))
        await asyncio.to_thread(self.answers_mail.wait)
        return "250 OK"


class Server(SMTP):
    """Counts who calls."""

    def connection_made(self, transport):
        self.event_handler.conversations += 1
        super().connection_made(transport)


class MailController(Controller):
    """Runs a Server."""

    def factory(self) -> SMTP:
        return Server(self.handler, **self.SMTP_kwargs)


@contextmanager
def mail_server(port: int | None = None, mailbox: Mailbox | None = None) -> Iterator[Mailbox]:
    """Run a mail server and yield its mailbox, a new one unless `mailbox` is to be served again."""
    mailbox = mailbox or Mailbox(port or free_port())
    controller = MailController(mailbox, hostname=mailbox.host, port=mailbox.port)
    try:
        controller.start()
        mailbox.conversations = 0  # the controller has called to see whether somebody answers
        yield mailbox
    finally:
        controller.stop()
        # If the port was taken the loop is still open, which some later test would be blamed for.
        controller.loop.close()
