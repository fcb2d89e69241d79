"""Which member a signed-in browser is, and until when.

A session belongs to a User; which organization it is in follows from the user's memberships. A membership counts only
if the session began after its sessions were last ended, so that deactivation throws a person out at once and
reactivation does not let an old session back in.
"""

import datetime as dt
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from audit.models import Action, Actor, Event
from lib.each import concerns_all_rows, for_each
from members.models import Member, User

SIGNED_IN_AT = "signed_in_at"
MEMBER_ID = "member_id"

# How many expired sessions are deleted in one statement, so that none of them takes long.
CLEARED_AT_ONCE = 1_000


def connect() -> None:
    """Note the time of every sign-in to come."""
    user_logged_in.connect(note_sign_in, dispatch_uid="members.sessions")


def note_sign_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Remember when the session began."""
    request.session[SIGNED_IN_AT] = timezone.now().isoformat()


def memberships(user: User, session: SessionBase) -> list[Member]:
    """Return the active members that `user` may be in this session, with role and organization.

    The first is who they are now: the one chosen last, else the oldest.
    """
    usable = usable_memberships(user, session)
    if not usable:
        # Look again even if nothing was left to claim: of two requests at once, the other one may have claimed it.
        claim_memberships(user)
        usable = usable_memberships(user, session)
    chosen = session.get(MEMBER_ID)
    return sorted(usable, key=lambda member: str(member.pk) != chosen)


def choose_membership(member: Member, session: SessionBase, by: Actor) -> None:
    """Go on as `member`, who has to be one of the session's `memberships`; the organization entered records it."""
    session[MEMBER_ID] = str(member.pk)
    Event.record(Action.ORGANIZATION_ENTERED, member.organization, by=by, target=member)


def usable_memberships(user: User, session: SessionBase) -> list[Member]:
    """Return the active memberships of `user` that this session began after."""
    began = parse_datetime(session.get(SIGNED_IN_AT, ""))
    if began is None:
        return []
    return list(
        user.memberships.active()
        .filter(Q(sessions_ended_at=None) | Q(sessions_ended_at__lt=began))
        .select_related("role", "organization")
    )


def claim_memberships(user: User) -> None:
    """Give `user` the members who have their address and no user yet.

    The address is proven: a user signs in by a password set over a link, or a code, that was sent to it.
    """
    Member.objects.with_user_name(user.email).filter(user=None).update(user=user)


def clear_expired_sessions(now: dt.datetime) -> int:
    """Delete the rows of sessions that have expired, some at a time; return how many there were.

    A session that can't be deleted stays, and keeps no other.
    """
    expired = Session.objects.filter(expire_date__lt=now)
    cleared, left = 0, set[str]()
    while keys := list(
        expired.exclude(pk__in=left).order_by("expire_date").values_list("pk", flat=True)[:CLEARED_AT_ONCE]
    ):
        try:
            with transaction.atomic():
                cleared += expired.filter(pk__in=keys).delete()[0]
        except DatabaseError as error:
            if concerns_all_rows(error):
                raise
            # A session's key opens an account, so the log doesn't name it.
            for_each(keys, lambda key: clear_one(expired, key), fault=lambda _: "an expired session can't be deleted")
            stay = set(expired.filter(pk__in=keys).values_list("pk", flat=True))
            cleared, left = cleared + len(keys) - len(stay), left | stay
    return cleared


def clear_one(expired: QuerySet[Session], key: str) -> None:
    with transaction.atomic():
        expired.filter(pk=key).delete()
