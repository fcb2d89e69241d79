"""What Celery's clock starts, or whatever has just written a notice down."""

from celery import shared_task
from django.utils import timezone

from apikeys import reminders


@shared_task
def send_expiry_reminders() -> None:
    """Do what has fallen due."""
    reminders.remind(timezone.now())


@shared_task
def deliver_notices() -> None:
    """Send the notices that wait."""
