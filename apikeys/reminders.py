"""Plans who is told that a key expires: a calendar month, 7 days and 1 day before, and when it has.

Planning only writes down, one `Notice` for each step, person and key, for whoever is to be told when the step falls
due; `apikeys.delivery` sends what is written down.

After a pause several steps may be due at once. Then only the latest is told: nobody gets three mails about the same
key in a minute. A step that was past when the key was made is never told, and one that the organization has turned
off is as good as not there.

A reminder stays owed until somebody has been told: switches, people and the organization's time zone may change while
it waits. After the expiry, `ApiKey.reminder_owed_at` says so.
"""

import datetime as dt
from dataclasses import dataclass
from functools import partial

from dateutil.relativedelta import relativedelta
from django.db import models, transaction
from django.db.models import Q

from apikeys.models import EXPIRES_SOON, ApiKey, ApiKeyQuerySet, Notice
from apikeys.recipients import recipients
from audit.actor import Actor
from lib.each import for_each
from members.models import Organization

EXPIRY_CLOCK = Actor.system("expiry clock")
ROTATION_CLOCK = Actor.system("rotation clock")

# In the order in which they fall due.
BEFORE_EXPIRY = {
    Notice.Kind.MONTH: EXPIRES_SOON,
    Notice.Kind.WEEK: relativedelta(days=7),
    Notice.Kind.DAY: relativedelta(days=1),
    Notice.Kind.EXPIRY: relativedelta(),
}

# No first step falls due earlier: a calendar month has up to 31 days, and a change of the clocks adds to it.
LONGEST_NOTICE = dt.timedelta(days=32)


class State(models.TextChoices):
    """How far a step is."""

    SENT = "sent", "Sent"
    WAITING = "waiting", "Waiting to be sent"
    FAILED = "failed", "Not delivered"
    TO_COME = "to come", "To come"
    SKIPPED = "skipped", "Skipped"
    OFF = "off", "Turned off"


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One step of one key: when it falls due (UTC), how far it is and why, and the notices written for it."""

    kind: Notice.Kind
    due_at: dt.datetime
    state: State
    notices: list[Notice]
    reason: str = ""


# The calendar ---------------------------------------------------------------------------------------------------------


def due_at(api_key: ApiKey, step: Notice.Kind) -> dt.datetime:
    """Return when `step` falls due (UTC): days and months are those of the organization's calendar and clock.

    Raises ValueError for a key that never expires.
    """
    return before_expiry(api_key, step, api_key.organization.zone)


def before_expiry(api_key: ApiKey, step: Notice.Kind, zone: dt.tzinfo) -> dt.datetime:
    """Return when `step` falls due (UTC) by the calendar and clock of `zone`."""
    if api_key.expires_at is None:
        raise ValueError("This key never expires.")
    if step == Notice.Kind.EXPIRY:
        return api_key.expires_at.astimezone(dt.UTC)
    try:
        expiry = api_key.expires_at.astimezone(zone)
    except OverflowError:
        expiry = api_key.expires_at.astimezone(dt.UTC)
    # Of a time that the clock shows twice the first counts, and for one that it leaps over, the end of the leap: where
    # that was a whole day, as in Samoa in 2011, it must not come after the expiry.
    return min(expiry - BEFORE_EXPIRY[step], expiry, key=dt.datetime.timestamp).astimezone(dt.UTC)


def is_skipped(api_key: ApiKey, step: Notice.Kind) -> bool:
    """Whether `step` was past when the key was made, by the clock of that time: another time zone changes nothing."""
    return api_key.created_at >= before_expiry(api_key, step, api_key.zone_when_made)


def is_on(organization: Organization, step: Notice.Kind) -> bool:
    """Whether the organization wants to be told of `step`."""
    switches = {
        Notice.Kind.MONTH: True,
        Notice.Kind.WEEK: organization.reminds_week_before,
        Notice.Kind.DAY: organization.reminds_day_before,
        Notice.Kind.EXPIRY: organization.reminds_at_expiry,
    }
    return switches[step]


def due_step(api_key: ApiKey, now: dt.datetime) -> Notice.Kind | None:
    """Return the latest step that has fallen due at `now`, of those that are wanted and not skipped, or None."""
    due = [step for step in BEFORE_EXPIRY if due_at(api_key, step) <= now and not is_skipped(api_key, step)]
    wanted = [step for step in due if is_on(api_key.organization, step)]
    return wanted[-1] if wanted else None


def owed_step(api_key: ApiKey, now: dt.datetime) -> Notice.Kind | None:
    """Return the step whose e-mail is still to be written at `now`; None if it was sent, or is about to be."""
    step = due_step(api_key, now)
    if step is None or is_told(api_key, step, now):
        return None
    later = {later for later in steps_after(step) if is_on(api_key.organization, later)}
    # After a change of the time zone, a later step may have been written down that isn't due yet.
    in_hand = any(
        notice.kind in later and notice.is_waiting and notice.created_at <= now for notice in api_key.notices.all()
    )
    return None if in_hand else step


def is_told(api_key: ApiKey, step: Notice.Kind, now: dt.datetime) -> bool:
    """Whether somebody was told of `step`, or of something later, by `now`.

    What a clock that was ahead has told counts once its time has come.
    """
    falls_due, told = due_at(api_key, step), {step, *steps_after(step)}
    for notice in api_key.notices.all():
        if notice.kind not in Notice.REMINDERS or notice.sent_at is None:
            continue
        if notice.kind in told:
            if notice.sent_at <= now or due_at(api_key, Notice.Kind(notice.kind)) <= now:
                return True
        elif falls_due <= notice.sent_at <= now:
            return True
    return False


# What the clock does --------------------------------------------------------------------------------------------------


def plan(now: dt.datetime) -> int:
    """Write down who is to be told of what is due at `now`, and put keys that have expired in the audit log.

    Return with how many keys that failed.
    """
    return for_each(
        keys_to_plan(now),
        partial(plan_key, now=now),
        fault=lambda api_key: f"the reminders of {api_key.hint} can't be planned",
    )


def keys_to_plan(now: dt.datetime) -> ApiKeyQuerySet:
    """Return the keys that may need an e-mail or an audit event at `now`.

    A key needs nothing more once its expiry is in the log and its e-mail was sent, unless a clock that was ahead wrote
    the expiry into the log too early.
    """
    not_expired = Q(expiry_recorded_at=None)
    too_early = Q(expiry_recorded_at__gt=now, expires_at__gt=now - LONGEST_NOTICE)
    keys = ApiKey.objects.expiring_before(now + LONGEST_NOTICE).filter(
        not_expired | too_early | Q(reminder_owed_at__isnull=False)
    )
    return keys.select_related("organization").prefetch_related("notices").order_by("expires_at", "id")


def plan_key(api_key: ApiKey, now: dt.datetime) -> None:
    """Write down who is to be told of the step that is owed at `now`, unless that is done."""
    step = owed_step(api_key, now)
    addresses = addresses_to_add(api_key, step) if step else []
    expired = api_key.is_expired(now)
    is_owed = step is not None
    is_recorded = api_key.expiry_recorded_at is not None and (api_key.reminder_owed_at is not None) == is_owed
    if not addresses and (is_recorded or not expired):
        return
    with transaction.atomic():
        if expired:
            api_key.record_expiry(by=EXPIRY_CLOCK, now=now, owed=is_owed)
        if step is not None:
            Notice.objects.add(api_key, step, addresses, now=now)


def addresses_to_add(api_key: ApiKey, step: Notice.Kind) -> list[str]:
    """Return who is to be told of `step` and isn't written down yet."""
    written_down = {notice.recipient.lower() for notice in api_key.notices.all() if notice.kind == step}
    return [address for address in recipients(api_key) if address.lower() not in written_down]


