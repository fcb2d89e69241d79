"""What follows a change, off the request."""

from smtplib import SMTPException

from celery import shared_task

from members.mail import activation_mail
from members.models import Member


@shared_task(autoretry_for=(SMTPException, OSError), retry_backoff=60, max_retries=8)
def send_activation_mail(member_id: str, inviter: str) -> None:
    """Welcome a member, unless they have been removed or deactivated meanwhile."""
    member = Member.objects.active().select_related("organization", "role").filter(pk=member_id).first()
    if member is not None:
        activation_mail(member, inviter).send()
