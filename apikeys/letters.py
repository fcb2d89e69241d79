"""What people are told about a key, in words: a Letter for each kind of Notice.

A letter is the same in plain text and in HTML; the two templates only set it. All moments are told in the
organization's time zone. No text of a key, and nothing made from it, is ever in one.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.text import capfirst

from apikeys.models import ApiKey, Handover, KnownOrigin, Notice
from lib.plain_text import on_one_line
from members.models import Level, Scope

DAY = dt.timedelta(days=1)
ADMINS_NAMED = 3
ORIGINS_SHOWN = 10
# Characters of a name in a letter; longer ones are cut.
LONGEST_NAME = 120

WAITS_FOR_SCIM = "SCIM is off. Until an Admin turns it on in Settings > Security, the key gets 403 for every request."


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the table; `is_code` if it is to be read letter by letter."""

    label: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail's words: what has happened, the facts, what that means, what to do, and where.

    `needs` is the access to keys that a reader needs for that; `ask` says who has it if the reader hasn't.
    """

    subject: str
    heading: str
    facts: list[Fact]
    meaning: list[str]
    action: str
    url: str
    steps: list[str] = field(default_factory=list)
    why: str = ""
    needs: Level = Level.READ
    ask: str = ""


def letter_for(notice: Notice, now: dt.datetime) -> Letter:
    """Return the letter for `notice`, as true at `now`."""
    write = {
        Notice.Kind.GENERATED: generated,
        Notice.Kind.DELETED: deleted,
        Notice.Kind.LEAKED: leaked,
        Notice.Kind.NEW_ORIGIN: new_origin,
    }.get(Notice.Kind(notice.kind), expiry)
    letter = write(notice, now)
    return replace(letter, ask=who_to_ask(notice, letter.needs))


def who_to_ask(notice: Notice, needed: Level) -> str:
    """Say who can do what the letter asks for, if its reader can't: a contact address, or a member of another role."""
    organization = notice.api_key.organization
    active = organization.members.active().select_related("role")
    reader = active.with_user_name(notice.recipient).first()
    if reader is not None and reader.can(Scope.API_ACCESS, needed):
        return ""
    cant = f"You can’t {'do this' if needed == Level.ACT else 'open this page'} yourself."
    admins = [
        f"{one_line(admin.full_name)} ({admin.user_name})" for admin in active.admins().order_by("id")[:ADMINS_NAMED]
    ]
    if not admins:
        return f"{cant} An Admin of {customer(notice.api_key)} can, but none is active now."
    return f"{cant} Ask an Admin of {customer(notice.api_key)}: {', '.join(admins)}."


# An expiry ------------------------------------------------------------------------------------------------------------


def expiry(notice: Notice, now: dt.datetime) -> Letter:
    """Write that a key expires, or has."""
    api_key = notice.api_key
    handover = api_key.handover(now)
    expired = api_key.is_expired(now)
    facts = [
        Fact("Key", api_key.hint, is_code=True),
        Fact("Expired" if expired else "Expires", instant(api_key, api_key.local_expiry())),
        Fact("Last used", last_use(api_key)),
    ]
    if handover:
        facts.append(Fact("Replaced by", state_of(handover), is_code=True))
    meaning, steps = words_of_expiry(api_key, handover, now)
    if api_key.waits_for_scim(now):
        meaning.append(WAITS_FOR_SCIM)
    action, url = way_on(api_key, handover, now)
    return Letter(
        subject=f"{name(api_key)} {when(api_key, now)}",
        heading=f"The {heading(api_key)} {when(api_key, now)}.",
        facts=facts,
        meaning=meaning,
        steps=steps,
        action=action,
        url=url,
        needs=Level.READ if url == key_url(api_key) else Level.ACT,
        why=f"You get this because you are an Admin of {customer(api_key)}, because you generated the key, or "
        "because yours is the contact address for reminders.",
    )