def delete_replaced_keys(now: dt.datetime) -> int:
    """Delete the keys whose successors have taken over, where that was asked for; return with how many that failed."""
    return for_each(
        ApiKey.objects.to_go_by_themselves().select_related("organization"),
        lambda api_key: api_key.delete_if_replaced(by=ROTATION_CLOCK, now=now),
        fault=lambda api_key: f"{api_key.hint} can't be deleted by itself",
    )


# What a reader is shown -----------------------------------------------------------------------------------------------


def schedule(api_key: ApiKey, now: dt.datetime) -> list[Scheduled]:
    """Return all steps of `api_key`, in the order in which they fall due, as they stand at `now`.

    It is empty for a key that never expires. Notices that are prefetched are used, else they take one query.
    """
    if api_key.expires_at is None:
        return []
    notices = list(api_key.notices.all())
    return [scheduled(api_key, step, notices, now) for step in BEFORE_EXPIRY]


def scheduled(api_key: ApiKey, step: Notice.Kind, notices: list[Notice], now: dt.datetime) -> Scheduled:
    """Return how `step` stands at `now`; `notices` are all of the key's."""
    falls_due = due_at(api_key, step)
    own = [notice for notice in notices if notice.kind == step]
    state, reason = standing_of_notices(api_key, step, own, now) if own else standing(api_key, step, now)
    return Scheduled(step, falls_due, state, own, reason)


def standing_of_notices(api_key: ApiKey, step: Notice.Kind, own: list[Notice], now: dt.datetime) -> tuple[State, str]:
    """Return how a step stands, and why, from `own`, the notices that were written for it."""
    waiting = [notice for notice in own if notice.is_waiting]
    failed = [notice for notice in own if notice.failed_at is not None]
    if waiting and due_step(api_key, now) == step and api_key.deleted_at is None:
        return State.WAITING, waiting[0].failure and f"the last attempt failed: {waiting[0].failure}"
    if failed:
        return State.FAILED, f"{len(failed)} of {len(own)} could not be delivered"
    if len(waiting) < len(own):
        return State.SENT, ""
    return standing(api_key, step, now)


def standing(api_key: ApiKey, step: Notice.Kind, now: dt.datetime) -> tuple[State, str]:
    """Return how a step stands that nobody was told of."""
    if is_skipped(api_key, step):
        return State.SKIPPED, "the key was made later"
    if api_key.deleted_at is not None:
        return State.SKIPPED, "the key was deleted"
    if not is_on(api_key.organization, step):
        return State.OFF, "your organization has turned it off"
    if due_at(api_key, step) > now:
        return State.TO_COME, ""
    if due_step(api_key, now) != step:
        return State.SKIPPED, "a later reminder took its place"
    if is_told(api_key, step, now):
        later = any(notice.sent_at and notice.kind in steps_after(step) for notice in api_key.notices.all())
        return State.SKIPPED, f"{'a later' if later else 'an earlier'} reminder took its place"
    if api_key.expiry_recorded_at is not None and api_key.expiry_recorded_at <= now and not api_key.reminder_owed_at:
        return State.SKIPPED, "nobody was to be told when it fell due"
    if not recipients(api_key):
        return State.WAITING, "there is nobody to tell: your organization has no active Admin"
    return State.WAITING, "it is about to be sent"


def steps_after(step: Notice.Kind) -> set[Notice.Kind]:
    steps = list(BEFORE_EXPIRY)
    return set(steps[steps.index(step) + 1 :])
