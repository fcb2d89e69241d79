"""Mails that tell somebody what happened to their account: a password was set, a new device signed in.

They go to the person, whoever did it, and say when, from where, and what to do if it was somebody else.
"""

import datetime as dt
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

from audit.actor import COMMAND_LINE, Origin
from lib.addresses import absolute
from members.browsers import browser_name
from members.models.user import User
from members.templatetags.moments import day_text
from outbox.models import OutgoingMail

FIRST_SET = "A password was set for your Torii account"
CHANGED = "The password of your Torii account was changed"
SECOND_FACTOR = "The second factor of your Torii account was changed"
RECOVERY_CODE = "A recovery code of your Torii account was used"
NEW_DEVICE = "New sign-in to your Torii account"


def tell_password(user: User, request: HttpRequest | None, *, is_first: bool) -> None:
    """Tell a person that their first password was set, or another one."""
    subject = FIRST_SET if is_first else CHANGED
    what = "was set for the first time" if is_first else "was changed"
    send(user, request, subject, f"The password of {user.email} {what}. Sessions in other browsers have ended.")


def tell_new_device(user: User, request: HttpRequest) -> None:
    """Tell a person that somebody has signed in as them where nobody has before."""
    send(
        user, request, NEW_DEVICE, f"Somebody has signed in as {user.email} in a browser that hadn’t been used before."
    )


def tell_second_factor(user: User, request: HttpRequest | None, subject: str, what: str) -> None:
    """Tell a person what happened to their second factor or to their recovery codes."""
    send(user, request, subject, what)


def send(user: User, request: HttpRequest | None, subject: str, what: str) -> None:
    """Write the mail down."""
    context = {
        "subject": subject,
        "what": what,
        "facts": facts_of(request, "Time"),
        "url": absolute("/accounts/password/reset/"),
        "helper": "a superuser" if user.is_staff else "an Admin of your organization",
    }
    message = EmailMultiAlternatives(
        subject=subject, body=render_to_string("members/mail/account.txt", context), to=[user.email]
    )
    message.attach_alternative(render_to_string("members/mail/account.html", context), "text/html")
    OutgoingMail.objects.write_down([message])


def facts_of(request: HttpRequest | None, when: str) -> list[dict[str, Any]]:
    """Return when, where and in which browser something was done, as a mail shows facts; `when` labels the time."""
    now = timezone.now().astimezone(dt.UTC)
    facts = [{"label": when, "value": f"{day_text(now)}, {now:%H:%M} (UTC)"}]
    if request is None:
        return [*facts, {"label": "From", "value": COMMAND_LINE}]
    origin = Origin.of(request)
    return [
        *facts,
        {"label": "From the address", "value": origin.ip or "unknown"},
        {"label": "Browser", "value": browser_name(origin.user_agent)},
    ]
