"""Makes the mail for a notice: the letter in plain text and HTML, and the expiry for a calendar."""

import datetime as dt
from email.mime.text import MIMEText
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from icalendar import Alarm, Calendar, Event

from apikeys.letters import Letter, key_url, letter_for, one_line
from apikeys.models import ApiKey, Notice
from lib import request_id
from lib.addresses import absolute

# How long before the expiry a calendar speaks up: the first of these that is still ahead.
ALARMS = (dt.timedelta(days=7), dt.timedelta(days=1))


def mail_for(notice: Notice, now: dt.datetime) -> EmailMultiAlternatives:
    """Return the mail for `notice`, as true at `now`.

    Its Message-ID (RFC 5322 §3.6.4) is always the same: if a crash makes us send it twice, mail programs see one.
    """
    letter = letter_for(notice, now)
    mail = EmailMultiAlternatives(
        subject=letter.subject,
        body=render_to_string("apikeys/mail/letter.txt", {"letter": letter}),
        to=[notice.recipient],
        # RFC 3834 §5: nobody's out-of-office answers this.
        headers={"Message-ID": message_id(notice), "Auto-Submitted": "auto-generated"} | cause(notice),
    )
    mail.attach_alternative(render_to_string("apikeys/mail/letter.html", {"letter": letter}), "text/html")
    if notice.kind in Notice.REMINDERS and not notice.api_key.is_expired(now):
        mail.attach(calendar_part(notice, letter, now))
    return mail


def cause(notice: Notice) -> dict[str, str]:
    """Return the header that names the request or the run which caused the notice, if that is known."""
    caused_by = notice.details.get("request_id")
    return {request_id.HEADER: caused_by} if caused_by else {}


def message_id(notice: Notice) -> str:
    """Return the Message-ID that this kind and occasion, recipient and key have, now and ever."""
    what = "/".join(part for part in (notice.kind, notice.occasion) if part)
    name = absolute(f"/{notice.api_key.key_id}/{what}/{notice.recipient.lower()}")
    return f"<{uuid5(NAMESPACE_URL, name)}@{urlsplit(settings.BASE_URL).hostname}>"


def calendar_part(notice: Notice, letter: Letter, now: dt.datetime) -> MIMEText:
    """Return the attachment that puts the expiry into a calendar (RFC 5545, RFC 6047 §2.4)."""
    part = MIMEText(expiry_calendar(notice, letter, now), "calendar", "utf-8")
    part.set_param("method", "PUBLISH")
    part.add_header("Content-Disposition", "attachment", filename="key-expiry.ics")
    return part


def expiry_calendar(notice: Notice, letter: Letter, now: dt.datetime) -> str:
    """Return the expiry as a calendar of one event.

    All reminders of a key have the same UID: a calendar that is given several shows one.
    """
    api_key = notice.api_key
    event = Event()
    event.add("uid", calendar_uid(api_key))
    event.add("dtstamp", notice.created_at.astimezone(dt.UTC))
    event.add("dtstart", api_key.local_expiry().astimezone(dt.UTC))
    event.add("summary", f"{api_key.get_kind_display()} key “{one_line(api_key.description)}” expires")
    event.add("description", "\n\n".join(letter.meaning))
    event.add("url", key_url(api_key))
    event.add("transp", "TRANSPARENT")
    # From when the mail is sent, which may be days after it was written down.
    ahead = api_key.local_expiry() - now
    if before := next((before for before in ALARMS if before < ahead), None):
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", letter.heading)
        alarm.add("trigger", -before)
        event.add_component(alarm)
    calendar = Calendar()
    calendar.add("prodid", "-//Torii settings//API keys//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    text: str = calendar.to_ical().decode()
    return text


def calendar_uid(api_key: ApiKey) -> str:
    """Return what tells a calendar which key's expiry this is."""
    return f"{api_key.key_id}-expiry@{urlsplit(settings.BASE_URL).hostname}"
