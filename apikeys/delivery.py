"""Sends the notices that are written down: once each, whatever crashes; late rather than never.

The row is the truth. Whoever attempts a notice holds it for as long as the attempt takes, so nobody else can; whoever
is killed lets go of it, and the next run tries again. What can't be helped is a crash after the mail server has taken a
mail and before we have written that down: the mail goes out once more, with the same Message-ID.

What the mail server refuses for good has failed. Whatever else goes wrong may be right later: the notice is tried again
after a pause that doubles each time, for a month.
"""

import datetime as dt
import fcntl
import logging
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import InterfaceError, OperationalError, connection, transaction

from apikeys.mail import mail_for
from apikeys.models import Notice
from apikeys.models.notice import LONGEST_PAUSE
from apikeys.recipients import is_still_told
from apikeys.reminders import due_at, due_step

logger = logging.getLogger(__name__)

# An address that can't be reached for this long, and this often, is given up. How often counts as well, because a
# server may refuse whatever it sees for the first time, and a clock may have been a month ahead.
TRIED_FOR = dt.timedelta(days=31)
TRIED_AT_LEAST = 10

# Between accepting a mail and saying so, a server may examine it; hanging up too early means to send it twice.
# RFC 5321 §4.5.3.2.6
ANSWER_SECONDS = 60

# Servers limit how much they take in one conversation; and when so many in a row break off, it is the server's fault.
MAILS_IN_A_CONVERSATION = 50
BREAKS_IN_A_ROW = 3

# "Authentication required", "invalid" and their like (RFC 4954 §6), and "bad sequence", which some servers say instead:
# of us, not of the mail.
ABOUT_US = {503, 530, 534, 535, 538}

FAILURE_LENGTH = 300


def deliver(now: dt.datetime) -> None:
    """Attempt every notice that is due at `now`, until the mail server can't be talked to."""
    post = Post()
    try:
        for notice_id in list(Notice.objects.due(now).values_list("id", flat=True)):
            attempt(notice_id, now, post)
            if post.is_closed:
                return
    finally:
        post.hang_up()


def attempt(notice_id: int, now: dt.datetime, post: "Post") -> None:
    """Send one notice, unless another worker does or has; drop it if there is nobody or nothing to be told any more."""
    with alone_with(notice_id, now) as notice:
        if notice is None or is_too_early(notice, now):
            return
        try:
            # A savepoint: what fails in the database in there must not keep us from writing that down.
            with transaction.atomic():
                mail = mail_for(notice, now) if is_wanted(notice, now) else None
            if mail is None:
                notice.delete()
                return
            post.send(mail)
        except (OperationalError, InterfaceError):
            raise
        except OSError as error:  # smtplib's are among them
            note_failure(notice, now, error)
        except Exception:
            logger.exception("notice %s can't be written", notice.pk)
            put_off(notice, now, "The mail could not be written: a bug of ours.")
        else:
            note(notice, sent_at=now, attempts=notice.attempts + 1, failure="")


@contextmanager
def alone_with(notice_id: int, now: dt.datetime) -> Iterator[Notice | None]:
    """Give a notice that is due to this process alone for the length of the block; None if it isn't to be had.

    PostgreSQL locks the row for as long as a transaction is open, frees it at once when the process is killed, and
    others pass it by. SQLite would lock the whole database while the mail server takes its time, so there the lock is
    on a file beside the database, which the kernel frees on a kill; others wait for it.
    """
    due = Notice.objects.due(now).filter(pk=notice_id).select_related("api_key__organization")
    if connection.features.has_select_for_update_skip_locked:
        with transaction.atomic():
            yield due.select_for_update(skip_locked=True, of=("self",)).first()
    else:
        with Path(f"{connection.settings_dict['NAME']}.delivery").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield due.first()


def is_too_early(notice: Notice, now: dt.datetime) -> bool:
    """Whether a reminder was written down by a clock that was ahead: it stays until its time has come."""
    return notice.kind in Notice.REMINDERS and due_at(notice.api_key, Notice.Kind(notice.kind)) > now


def is_wanted(notice: Notice, now: dt.datetime) -> bool:
    """Whether there is still something to tell the recipient, who is still somebody to tell.

    Of an expiry only the latest step is told, while the key exists. Of what happened to a key people want to know even
    when it is deleted.
    """
    api_key = notice.api_key
    if notice.kind in Notice.REMINDERS and (api_key.deleted_at is not None or due_step(api_key, now) != notice.kind):
        return False
    return is_still_told(notice)


# What became of it ----------------------------------------------------------------------------------------------------


def note_failure(notice: Notice, now: dt.datetime, error: OSError) -> None:
    """Give the notice up if the server has said its last word, else put it off."""
    if refusal := final_refusal(error):
        logger.warning("notice %s is refused for good: %s", notice.pk, refusal)
        note(notice, failed_at=now, attempts=notice.attempts + 1, failure=refusal)
    else:
        logger.warning("notice %s could not be sent: %r", notice.pk, error)
        put_off(notice, now, words(error))


def put_off(notice: Notice, now: dt.datetime, failure: str) -> None:
    """Have the notice tried again later, or give it up after a month."""
    attempts = notice.attempts + 1
    # It can't have been made later than now: a clock that was ahead says so.
    created_at = min(notice.created_at, now)
    if attempts >= TRIED_AT_LEAST and now - created_at > TRIED_FOR:
        failure = f"Given up after {TRIED_FOR.days} days. {failure}"
        note(notice, failed_at=now, attempts=attempts, failure=failure)
        return
    note(notice, created_at=created_at, attempts=attempts, next_attempt_at=now + pause(attempts), failure=failure)


def pause(attempts: int) -> dt.timedelta:
    """Return how long to wait after so many attempts: the clock's interval, doubled each time, up to four hours."""
    doublings = min(attempts - 1, 30)
    return min(dt.timedelta(seconds=settings.REMINDER_INTERVAL * 2**doublings), LONGEST_PAUSE)


def note(notice: Notice, *, failure: str, **fields: Any) -> None:
    Notice.objects.filter(pk=notice.pk).update(failure=failure[:FAILURE_LENGTH], **fields)


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


# The mail server ------------------------------------------------------------------------------------------------------


class Post:
    """The mail server: one conversation for many mails, begun anew after any failure.

    `is_closed` says that there is no point in going on: it can't be reached, or breaks off every time.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self._conversation: BaseEmailBackend | None = None
        self._mails = 0
        self._breaks = 0

    def send(self, mail: EmailMessage) -> None:
        """Send one mail. Raises OSError, of which smtplib's are, if that fails."""
        conversation = self._conversation or self._begin()
        try:
            conversation.send_messages([mail])
        except BaseException as error:
            self._break_off(error)
            raise
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
        conversation = self._conversation = get_connection(timeout=ANSWER_SECONDS)
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
