"""What follows a change, off the request, and what Celery's clock starts."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from members.mail import activation_mail
from members.models import Job, Member, NewAdmin, User
from members.sessions import clear_expired_sessions
from outbox.models import OutgoingMail

# How much of the time a worker is at jobs.
TURN_SHARE = 0.6


@shared_task(expires=settings.JOB_INTERVAL)
def run_jobs() -> None:
    """Go on with the jobs there are, until the clock strikes next and other tasks have had their turn."""
    Job.objects.run(TURN_SHARE * settings.JOB_INTERVAL)


@shared_task(expires=settings.JOB_INTERVAL)
def tell_of_new_admins() -> None:
    """Tell all Admins whom their identity provider has made one."""
    NewAdmin.objects.tell(timezone.now())


@shared_task
def send_activation_mail(member_id: str, inviter: str) -> None:
    """Welcome a member. Only the previous release asks for it, while both run side by side during an upgrade."""
    member = Member.objects.active().select_related("organization", "role").filter(pk=member_id).first()
    if member is not None:
        OutgoingMail.objects.write_down([activation_mail(member, inviter)])


@shared_task
def clear_sessions() -> None:
    """Delete the sessions that have expired. Two at once delete each a part of them."""
    clear_expired_sessions(timezone.now())


@shared_task
def forget_logins() -> None:
    """Delete the logins of people who have been members nowhere for long enough."""
    User.objects.forget(timezone.now(), settings.RETAIN_LOGINS)
