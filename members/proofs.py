"""Proofs that somebody has an e-mail address, and how old each of them is.

A code, a link or a sign-on proves that whoever uses it has the address now; that is, at the time when the code or the
link was mailed. A password proves no more than the proof with which it was set. An address may be given to somebody
else, so a proof opens only memberships that are older than it: docs/decisions/0066-proofs-and-memberships.md.
"""

import datetime as dt

from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import base36_to_int

from members.models import Member, User

# Django counts the seconds of its links from here.
LINKS_BEGAN = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
NOTED = "_proven_at"


def note_code(request: HttpRequest, mailed_at: float) -> None:
    """Note that the right code was typed in, which was mailed at this Unix time.

    The session keeps it: a second factor may be asked for before the sign-in is complete.
    """
    request.session[NOTED] = mailed_at


def note_link(request: HttpRequest, key: str) -> None:
    """Note that a link that works was opened. Its key tells the second in which it was mailed."""
    mailed_at = LINKS_BEGAN + dt.timedelta(seconds=base36_to_int(key.partition("-")[0]) + 1)
    setattr(request, NOTED, min(mailed_at, timezone.now()))


def noted(request: HttpRequest | None) -> dt.datetime | None:
    """Return the time of the proof that this very request has brought, None if it has brought none."""
    found: dt.datetime | None = getattr(request, NOTED, None)
    return found


def proof_of_sign_in(request: HttpRequest, user: User) -> dt.datetime | None:
    """Return the time of the proof by which `user` is signing in; None for a password that proves nothing.

    A second factor proves nothing about an address.
    """
    records = [each for each in get_authentication_records(request, user) if each["method"] != "mfa"]
    method = records[-1]["method"] if records else ""
    if method == "password":
        return user.password_proven_at
    if method == "code":
        mailed_at = request.session.pop(NOTED, None)
        return None if mailed_at is None else dt.datetime.fromtimestamp(mailed_at, tz=dt.UTC)
    # A sign-on is as young as can be: by whatever clock somebody was made a member, they were so before.
    has_address = Member.objects.active().with_user_name(user.email)
    return max([timezone.now(), *has_address.values_list("created_at", flat=True)])
