"""Which member a signed-in browser is, and until when.

A session belongs to a User. The path of a page says which organization it is about; the session only remembers the one
used last. A membership counts only

- if the session began after its sessions were last ended, so that deactivation throws a person out at once and
  reactivation does not let an old session back in;
- if the proof with which the session began is younger than the membership (`members.proofs`), so that what somebody
  had before a removal opens nothing when the address is added again for somebody else.
"""

import datetime as dt
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from audit.models import Action, Actor, Event
from lib.best_effort import try_to_write
from lib.each import concerns_all_rows, for_each
from members.models import Member, User
from members.proofs import proof_of_sign_in

SIGNED_IN_AT = "signed_in_at"
PROVEN_AT = "proven_at"
MEMBER_ID = "member_id"

# How many expired sessions are deleted in one statement, so that none of them takes long.
CLEARED_AT_ONCE = 1_000


def connect() -> None:
    """Note when every sign-in to come began, and the time of its proof."""
    user_logged_in.connect(note_sign_in, dispatch_uid="members.sessions")


def note_sign_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Remember when the session began, and how old its proof is."""
    proof = proof_of_sign_in(request, user)
    request.session[SIGNED_IN_AT] = timezone.now().isoformat()
    request.session[PROVEN_AT] = proof.isoformat() if proof else ""


class Memberships(NamedTuple):
    """Active members with a user's address, with role and organization.

    The session may be those in `usable`; the one used last comes first, else the oldest. Those in `unproven` are
    younger than the proof of the session.
    """

    usable: list[Member]
    unproven: list[Member]


def memberships(user: User, session: SessionBase) -> Memberships:
    """Return who `user` is in this session. A membership that was added since the last page is there at once."""
    theirs, last_used = memberships_of(user), session.get(MEMBER_ID)
    usable = [member for member in theirs if opens(session, member)]
    if unclaimed := [member.pk for member in usable if member.user_id is None]:
        try_to_write(partial(claim, user, unclaimed))
    usable.sort(key=lambda member: str(member.pk) != last_used)
    return Memberships(usable, [member for member in theirs if not proves(session, member)])


def claim(user: User, unclaimed: list[UUID]) -> None:
    """Give `user` the members with these keys, unless somebody has them."""
    Member.objects.filter(pk__in=unclaimed, user=None).update(user=user)


def remember_last_used(member: Member, session: SessionBase, by: Actor) -> None:
    """Remember which of the session's memberships was used last; the organization that is entered records it.

    If the database can't write now, the page is shown all the same, and the next one tries again.
    """

    def record() -> None:
        Event.record(Action.ORGANIZATION_ENTERED, member.organization, by=by, target=member)

    if try_to_write(record):
        session[MEMBER_ID] = str(member.pk)


def memberships_of(user: User) -> list[Member]:
    """Return the active members that `user` is, or could claim to be, with role and organization."""
    has_address = Q(user_name__lower=user.email, user=None)
    theirs = Member.objects.active().filter(Q(user=user) | has_address, organization__deleting_since=None)
    return list(theirs.select_related("role", "organization"))


def opens(session: SessionBase, member: Member) -> bool:
    """Whether what has been proven in this session is enough to be `member`."""
    began = instant(session, SIGNED_IN_AT)
    if began is None or not proves(session, member):
        return False
    return member.sessions_ended_at is None or member.sessions_ended_at < began


def proves(session: SessionBase, member: Member) -> bool:
    """Whether the proof of this session is younger than the membership."""
    proof = proven_at(session)
    return proof is not None and proof >= member.created_at


def proven_at(session: SessionBase) -> dt.datetime | None:
    """Return the time of the proof with which the session began; the release before notes its beginning alone."""
    return instant(session, PROVEN_AT if PROVEN_AT in session else SIGNED_IN_AT)


def instant(session: SessionBase, name: str) -> dt.datetime | None:
    return parse_datetime(session.get(name, ""))


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