def words_of_expiry(api_key: ApiKey, handover: Handover | None, now: dt.datetime) -> tuple[list[str], list[str]]:
    """Return what the expiry of a key means, and the steps that are left."""
    expired = api_key.is_expired(now)
    if handover and handover.has_taken_over:
        return taken_over(handover)
    if handover and handover.stage != Handover.Stage.STALLED:
        return waiting_for_use(handover)
    if handover:
        both = f"The key that was to replace it, {handover.new.hint}, expired on {day(handover.new)}"
        meaning = [f"{both}, so neither of the two works." if expired else f"{both}: this is the one that works."]
    else:
        meaning = []
    if api_key.last_used_at is None:
        meaning.append(f"This key was never used, so nothing {'has stopped' if expired else 'stops'} working.")
    else:
        meaning.append(f"{'Since then' if expired else 'From then on'} {what_breaks(api_key)}")
    if expired:
        return meaning, steps_once_expired(api_key)
    if handover:
        return meaning, ["Delete the expired new key, then rotate this one again.", *steps_to_rotate(api_key)[1:]]
    return meaning, steps_to_rotate(api_key)


def taken_over(handover: Handover) -> tuple[list[str], list[str]]:
    """Say what is left to do when the new key is in use."""
    old, new = handover.old, handover.new
    meaning = [f"The new key, {new.hint}, has taken its place and is in use."]
    if handover.never_used:
        meaning.append("Nothing ever used the old one. The old key can be deleted.")
    elif handover.old_expired and handover.used_since:
        used = (
            f"But something used the old one until it expired, last {last_use(old)}. It now gets 401 for every request."
        )
        meaning.append(f"{used} The old key can be deleted.")
        return meaning, [f"Find what used the old key. {put_in_place(old)}.", delete_old(handover)]
    elif handover.stage == Handover.Stage.BOTH:
        meaning.append(f"But something uses the old one too, last {last_use(old)}. It will get 401 for every request.")
        return meaning, [f"Find what used the old key. {put_in_place(old)}.", delete_old(handover)]
    else:
        safe = " The old key can be deleted." if handover.stage == Handover.Stage.SAFE else ""
        meaning.append(f"Nothing has used the old one since, so nothing stops working.{safe}")
    return meaning, [delete_old(handover)]


def waiting_for_use(handover: Handover) -> tuple[list[str], list[str]]:
    """Say what is left to do when a new key works, but nothing has used it yet."""
    old, new = handover.old, handover.new
    meaning = [f"A new key, {new.hint}, was generated to take its place. The new key has not been used yet."]
    put = f"{put_in_place(old)}. Skip this if it is done everywhere."
    if handover.never_used:
        meaning.append("Nothing used the old one either, so nothing stops working. The old key can be deleted.")
        return meaning, [put, delete_old(handover)]
    since = "Since then" if handover.old_expired else "If the new key isn’t in place by then,"
    meaning.append(f"{since} {what_breaks(old)}")
    used = "Have it used once, and see on the old key’s page that it was."
    return meaning, [put, used, delete_old(handover)]


def delete_old(handover: Handover) -> str:
    """Say how the old key goes."""
    if handover.goes_now:
        return "Nothing else: the old key will be deleted by itself soon."
    if handover.goes_at:
        return f"Nothing else: the old key is deleted by itself on {instant(handover.old, handover.goes_at)}" + (
            "." if handover.old_expired else ", if it stays unused."
        )
    if handover.goes_by_itself and not handover.has_taken_over:
        return "Nothing else: the old key is deleted by itself once the new one is in use" + (
            "." if handover.never_used else " and it has been unused for 24 hours."
        )
    if handover.stage == Handover.Stage.SAFE:
        return "Delete the old key. That is safe now."
    if handover.old_expired:
        return "Delete the old key."
    return "Delete the old key; its page says when that is safe."


def state_of(handover: Handover) -> str:
    """Return the new key, and how it stands."""
    if handover.stage == Handover.Stage.STALLED:
        state = f"expired on {day(handover.new)}"
    elif handover.has_taken_over:
        state = "in use"
    else:
        state = "not used yet"
    return f"{handover.new.hint} ({state})"


def way_on(api_key: ApiKey, handover: Handover | None, now: dt.datetime) -> tuple[str, str]:
    """Return what a reader can do about an expiry, and where."""
    stalled = handover is not None and handover.stage == Handover.Stage.STALLED
    if api_key.is_expired(now) and (handover is None or stalled):
        return "Generate a replacement", f"{keys_url(api_key)}/keys/new?like={api_key.key_id}"
    if handover is None:
        return "Rotate the key", f"{key_url(api_key)}/rotation"
    return "See how far the rotation is", key_url(api_key)


