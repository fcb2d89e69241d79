"""Plans who is told that a key expires: a calendar month, 7 days and 1 day before, and when it has.

Planning only writes down, one `Notice` for each step, person and key, for whoever is to be told when the step falls
due; `apikeys.delivery` sends what is written down.

After a pause several steps may be due at once. Then only the latest is told: nobody gets three mails about the same
key in a minute. A step that was past when the key was made is never told, and one that the organization has turned
off is as good as not there.
"""

import datetime as dt
import logging
from dataclasses import dataclass

from dateutil.relativedelta import relativedelta
from django.db import InterfaceError, OperationalError, models, transaction
from django.db.models import Q

from apikeys.models import EXPIRES_SOON, ApiKey, ApiKeyQuerySet, Notice
from apikeys.recipients import recipients
from audit.actor import Actor
from lib.stopping import is_stopping
from members.models import Organization

logger = logging.getLogger(__name__)

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
    expiry = api_key.local_expiry()
    if step == Notice.Kind.EXPIRY:
        return expiry.astimezone(dt.UTC)
    # Of a time that the clock shows twice the first counts, and for one that it leaps over, the end of the leap: where
    # that was a whole day, as in Samoa in 2011, it must not come after the expiry.
    return min(expiry - BEFORE_EXPIRY[step], expiry, key=dt.datetime.timestamp).astimezone(dt.UTC)


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
    """Return the latest step that has fallen due between the key's creation and `now`, of those wanted, or None."""
    due = [step for step in steps_due(api_key, now) if api_key.created_at < due_at(api_key, step)]
    wanted = [step for step in due if is_on(api_key.organization, step)]
    return wanted[-1] if wanted else None


def steps_due(api_key: ApiKey, now: dt.datetime) -> list[Notice.Kind]:
    return [step for step in BEFORE_EXPIRY if due_at(api_key, step) <= now]


def step_to_tell(api_key: ApiKey, now: dt.datetime) -> Notice.Kind | None:
    """Return the step that is due at `now`, unless that or a later one is written down already.

    A step written down by a clock that was ahead, and which is not due yet, takes no other's place.
    """
    step = due_step(api_key, now)
    if step is None:
        return None
    due = steps_due(api_key, now)
    written_down = {notice.kind for notice in api_key.notices.all()}
    return None if written_down.intersection(due[due.index(step) :]) else step


# What the clock does --------------------------------------------------------------------------------------------------


def plan(now: dt.datetime) -> None:
    """Write down who is to be told of what is due at `now`, and put keys that have expired in the audit log."""
    for api_key in keys_to_plan(now):
        if is_stopping():
            return
        try:
            plan_key(api_key, now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # One key that can't be reckoned with must not keep the others from being told.
            logger.exception("the reminders of %s can't be planned", api_key.hint)


def keys_to_plan(now: dt.datetime) -> ApiKeyQuerySet:
    """Return the keys of which something may be due at `now`.

    A key is done with once its expiry is in the log, unless a clock that was ahead has put it there.
    """
    not_expired = Q(expiry_recorded_at=None)
    too_early = Q(expiry_recorded_at__gt=now, expires_at__gt=now - LONGEST_NOTICE)
    keys = ApiKey.objects.expiring_before(now + LONGEST_NOTICE).filter(not_expired | too_early)
    return keys.select_related("organization").prefetch_related("notices").order_by("expires_at", "id")


def plan_key(api_key: ApiKey, now: dt.datetime) -> None:
    """Write down who is to be told of the step that is due at `now`, unless that is done."""
    step = step_to_tell(api_key, now)
    if step is None and not api_key.is_expired(now):
        return
    with transaction.atomic():
        if api_key.is_expired(now):
            api_key.record_expiry(by=EXPIRY_CLOCK, now=now)
        if step is not None:
            Notice.objects.add(api_key, step, recipients(api_key), now=now)


def delete_replaced_keys(now: dt.datetime) -> None:
    """Delete the keys whose successors have taken over, where that was asked for."""
    for api_key in ApiKey.objects.rotating().filter(delete_when_silent=True):
        api_key.delete_if_replaced(by=ROTATION_CLOCK, now=now)


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
    state, reason = standing_of_notices(api_key, step, own, now) if own else standing(api_key, step, notices, now)
    return Scheduled(step, falls_due, state, own, reason)


def standing_of_notices(
    api_key: ApiKey, step: Notice.Kind, notices: list[Notice], now: dt.datetime
) -> tuple[State, str]:
    """Return how a step stands of which `notices` are written down."""
    waiting = [notice for notice in notices if notice.sent_at is None and notice.failed_at is None]
    failed = [notice for notice in notices if notice.failed_at is not None]
    if waiting and due_step(api_key, now) == step and api_key.deleted_at is None:
        return State.WAITING, waiting[0].failure and f"the last attempt failed: {waiting[0].failure}"
    if failed:
        return State.FAILED, f"{len(failed)} of {len(notices)} could not be delivered"
    if len(waiting) < len(notices):
        return State.SENT, ""
    return standing(api_key, step, [], now)


def standing(api_key: ApiKey, step: Notice.Kind, notices: list[Notice], now: dt.datetime) -> tuple[State, str]:
    """Return how a step stands that nobody was told of; `notices` are those of other steps."""
    falls_due = due_at(api_key, step)
    if falls_due <= api_key.created_at:
        return State.SKIPPED, "the key was made later"
    if api_key.deleted_at is not None:
        return State.SKIPPED, "the key was deleted"
    if not is_on(api_key.organization, step):
        return State.OFF, "your organization has turned it off"
    if falls_due > now:
        return State.TO_COME, ""
    if due_step(api_key, now) != step or {notice.kind for notice in notices}.intersection(steps_after(step)):
        return State.SKIPPED, "a later reminder took its place"
    if api_key.expiry_recorded_at is not None and api_key.expiry_recorded_at <= now:
        return State.SKIPPED, "nobody was to be told when it fell due"
    return State.WAITING, "it has just fallen due"


def steps_after(step: Notice.Kind) -> set[Notice.Kind]:
    steps = list(BEFORE_EXPIRY)
    return set(steps[steps.index(step) + 1 :])
