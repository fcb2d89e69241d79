"""Sessions of the vendor's staff, who see all organizations: short, and of no use without a second factor.

This holds at every door that a session opens, whatever the page: a half signed-in member of staff can set the second
factor up or prove it, and sign out. The demo is exempt, because everybody in it knows its password; the staff admin
says so.
"""

import datetime as dt
from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode

from audit.models import Action
from lib.addresses import is_ours
from lib.best_effort import try_to_write
from lib.durations import lasting
from members.account_events import record_of_account
from members.models import User
from members.second_factor import is_proven, is_set_up
from members.sessions import SIGNED_IN_AT

# What is the same for everybody, signed in or not.
PUBLIC = ("/docs/", "/static/", "/favicon.ico")
# In a session: when its owner was last here, and where they go on after they have set a second factor up.
SEEN_AT = "seen_at"
NEXT = "after_second_factor"
# How much of the time without use may pass before a session is saved because somebody was seen.
SEEN_EVERY = 1 / 30


class StaffSessions:
    """Ends the sessions of staff in time, and lets none of them do anything without a second factor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request: as a stranger's if the session has ended, and only once there is a second factor."""
        # Without a cookie there is no session, and looking for one would make the answer vary by it.
        if settings.DEMO or settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path_info.startswith(PUBLIC):
            return self.get_response(request)
        user = request.user
        if not (isinstance(user, User) and user.is_staff):
            return self.get_response(request)
        if reason := reason_to_end(request.session, timezone.now()):
            end(request, user, reason)
            return self.get_response(request)
        if not is_proven(request) and (detour := way_to_proof(request, user)):
            return detour
        response = self.get_response(request)
        # A page that loads itself anew (a job's) doesn't mean that somebody sits before it.
        if request.user.is_authenticated and "Refresh" not in response.headers:
            note_seen(request.session, timezone.now())
        return response


def reason_to_end(session: SessionBase, now: dt.datetime) -> str:
    """Return "age" for a session of staff that is too old, "idle" for one unused for too long, else nothing."""
    began = parse_datetime(session.get(SIGNED_IN_AT, ""))
    if began is None or now - began >= dt.timedelta(seconds=settings.STAFF_SESSION_LIFETIME):
        return "age"
    seen = parse_datetime(session.get(SEEN_AT, "")) or began
    return "idle" if now - seen >= dt.timedelta(seconds=settings.STAFF_SESSION_IDLE) else ""


def note_seen(session: SessionBase, now: dt.datetime) -> None:
    """Remember that the session is in use, if the database takes that: no page fails because it can't be written."""
    seen = parse_datetime(session.get(SEEN_AT, ""))
    if seen is None or now - seen >= dt.timedelta(seconds=settings.STAFF_SESSION_IDLE * SEEN_EVERY):
        is_saved_anyway = session.modified
        session[SEEN_AT] = now.isoformat()
        if not is_saved_anyway:
            try_to_write(partial(write_back, session))
            session.modified = False


def write_back(session: SessionBase) -> None:
    """Write what is in the session to its row, if it is still there."""
    row = Session.objects.filter(session_key=session.session_key)
    row.update(session_data=session.encode(dict(session.items())))


def end(request: HttpRequest, user: User, reason: str) -> None:
    """End the session, and say why on the next page."""
    record_of_account(Action.STAFF_SESSION_ENDED, user, request, reason=reason)
    logout(request)
    longest, idle = lasting(settings.STAFF_SESSION_LIFETIME), lasting(settings.STAFF_SESSION_IDLE)
    messages.info(request, f"Your session has ended: a session of staff lasts {longest}, or {idle} without use.")


def way_to_proof(request: HttpRequest, user: User) -> HttpResponse | None:
    """Return where a second factor is set up or proven; None if `request` is on that way, or signs out."""
    proves = is_set_up(user)
    stations = ["mfa_reauthenticate"] if proves else ["mfa_activate_totp", "account_reauthenticate"]
    if request.path in [reverse(name) for name in [*stations, "account_logout"]]:
        return None
    # What a form has sent is lost: only the browser knows which page it was on.
    target = request.path if request.method == "GET" and is_ours(request.path) else reverse("settings")
    if proves:
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({REDIRECT_FIELD_NAME: target})}")
    request.session[NEXT] = target
    return redirect("mfa_activate_totp")


def demo_badge(request: HttpRequest) -> list[str] | None:
    """Return what the staff admin says of itself in the demo."""
    return ["Demo: no second factor", "warning"] if settings.DEMO else None
