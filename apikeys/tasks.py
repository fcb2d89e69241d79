"""What Celery's clock starts."""

from celery import shared_task
from django.utils import timezone

from apikeys import reminders


@shared_task
def send_expiry_reminders() -> None:
    """Send the reminders that are due."""
    reminders.remind(timezone.now())