def steps_to_rotate(api_key: ApiKey) -> list[str]:
    """Say how to rotate a key that works."""
    return [
        "Generate a new key. Both work at the same time, so nothing has to pause.",
        f"{put_in_place(api_key)}.",
        "Delete the old key. That is safe at once: nothing ever used it."
        if api_key.last_used_at is None
        else "Delete the old key once the new one is in use; its page says when that is safe.",
    ]


def steps_once_expired(api_key: ApiKey) -> list[str]:
    """Say how to replace a key that is refused."""
    needed = "If the key is still needed, generate" if api_key.last_used_at is None else "Generate"
    return [
        f"{needed} a new one. The expired key stays refused and can’t be rotated.",
        f"{put_in_place(api_key)}.",
        "Delete the expired key. Nothing can use it any more.",
    ]


def put_in_place(api_key: ApiKey) -> str:
    if api_key.prefix == "scim":
        return (
            "Put the new key in place of the old one: in Okta under Provisioning >> Integration >> Edit, field API "
            "Token, then Test API Credentials and Save; in an app of your own the field is Authorization, the button "
            "Test Connector Configuration"
        )
    return "Put the new key in place of the old one, in every script that uses it"


def what_breaks(api_key: ApiKey) -> str:
    """Return what happens when the key is refused, as the second half of a sentence."""
    if api_key.prefix == "scim":
        return (
            "Okta, or whichever identity provider uses the key, gets 401 for every request: people are neither created "
            f"nor updated nor deactivated in {customer(api_key)}."
        )
    return "every script that uses the key gets 401 for every request."


def when(api_key: ApiKey, now: dt.datetime) -> str:
    """Return how far off the expiry is, as in "expires in 7 days, on 31 Mar 2027", by the organization's calendar."""
    falls = api_key.local_expiry()
    if api_key.is_expired(now):
        return f"expired on {day(api_key)}"
    days = (falls.date() - now.astimezone(falls.tzinfo).date()).days
    near = {0: "today", 1: "tomorrow"}
    return f"expires {near.get(days, f'in {days} days')}, on {day(api_key)}"


# What happened to a key -----------------------------------------------------------------------------------------------


def generated(notice: Notice, now: dt.datetime) -> Letter:
    """Write that somebody generated a key."""
    api_key = notice.api_key
    facts = [
        Fact("Key", api_key.hint, is_code=True),
        Fact("Description", one_line(api_key.description)),
        Fact("Type", api_key.get_kind_display()),
        Fact("Generated", f"{instant(api_key, api_key.created_at)}, by {one_line(api_key.created_by_name)}"),
        *origin(notice),
        Fact(
            "Expired" if api_key.is_expired(now) else "Expires",
            instant(api_key, api_key.expires_at) if api_key.expires_at else "never",
        ),
        Fact("Usable from", ", ".join(api_key.allowed_networks) or "everywhere"),
    ]
    if api_key.replaces:
        facts.append(Fact("Replaces", api_key.replaces.hint, is_code=True))
    may = {
        ApiKey.Kind.SCIM: "create, change and deactivate the people in",
        ApiKey.Kind.API_READ: "read the settings of",
        ApiKey.Kind.API_WRITE: "read and change the settings of",
    }[ApiKey.Kind(api_key.kind)]
    meaning = [
        f"Whoever has the key can {may} {customer(api_key)}.",
        "If you know about it, there is nothing to do. If you don’t, delete it: it is refused from then on.",
    ]
    if api_key.deleted_at:
        meaning = [f"It has been deleted since: {instant(api_key, api_key.deleted_at)}."]
    elif api_key.waits_for_scim(now):
        meaning.insert(1, WAITS_FOR_SCIM)
    elif api_key.is_expired(now):
        meaning = [f"It has expired since, on {day(api_key)}, so nothing can use it any more."]
    action, url = look_at(api_key, "Look at the key" if api_key.is_expired(now) else "Look at the key, or delete it")
    return Letter(
        subject=f"{name(api_key)} was generated",
        heading=f"{capfirst(one_line(api_key.created_by_name))} generated the {heading(api_key)}.",
        facts=facts,
        meaning=meaning,
        action=action,
        url=url,
        why=because_admin(api_key),
    )


