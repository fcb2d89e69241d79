"""What Celery's clock starts, or whoever has just written a mail down."""

from celery import shared_task
from django.conf import settings

from outbox.delivery import deliver
from outbox.post import Post


# The clock strikes again, so a message that has waited for a worker that long is of no use.
@shared_task(expires=4 * settings.OUTBOX_INTERVAL)
def deliver_mails() -> None:
    """Send the mails that wait."""
    with Post() as post:
        deliver(post)
