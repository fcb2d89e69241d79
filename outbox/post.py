"""The conversation with the mail server, and what its answers mean. Mails of the outbox and notices go through it."""

import smtplib
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Self

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

# Servers limit how much they take in one conversation; and when so many in a row break off, it is the server's fault.
MAILS_IN_A_CONVERSATION = 50
BREAKS_IN_A_ROW = 3

# "Authentication required", "invalid" and their like (RFC 4954 §6), and "bad sequence", which some servers say instead:
# of us, not of the mail.
ABOUT_US = {503, 530, 534, 535, 538}

# The Message-IDs of the mails that a server has taken from this process lately. If the database goes away before that
# is written down, the task is run again: then there is no need to send the mail a second time.
taken_lately: deque[str] = deque(maxlen=1000)


class Post:
    """The mail server: one conversation for many mails, begun anew after any failure.

    `is_closed` says that there is no point in going on: it can't be reached, or breaks off every time.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self._conversation: BaseEmailBackend | None = None
        self._mails = 0
        self._breaks = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.hang_up()

    def send(self, mail: EmailMessage) -> None:
        """Send one mail, unless this process just did. Raises OSError, of which smtplib's are, if that fails."""
        message_id = mail.extra_headers["Message-ID"]
        if message_id in taken_lately:
            return
        conversation = self._conversation or self._begin()
        try:
            conversation.send_messages([mail])
        except BaseException as error:
            self._break_off(error)
            raise
        taken_lately.append(message_id)
        self._breaks = 0
        self._mails += 1
        if self._mails >= MAILS_IN_A_CONVERSATION:
            self.hang_up()

    def hang_up(self) -> None:
        """End the conversation; what goes wrong with that matters to nobody."""
        conversation, self._conversation, self._mails = self._conversation, None, 0
        if conversation is not None:
            with suppress(OSError):
                conversation.close()

    def _begin(self) -> BaseEmailBackend:
        conversation = self._conversation = get_connection(settings.MAIL_SERVER_BACKEND)
        try:
            conversation.open()
        except BaseException:
            self.is_closed = True
            self.hang_up()
            raise
        return conversation

    def _break_off(self, error: BaseException) -> None:
        self.hang_up()
        code = answer(error)[0] if isinstance(error, OSError) else 0
        about_one_mail = isinstance(error, ABOUT_A_MAIL) and code != 421 and code not in ABOUT_US
        self._breaks = 0 if about_one_mail else self._breaks + 1
        self.is_closed = self._breaks >= BREAKS_IN_A_ROW


def final_refusal(error: OSError) -> str:
    """Return the server's words if it refuses this one mail for good (RFC 5321 §4.2.1), else nothing.

    A server that doesn't let us in is no such refusal: our password may be wrong, or our address banned.
    """
    code = answer(error)[0] if isinstance(error, ABOUT_A_MAIL) else 0
    return words(error) if code >= 500 and code not in ABOUT_US else ""


ABOUT_A_MAIL = (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError)


def answer(error: OSError) -> tuple[int, bytes | str]:
    """Return code and text of the mail server's answer, 0 if it didn't give any."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return code, text
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code, error.smtp_error
    return 0, str(error) or type(error).__name__


def words(error: OSError) -> str:
    """Return what to keep of an error: the server's words in one line."""
    code, text = answer(error)
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    text = " ".join(text.replace("\0", " ").split())
    return f"{code} {text}" if code else text


def kind_of(error: OSError) -> str:
    """Return what a log may say of an error: the reply's code, not its words, which may name the recipient."""
    code, _ = answer(error)
    return str(code) if code else type(error).__name__
