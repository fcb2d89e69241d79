"""The mail that welcomes somebody who was added by hand."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from members.models import Member


def activation_mail(member: Member, inviter: str) -> EmailMessage:
    """Return the mail that tells `member` who added them to what, and where to sign in."""
    context = {
        "inviter": inviter,
        "organization": member.organization,
        "role": member.role,
        "address": member.user_name,
        "url": f"{settings.BASE_URL}/settings/",
    }
    return EmailMessage(
        subject=f"You have been added to {member.organization}",
        body=render_to_string("members/mail/activation.txt", context),
        to=[member.user_name],
    )
