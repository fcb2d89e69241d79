"""What Celery's clock starts, or whatever has just written a notice down.

Each may run at any time, any number of times and beside itself: what there is to do is in the database.
"""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from apikeys import makers, reminders, retention
from apikeys.delivery import deliver


@shared_task
def send_expiry_reminders() -> None:
    """Do what has fallen due: plan reminders, delete keys that are replaced, send what waits."""
    now = timezone.now()
    reminders.plan(now)
    reminders.delete_replaced_keys(now)
    deliver(now)


@shared_task
def forget_old() -> None:
    """Delete notices and origins that have been kept for long enough."""
    retention.forget(timezone.now())


# The clock would do it anyway, so what has waited for a worker that long needs none any more.
@shared_task(expires=4 * settings.REMINDER_INTERVAL)
def deliver_notices() -> None:
    """Send the notices that wait."""
    deliver(timezone.now())


@shared_task
def name_makers() -> None:
    """Note who made keys that the release before has made."""
    makers.name_makers()