def deleted(notice: Notice, now: dt.datetime) -> Letter:
    """Write that a key was deleted."""
    api_key = notice.api_key
    by, reason = detail(notice, "by"), detail(notice, "reason")
    facts = [
        Fact("Key", api_key.hint, is_code=True),
        Fact("Deleted", f"{instant(api_key, deleted_at(notice))}, by {by}"),
        *origin(notice),
        Fact("Last used", last_use(api_key)),
    ]
    if reason:
        facts.insert(2, Fact("Why", reason))
    meaning = [f"{what_deletion_breaks(notice, now)} The deletion can’t be undone."]
    if api_key.used_within(DAY, deleted_at(notice)) and not api_key.is_expired(deleted_at(notice)):
        meaning.append("It was used in the last 24 hours before that: make sure that nothing needs it any more.")
    return Letter(
        subject=f"{name(api_key)} was deleted",
        heading=f"The {heading(api_key)} was deleted.",
        facts=facts,
        meaning=meaning,
        action="Open API Access",
        url=keys_url(api_key),
        why=because_admin(api_key),
    )


def leaked(notice: Notice, now: dt.datetime) -> Letter:
    """Write that a key was found where it should not be, and is gone."""
    api_key = notice.api_key
    handover = api_key.handover(now)
    replaced = handover is not None and handover.stage != Handover.Stage.STALLED
    used = api_key.last_used_at is not None
    misuse = ["Somebody else may have used it before. The audit log tells what was done with it."] if used else []
    facts = [
        Fact("Key", api_key.hint, is_code=True),
        Fact("Where", detail(notice, "reason") or "found in public"),
        Fact("Deleted", f"{instant(api_key, deleted_at(notice))}, at once when that was reported"),
        *origin(notice, "Reported from"),
        Fact("Last used", last_use(api_key)),
    ]
    return Letter(
        subject=f"{name(api_key)} was found in public and deleted",
        heading=f"The {heading(api_key)} was found where anybody can read it, and was deleted at once.",
        facts=facts,
        meaning=[what_deletion_breaks(notice, now), *misuse],
        steps=[
            *replace_leaked(api_key, handover),
            "Remove the old one from where it was found, and keep the new one where nobody else reads it.",
        ],
        action="Open API Access" if replaced else "Generate a new key",
        url=keys_url(api_key) if replaced else f"{keys_url(api_key)}/keys/new",
        needs=Level.READ if replaced else Level.ACT,
        why=because_admin(api_key),
    )


def replace_leaked(api_key: ApiKey, handover: Handover | None) -> list[str]:
    """Say how to replace a key that was found in public, as far as that isn’t done."""
    if handover is None or handover.stage == Handover.Stage.STALLED:
        return ["Generate a new key.", f"{put_in_place(api_key)}."]
    return (
        [] if handover.has_taken_over else [f"Use {handover.new.hint}, which exists already. {put_in_place(api_key)}."]
    )


def what_deletion_breaks(notice: Notice, now: dt.datetime) -> str:
    """Return what the deletion of the key means for whatever used it."""
    api_key = notice.api_key
    handover = api_key.handover(now)
    if api_key.is_expired(deleted_at(notice)):
        return "It had expired before, so nothing could use it any more."
    if api_key.last_used_at is None:
        return "It was never used, so nothing stops working."
    if handover and handover.has_taken_over:
        return f"The key that replaces it, {handover.new.hint}, is in use."
    return f"Since then {what_breaks(api_key)}"


