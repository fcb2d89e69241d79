"""Tells people that a key is about to expire: a calendar month, 7 days and 1 day before, and when it has.

A run has two halves. `plan` decides who is to be told of what and writes it down, one `Notice` for each step, person
and key; `send` carries that out. The row is the truth: it is made once, for whoever is to be told when the step falls
due, and says when the mail went out. A mail that failed, or that a crash prevented, is sent by the next run.

After a pause several steps may be due at once. Then only the latest is told, and what is left unsent of the earlier
ones is dropped: nobody gets three mails about the same key in a minute. A step that was past when the key was made is
never told.
"""

import datetime as dt
import logging
from smtplib import SMTPException

from dateutil.relativedelta import relativedelta
from django.db import transaction

from apikeys.mail import expiry_mail
from apikeys.models import EXPIRES_SOON, ApiKey, Notice
from audit.actor import Actor
from members.models import MemberQuerySet

logger = logging.getLogger(__name__)

EXPIRY_CLOCK = Actor.system("expiry clock")

BEFORE_EXPIRY = {
    Notice.Kind.MONTH: EXPIRES_SOON,
    Notice.Kind.WEEK: relativedelta(days=7),
    Notice.Kind.DAY: relativedelta(days=1),
    Notice.Kind.EXPIRY: relativedelta(),
}

# No first step falls due earlier: a calendar month has up to 31 days, and a change of the clocks adds to it.
LONGEST_NOTICE = dt.timedelta(days=32)

# An address that refuses mail for this long is not tried for ever.
TRIED_FOR = dt.timedelta(days=31)


def remind(now: dt.datetime) -> None:
    """Send what is due at `now`, and put the expiry of keys that have expired in the audit log."""
    expiring = ApiKey.objects.expiring_before(now + LONGEST_NOTICE).filter(expiry_recorded_at=None)
    for api_key in expiring.select_related("organization").prefetch_related("notices"):
        plan(api_key, now)
    for reminder_id in Notice.objects.filter(sent_at=None).order_by("id").values_list("id", flat=True):
        try:
            send(reminder_id, now)
        except SMTPException as error:
            logger.warning("reminder %s was refused, the next run tries again: %r", reminder_id, error)
        except OSError as error:
            logger.warning("the mail server can't be reached, the next run tries again: %r", error)
            return


def plan(api_key: ApiKey, now: dt.datetime) -> None:
    """Write down who is to be told of the step that is due at `now`, unless that is done."""
    step = due_step(api_key, now)
    if step is None or step in {reminder.kind for reminder in api_key.notices.all()}:
        return
    with transaction.atomic():
        if step == Notice.Kind.EXPIRY:
            api_key.record_expiry(by=EXPIRY_CLOCK, now=now)
        api_key.notices.filter(sent_at=None).exclude(kind=step).delete()
        Notice.objects.bulk_create(
            [
                Notice(api_key=api_key, kind=step, recipient=address, created_at=now)
                for address in recipients(api_key).values_list("user_name", flat=True)
            ],
            # Another worker may have written them down at the same moment.
            ignore_conflicts=True,
        )


def due_step(api_key: ApiKey, now: dt.datetime) -> Notice.Kind | None:
    """Return the latest step that has fallen due between the key's creation and `now`, or None."""
    due = [step for step in BEFORE_EXPIRY if api_key.created_at < due_at(api_key, step) <= now]
    return due[-1] if due else None


def due_at(api_key: ApiKey, step: Notice.Kind) -> dt.datetime:
    """Return when `step` falls due: days and months are those of the organization's calendar and clock."""
    return (api_key.local_expiry() - BEFORE_EXPIRY[step]).astimezone(dt.UTC)


def recipients(api_key: ApiKey) -> MemberQuerySet:
    """Return whom to tell of a key: every active Admin, and who made it if they are still an active member."""
    active = api_key.organization.members.active()
    if api_key.created_by_id is None:
        return active.admins()
    return active.admins() | active.filter(pk=api_key.created_by_id)


def send(reminder_id: int, now: dt.datetime) -> None:
    """Send one reminder, unless another worker does or has; drop it if there is nobody or nothing to be told any more.

    Raises SMTPException if the mail is refused, OSError if the mail server can't be reached; the row then stays unsent.
    """
    with transaction.atomic():
        reminder = (
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("api_key__organization")
            .filter(pk=reminder_id, sent_at=None)
            .first()
        )
        if reminder is None:
            return
        if not still_wanted(reminder, now):
            reminder.delete()
            return
        expiry_mail(reminder, now).send()
        reminder.sent_at = now
        reminder.save(update_fields=["sent_at"])


def still_wanted(reminder: Notice, now: dt.datetime) -> bool:
    """Whether the key is still there, the person still somebody to tell, and the mail not given up."""
    api_key = reminder.api_key
    if api_key.deleted_at is not None or now - reminder.created_at > TRIED_FOR:
        return False
    return recipients(api_key).with_user_name(reminder.recipient).exists()
