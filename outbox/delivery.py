"""Sends the mails that wait: late rather than never, and never once they are of no use.

The row is the truth, as it is for notices: whoever attempts a mail holds its row, and whoever is killed lets go of it.
"""

import datetime as dt
import logging
from functools import partial
from uuid import UUID

from django.db.models import Min
from django.utils import timezone

from lib.each import for_each
from outbox.lock import alone_with
from outbox.models import LONGEST_PAUSE, OutgoingMail
from outbox.post import Post, final_refusal, kind_of

logger = logging.getLogger(__name__)

FIRST_PAUSE = dt.timedelta(seconds=5)


def deliver(post: Post) -> int:
    """Attempt every mail that is due, until the mail server can't be talked to or the worker is told to stop.

    Return with how many mails that failed for a fault of ours.
    """
    due = list(OutgoingMail.objects.due(timezone.now()).values_list("pk", flat=True))
    return for_each(
        due, partial(take, post=post), fault=lambda pk: f"mail {pk} can't be attempted", until=lambda: post.is_closed
    )


def take(pk: UUID, post: Post) -> None:
    """Attempt one mail, unless another worker does or has."""
    with alone_with(OutgoingMail.objects.due(timezone.now()).filter(pk=pk), "outbox") as mail:
        if mail is not None:
            attempt(mail, post)


def attempt(mail: OutgoingMail, post: Post) -> None:
    """Send one mail, whose row the caller holds; drop it if it is of no use any more or refused for good."""
    if mail.not_after <= timezone.now():
        logger.warning("mail %s is dropped: it could not be sent in time", mail.pk)
        mail.delete()
        return
    try:
        post.send(mail.message())
    except OSError as error:  # smtplib's are among them
        if final_refusal(error):
            logger.warning("mail %s is refused for good: %s", mail.pk, kind_of(error))
            mail.delete()
        else:
            logger.warning("mail %s could not be sent: %s", mail.pk, kind_of(error))
            put_off(mail)
    except Exception:
        logger.exception("mail %s can't be made", mail.pk)
        put_off(mail)
    else:
        mail.delete()


def put_off(mail: OutgoingMail) -> None:
    mail.attempts += 1
    mail.next_attempt_at = timezone.now() + pause(mail.attempts)
    mail.save(update_fields=["attempts", "next_attempt_at"])


def pause(attempts: int) -> dt.timedelta:
    """Return how long to wait after so many attempts: twice as long each time, up to LONGEST_PAUSE."""
    doublings = min(attempts - 1, 30)
    return min(FIRST_PAUSE * 2.0**doublings, LONGEST_PAUSE)


def longest_wait(now: dt.datetime) -> dt.timedelta:
    """Return how long the oldest mail has waited at `now`, tried in vain or not at all; zero if none waits."""
    oldest: dt.datetime | None = OutgoingMail.objects.aggregate(oldest=Min("created_at"))["oldest"]
    return max(now - oldest, dt.timedelta()) if oldest else dt.timedelta()
