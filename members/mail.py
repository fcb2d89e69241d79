"""The mails about members: to somebody who was added by hand, and to Admins about whom a directory made one."""

from collections.abc import Sequence

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string

from lib.plain_text import on_one_line
from members.models import Member, NewAdmin
from outbox.models import one_line

NAMED_AT_MOST = 20

LONGEST_NAME = 120


def in_quotes(name: str) -> str:
    """Return a name as a mail quotes it: on one line, cut, and told from our own words."""
    return f"“{on_one_line(name, LONGEST_NAME)}”"


def activation_mail(member: Member, inviter: str) -> EmailMessage:
    """Return the mail that tells `member` who added them to what, and where to sign in."""
    organization = in_quotes(member.organization.name)
    context = {
        "inviter": in_quotes(inviter),
        "organization": organization,
        "role": in_quotes(member.role.name),
        "address": member.user_name,
        "url": member.organization.settings_url(),
    }
    return EmailMessage(
        subject=f"You have been added to {organization}",
        body=render_to_string("members/mail/activation.txt", context),
        to=[member.user_name],
    )


def new_admins_mail(new_admins: Sequence[NewAdmin], address: str) -> EmailMessage:
    """Return the mail that tells the Admin at `address` who has been made an Admin by one request."""
    first, count = new_admins[0], len(new_admins)
    organization = first.organization
    who = one_line(first.name) if count == 1 else f"{count} members"
    subject = f"{who} became {'an Admin' if count == 1 else 'Admins'} of {organization}"
    names = [f"{one_line(new.name)} ({new.user_name})" for new in new_admins[:NAMED_AT_MOST]]
    if count > NAMED_AT_MOST:
        names.append(f"and {count - NAMED_AT_MOST} more")
    at = organization.local(first.created_at)
    context = {
        "subject": subject,
        "count": count,
        "organization": organization,
        "facts": [
            {"label": "Admin" if count == 1 else "Admins", "value": ", ".join(names)},
            {"label": "Key", "value": first.made_by, "is_code": True},
            {"label": "When", "value": f"{at:%-d %b %Y, %H:%M} ({organization.time_zone})"},
        ],
        "members_url": organization.settings_url("members?role=Admin"),
        "security_url": organization.settings_url("security"),
    }
    mail = EmailMultiAlternatives(
        subject=subject, body=render_to_string("members/mail/new_admins.txt", context), to=[address]
    )
    mail.attach_alternative(render_to_string("members/mail/new_admins.html", context), "text/html")
    return mail
