"""What happens to accounts, in the audit log of each organization that the person is a member of.

An account is known to several organizations, and none of them learns of the others. What strangers can cause is
bounded: a failed sign-in is one event a minute for each account, and the next event says how many it stands for.

Most of the vendor's staff are members of no organization. What happens to their accounts is in Django's own history of
the user, which the staff admin shows.
"""

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest

from audit.actor import COMMAND_LINE, Actor, ActorKind, Origin
from audit.models import Action, Event
from lib.attempts import Limit
from members.folding import account_key
from members.models import Member, Organization, User

STRANGER = "somebody who isn’t signed in"
ONE_A_MINUTE = 60
REMEMBERED_SECONDS = 24 * 3600


def record_by_person(action: Action, members: list[Member], request: HttpRequest | None, **changes: Any) -> None:
    """Record what a person, who is these members, did with their own account."""
    for member in members:
        by = member.actor(Origin.of(request)) if request else Actor.command_line("manage.py")
        Event.record(action, member.organization, by=by, target=member, changes=changes)


def record_of_account(action: Action, user: User, request: HttpRequest, **changes: Any) -> None:
    """Record what a person did with their own account, in the history of the user too."""
    record_by_person(action, members_of(user.email), request, **changes)
    record_in_history(action, user, by=user.pk, request=request, **changes)


def record_by_actor(action: Action, user: User, by: Actor) -> None:
    """Record what somebody else, one of the staff or an operator, did with a person's account."""
    for member in members_of(user.email):
        Event.record(action, member.organization, by=by, target=member)
    record_in_history(action, user, by=int(by.id) if by.kind == ActorKind.STAFF else user.pk, said=by.label)


def record_wrong_code(action: Action, user: User, request: HttpRequest) -> None:
    """Record that somebody who had the first proof failed at the second factor, or was refused another try."""
    if attempts := attempts_to_record(action, user.email):
        by = Actor.system(STRANGER, Origin.of(request))
        for member in members_of(user.email):
            Event.record(action, member.organization, by=by, target=member, changes={"attempts": attempts})
        record_in_history(action, user, by=user.pk, request=request, attempts=attempts)


def record_in_history(
    action: Action, user: User, *, by: int, request: HttpRequest | None = None, said: str = "", **changes: Any
) -> None:
    """Add what happened to the account of one of the staff to the history of the user.

    `by` is the user who did it, or whose account it is; `said` names them, `request` tells where they were.
    """
    if not user.is_staff:
        return
    told = [f"{name}: {value}" for name, value in changes.items()]
    where = said or ((Origin.of(request).ip or "an unknown address") if request else COMMAND_LINE)
    LogEntry.objects.create(
        user_id=by,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(user.pk),
        object_repr=user.email[:200],
        action_flag=CHANGE,
        change_message=f"{action.label} ({', '.join([*told, where])})",
    )


def record_attempt(action: Action, address: str, request: HttpRequest) -> None:
    """Record that somebody tried to get into the account of an e-mail address, if a member has it.

    For an address that nobody has, do the same work for nothing: how long it takes tells nobody which are known.
    """
    members = members_of(address)
    attempts = attempts_to_record(action, address)
    if not attempts:
        return
    by = Actor.system(STRANGER, Origin.of(request))
    with transaction.atomic():
        for member in members:
            Event.record(action, member.organization, by=by, target=member, changes={"attempts": attempts})
        if not members:
            pretend_event(action, address, by)


def pretend_event(action: Action, address: str, by: Actor) -> None:
    """Do the work of an event, and leave nothing; the transaction around has something to commit all the same."""
    with transaction.atomic():
        Event.record(action, Organization(pk=0), by=by, target=User(email=address), changes={"attempts": 1})
        transaction.set_rollback(True)


def attempts_to_record(action: Action, address: str) -> int:
    """Count an attempt. Return how many an event stands for; 0 if there was one within the last minute."""
    unrecorded = Limit(f"unrecorded {action}", 1_000_000, REMEMBERED_SECONDS).by(account_key(address))
    if not Limit(f"event {action}", 1, ONE_A_MINUTE).by(account_key(address)).take():
        unrecorded.take()
        return 0
    attempts = 1 + int(cache.get(unrecorded.key) or 0)
    unrecorded.forget()
    return attempts


def members_of(address: str) -> list[Member]:
    """Return the active members that have an e-mail address, with their organizations."""
    return list(Member.objects.active().with_user_name(address).select_related("organization"))
