"""What happens to accounts, in the audit log of each organization that the person is a member of.

An account is known to several organizations, and none of them learns of the others. What strangers can cause is
bounded: a failed sign-in is one event a minute for each account, and the next event says how many it stands for.
"""

from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest

from audit.actor import Actor, Origin
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