def new_origin(notice: Notice, now: dt.datetime) -> Letter:
    """Write that a key was used, or tried, from where it never was before."""
    api_key = notice.api_key
    new = list(api_key.origins.filter(is_new=True).latest_first()[: ORIGINS_SHOWN + 1])
    facts = [
        Fact("Key", api_key.hint, is_code=True),
        *(Fact(f"New {fact.get_kind_display().lower()}", seen(api_key, fact)) for fact in new[:ORIGINS_SHOWN]),
        *origin(notice, "First from" if new else "From"),
        Fact("When", instant(api_key, notice.created_at)),
        Fact("Usable from", ", ".join(api_key.allowed_networks) or "everywhere"),
    ]
    if len(new) > ORIGINS_SHOWN:
        facts.insert(ORIGINS_SHOWN + 1, Fact("And", "more, on the key’s page"))
    refused = bool(new) and all(fact.refused for fact in new)
    meaning = [
        "It was refused there: the key may not be used from that network. But whoever tried has the key."
        if refused
        else "Perhaps your identity provider or a script has moved or was updated. Perhaps somebody else has the key."
    ]
    steps = [
        "If you know about it, say so on the key’s page.",
        "If you don’t, rotate the key there, put the new one in place, and delete the old one.",
    ]
    if api_key.deleted_at:
        steps = [f"Nothing: the key has been deleted since, {instant(api_key, api_key.deleted_at)}."]
    elif api_key.is_expired(now):
        steps = [f"Nothing: the key has expired since, on {day(api_key)}, so nothing can use it any more."]
    action, url = look_at(api_key, "Look at the key")
    return Letter(
        subject=f"{name(api_key)} was {'tried' if refused else 'used'} from somewhere new",
        heading=f"The {heading(api_key)} was {'tried' if refused else 'used'} from somewhere new.",
        facts=facts,
        meaning=meaning,
        steps=steps,
        action=action,
        url=url,
        why=because_admin(api_key),
    )


def seen(api_key: ApiKey, fact: KnownOrigin) -> str:
    if fact.last_seen_at:
        return f"{fact.name} ({fact.summary}), last {instant(api_key, fact.last_seen_at)}"
    return f"{fact.name}, {'refused' if fact.refused else 'first used'} {instant(api_key, fact.first_seen_at)}"


# Turns of phrase ------------------------------------------------------------------------------------------------------


def name(api_key: ApiKey) -> str:
    """Return what a subject calls the key."""
    return f'{api_key.get_kind_display()} key "{one_line(api_key.description)}" of {customer(api_key)}'


def heading(api_key: ApiKey) -> str:
    """Return what a heading calls the key."""
    return f"{api_key.get_kind_display()} key “{one_line(api_key.description)}” of {customer(api_key)}"


def last_use(api_key: ApiKey) -> str:
    """Return when and from where the key was last used."""
    if api_key.last_used_at is None:
        return "never"
    place = f", from {api_key.last_used_ip}" if api_key.last_used_ip else ""
    agent = f", by {one_line(api_key.last_used_user_agent)}" if api_key.last_used_user_agent else ""
    return f"{instant(api_key, api_key.last_used_at)}{place}{agent}"


def origin(notice: Notice, label: str = "From") -> Iterator[Fact]:
    """Yield from where the deed was done, as far as that is known."""
    parts = [part for part in (detail(notice, "ip"), detail(notice, "user_agent")) if part]
    if parts:
        yield Fact(label, ", ".join(parts))


def day(api_key: ApiKey) -> str:
    """Return the day on which the key expires."""
    return f"{api_key.expiry_day:%-d %b %Y}"


def instant(api_key: ApiKey, moment: dt.datetime) -> str:
    """Return a moment by the organization's clock, with what tells which moment that is: its zone and offset."""
    local = api_key.organization.local(moment)
    zone = api_key.organization.zone_name
    if zone != "UTC":
        zone += f", UTC{local.isoformat()[-6:]}"
    return f"{local:%-d %b %Y, %H:%M} ({zone})"


def deleted_at(notice: Notice) -> dt.datetime:
    return notice.api_key.deleted_at or notice.created_at


def detail(notice: Notice, key: str) -> str:
    details: dict[str, Any] = notice.details
    return one_line(str(details.get(key) or ""))


def because_admin(api_key: ApiKey) -> str:
    return f"You get this because you are an Admin of {customer(api_key)}."


def look_at(api_key: ApiKey, action: str) -> tuple[str, str]:
    """Return `action` and the key's page; a deleted key has none."""
    return ("Open API Access", keys_url(api_key)) if api_key.deleted_at else (action, key_url(api_key))


def keys_url(api_key: ApiKey) -> str:
    """Return the address of the page that lists the keys of the organization."""
    return api_key.organization.settings_url("api-access")


def key_url(api_key: ApiKey) -> str:
    return f"{keys_url(api_key)}/keys/{api_key.key_id}"


def customer(api_key: ApiKey) -> str:
    """Return the name of the organization that a key belongs to."""
    return one_line(api_key.organization.name)


def one_line(text: str) -> str:
    """Return a name as a letter quotes it."""
    return on_one_line(text, LONGEST_NAME)
