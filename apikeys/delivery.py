"""Sends the notices that are written down: once each, whatever crashes; late rather than never.

The row is the truth. Whoever attempts a notice holds it for as long as the attempt takes, so nobody else can; whoever
is killed lets go of it, and the next run tries again. What can't be helped is a crash after the mail server has taken a
mail and before we have written that down: the mail goes out once more, with the same Message-ID.

What the mail server refuses for good has failed. Whatever else goes wrong may be right later: the notice is tried again
after a pause that doubles each time, for a month.
"""

import datetime as dt
import logging
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Min

from apikeys.mail import mail_for
from apikeys.models import ApiKey, Notice
from apikeys.models.notice import LONGEST_PAUSE
from apikeys.recipients import admins, is_known_to_another, is_still_told
from apikeys.reminders import due_at, due_step
from lib.each import for_each
from lib.stopping import is_stopping
from outbox import delivery as outbox
from outbox.lock import alone_with
from outbox.post import Post, final_refusal, kind_of, words

logger = logging.getLogger(__name__)

# An address that can't be reached for this long, and this often, is given up. How often counts as well, because a
# server may refuse whatever it sees for the first time, and a clock may have been a month ahead.
TRIED_FOR = dt.timedelta(days=31)
TRIED_AT_LEAST = 10

FAILURE_LENGTH = 300


def deliver(now: dt.datetime) -> int:
    """Attempt every notice that is due at `now`, until the mail server can't be talked to.

    Mails of the outbox go before each: somebody waits for them to sign in. Return with how many notices that failed
    for a fault of ours.
    """
    with Post() as post:

        def next_one(notice_id: int) -> None:
            outbox.deliver(post)
            if not post.is_closed and not is_stopping():
                attempt(notice_id, now, post)

        due = list(Notice.objects.due(now).values_list("id", flat=True))
        return for_each(due, next_one, fault=lambda pk: f"notice {pk} can't be attempted", until=lambda: post.is_closed)


def attempt(notice_id: int, now: dt.datetime, post: Post) -> None:
    """Send one notice, unless another worker does or has; let it go if there is nothing to tell its recipient."""
    due = Notice.objects.due(now).filter(pk=notice_id).select_related("api_key__organization")
    with alone_with(due, "delivery") as notice:
        if notice is None:
            return
        try:
            # A savepoint: what fails in the database in there must not keep us from writing that down.
            with transaction.atomic():
                if is_too_early(notice, now):
                    return
                mail = mail_for(notice, now) if is_wanted(notice, now) else None
                if mail is None:
                    let_go(notice, now)
                    return
            post.send(mail)
        except (OperationalError, InterfaceError):
            raise
        except OSError as error:  # smtplib's are among them
            note_failure(notice, now, error, server_is_away=post.is_closed)
        except Exception:
            logger.exception("notice %s can't be written", notice.pk)
            put_off(notice, now, "The mail could not be written: a bug of ours.", give_up=False)
        else:
            note(notice, sent_at=now, attempts=notice.attempts + 1, failure="")
            if notice.kind in Notice.REMINDERS and notice.api_key.reminder_owed_at is not None:
                ApiKey.objects.filter(pk=notice.api_key_id).update(reminder_owed_at=None)


def let_go(notice: Notice, now: dt.datetime) -> None:
    """Drop a notice that isn't to be sent, but keep its message owed to somebody.

    A reminder is planned again. A message about what happened to a key goes to the present Admins, unless somebody else
    got it already; while there is no Admin, it waits.
    """
    if notice.kind in Notice.REMINDERS or is_known_to_another(notice):
        notice.delete()
    elif addresses := admins(notice.api_key):
        Notice.objects.pass_on(notice, addresses)
    else:
        note(notice, next_attempt_at=now + LONGEST_PAUSE, failure="There is nobody to tell: no Admin is active.")


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


def longest_overdue(now: dt.datetime) -> dt.timedelta:
    """Return for how long the notice that should have been tried first has been due at `now`; zero if none is due."""
    due: dt.datetime | None = Notice.objects.waiting().aggregate(due=Min("next_attempt_at"))["due"]
    return max(now - due, dt.timedelta()) if due else dt.timedelta()


# What became of it ----------------------------------------------------------------------------------------------------


def note_failure(notice: Notice, now: dt.datetime, error: OSError, *, server_is_away: bool) -> None:
    """Give the notice up if the server has said its last word, else put it off."""
    if refusal := final_refusal(error):
        logger.warning("notice %s is refused for good: %s", notice.pk, kind_of(error))
        note(notice, failed_at=now, attempts=notice.attempts + 1, failure=refusal)
    else:
        logger.warning("notice %s could not be sent: %s", notice.pk, kind_of(error))
        put_off(notice, now, words(error), give_up=not server_is_away)


def put_off(notice: Notice, now: dt.datetime, failure: str, *, give_up: bool = True) -> None:
    """Have the notice tried again later, or give it up after a month, if the fault is the recipient's."""
    attempts = notice.attempts + 1
    # It can't have been made later than now: a clock that was ahead says so.
    created_at = min(notice.created_at, now)
    if give_up and attempts >= TRIED_AT_LEAST and now - created_at > TRIED_FOR:
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
