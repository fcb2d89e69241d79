"""The mail that tells somebody about a key's expiry, in plain text and HTML."""

import datetime as dt
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from apikeys.models import ApiKey, Notice


def expiry_mail(reminder: Notice, now: dt.datetime) -> EmailMultiAlternatives:
    """Return the mail for `reminder`, as true at `now`.

    Its Message-ID (RFC 5322 §3.6.4) is always the same: if a crash makes us send it twice, mail programs see one.
    """
    api_key = reminder.api_key
    context = {
        "api_key": api_key,
        "organization": api_key.organization,
        "expired": api_key.is_expired(now),
        "when": when(api_key, now),
        "url": f"{settings.BASE_URL}/settings/api-access",
    }
    mail = EmailMultiAlternatives(
        subject=subject(api_key, now),
        body=render_to_string("apikeys/mail/expiry.txt", context),
        to=[reminder.recipient],
        # RFC 3834 §5: nobody's out-of-office answers this.
        headers={"Message-ID": message_id(reminder), "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("apikeys/mail/expiry.html", context), "text/html")
    return mail


def subject(api_key: ApiKey, now: dt.datetime) -> str:
    """Return a line that says which key expires when."""
    description = " ".join(api_key.description.split())
    return f'{api_key.get_kind_display()} key "{description}" of {api_key.organization} {when(api_key, now)}'


def when(api_key: ApiKey, now: dt.datetime) -> str:
    """Return how far off the expiry is, as in "expires in 7 days, on 31 Mar 2027", by the organization's calendar."""
    expiry = api_key.local_expiry()
    day = f"on {expiry:%-d %b %Y}"
    if api_key.is_expired(now):
        return f"expired {day}"
    days = (expiry.date() - now.astimezone(expiry.tzinfo).date()).days
    near = {0: "today", 1: "tomorrow"}
    return f"expires {near.get(days, f'in {days} days')}, {day}"


def message_id(reminder: Notice) -> str:
    """Return the Message-ID that this step, recipient and key have, now and ever."""
    name = f"{settings.BASE_URL}/{reminder.api_key.key_id}/{reminder.kind}/{reminder.recipient}"
    return f"<{uuid5(NAMESPACE_URL, name)}@{urlsplit(settings.BASE_URL).hostname}>"
