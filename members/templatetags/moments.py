"""Days and instants as people read them, in the time zone of the organization whose page it is.

`{% day %}` says "23 Nov 2026", `{% instant %}` "23 Nov 2026, 00:00 (Europe/Berlin)", `{% ago %}` "2 minutes ago" with
the instant on hover.
"""

import datetime as dt
from typing import Any

from django import template
from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from members.models import Organization

register = template.Library()

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
DAYS_SHOWN = 30


def day_text(date: dt.date) -> str:
    """Return `date` as in "23 Nov 2026"."""
    return dateformat.format(date, "j M Y")


def instant_text(moment: dt.datetime, organization: Organization) -> str:
    """Return `moment` as in "23 Nov 2026, 00:00 (Europe/Berlin)"."""
    local = organization.local(moment)
    return f"{day_text(local)}, {local:%H:%M} ({organization.zone_name})"


def ago_text(moment: dt.datetime, now: dt.datetime, organization: Organization) -> str:
    """Return how long `moment` is past at `now`; the day itself once that is more than a month."""
    seconds = int((now - moment).total_seconds())
    if seconds < MINUTE:
        return "just now"
    for unit, size, limit in (("minute", MINUTE, HOUR), ("hour", HOUR, DAY), ("day", DAY, DAYS_SHOWN * DAY)):
        if seconds < limit:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return day_text(organization.local(moment))


@register.simple_tag(takes_context=True)
def day(context: dict[str, Any], moment: dt.datetime) -> SafeString:
    """Render the day of `moment`, the instant on hover."""
    organization = context["request"].organization
    text = day_text(organization.local(moment))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), instant_text(moment, organization), text
    )


@register.simple_tag(takes_context=True)
def instant(context: dict[str, Any], moment: dt.datetime) -> SafeString:
    """Render `moment` with its time zone."""
    text = instant_text(moment, context["request"].organization)
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), text)


@register.simple_tag(takes_context=True)
def ago(context: dict[str, Any], moment: dt.datetime, note: str = "") -> SafeString:
    """Render how long `moment` is past; the instant, and `note` after it, on hover."""
    organization = context["request"].organization
    whole = f"{instant_text(moment, organization)} {note}".strip()
    text = ago_text(moment, timezone.now(), organization)
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), whole, text)
