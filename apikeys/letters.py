"""What people are told about a key, in words: a Letter for each kind of Notice.

A letter is the same in plain text and in HTML; the two templates only set it. All moments are told in the
organization's time zone. No text of a key, and nothing made from it, is ever in one.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from apikeys.models import ApiKey, KnownOrigin, Notice, Rotation

DAY = dt.timedelta(days=1)
ORIGINS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the table; `is_code` if it is to be read letter by letter."""

    label: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail's words: what has happened, the facts, what that means, what to do, and where."""

    subject: str
    heading: str
    facts: list[Fact]
    meaning: list[str]
    action: str
    url: str
    steps: list[str] = field(default_factory=list)
    why: str = ""


def letter_for(notice: Notice, now: dt.datetime) -> Letter:
    """Return the letter for `notice`, as true at `now`."""
    write = {
        Notice.Kind.GENERATED: generated,
        Notice.Kind.DELETED: deleted,
        Notice.Kind.LEAKED: leaked,
        Notice.Kind.NEW_ORIGIN: new_origin,
    }.get(Notice.Kind(notice.kind), expiry)
    return write(notice, now)


# An expiry ------------------------------------------------------------------------------------------------------------


def expiry(notice: Notice, now: dt.datetime) -> Letter:
    """Write that a key expires, or has."""
    api_key = notice.api_key
    rotation = api_key.rotation()
    expired = api_key.is_expired(now)
    facts = [
        Fact("Key", api_key.hint, is_code=True),
        Fact("Expired" if expired else "Expires", instant(api_key, api_key.local_expiry())),
        Fact("Last used", last_use(api_key)),
    ]
    since = "Since then" if expired else "From then on"
    meaning = [f"{since} {what_breaks(api_key)}"]
    if rotation:
        facts += [Fact("Its successor", rotation.new.hint, is_code=True)]
        meaning = [
            f"A new key has been generated to take its place. {rotation.state(now).label}.",
            f"{since} whatever still uses this one gets 401 for every request.",
        ]
        steps, action, url = finish(rotation, now), "See how far the rotation is", key_url(api_key)
    elif expired:
        steps, action, url = replace(api_key), "Generate a new key", f"{api_access()}/keys/new"
    else:
        steps, action, url = replace(api_key), "Rotate the key", f"{key_url(api_key)}/rotation"
    return Letter(
        subject=f"{name(api_key)} {when(api_key, now)}",
        heading=f"The {heading(api_key)} {when(api_key, now)}.",
        facts=facts,
        meaning=meaning,
        steps=steps,
        action=action,
        url=url,
        why=f"You get this because you are an Admin of {api_key.organization}, because you generated the key, or "
        "because yours is the contact address for reminders.",
    )


def replace(api_key: ApiKey) -> list[str]:
    """Say how to rotate a key that has no successor."""
    return [
        "Generate a new key. Both work at the same time, so nothing has to pause.",
        f"{put_in_place(api_key)}.",
        "Delete the old key once the new one is in use; its page says when that is safe.",
    ]


def finish(rotation: Rotation, now: dt.datetime) -> list[str]:
    """Say what remains to be done of a rotation, which is less the further it is."""
    delete = "Delete the old key; its page says when that is safe."
    if rotation.old.delete_when_silent:
        delete = "Nothing else: the old key is deleted by itself once it has been silent for a day."
    if rotation.state(now) in (Rotation.State.SILENT, Rotation.State.SAFE):
        return [delete]
    return [
        f"{put_in_place(rotation.old)}, if that isn’t done everywhere.",
        "Have it used once, and see on the old key’s page that it was.",
        delete,
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
            f"nor updated nor deactivated in {api_key.organization}."
        )
    return "every script that uses the key gets 401 for every request."


def when(api_key: ApiKey, now: dt.datetime) -> str:
    """Return how far off the expiry is, as in "expires in 7 days, on 31 Mar 2027", by the organization's calendar."""
    falls = api_key.local_expiry()
    day = f"on {falls:%-d %b %Y}"
    if api_key.is_expired(now):
        return f"expired {day}"
    days = (falls.date() - now.astimezone(falls.tzinfo).date()).days
    near = {0: "today", 1: "tomorrow"}
    return f"expires {near.get(days, f'in {days} days')}, {day}"


# What happened to a key -----------------------------------------------------------------------------------------------


def generated(notice: Notice, now: dt.datetime) -> Letter:
    """Write that somebody generated a key."""
    api_key = notice.api_key
    facts = [
        Fact("Key", api_key.hint, is_code=True),
        Fact("Description", one_line(api_key.description)),
        Fact("Type", api_key.get_kind_display()),
        Fact("Generated", f"{instant(api_key, api_key.created_at)}, by {api_key.created_by_label}"),
        *origin(notice),
        Fact("Expires", instant(api_key, api_key.local_expiry()) if api_key.expires_at else "never"),
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
        f"Whoever has the key can {may} {api_key.organization}.",
        "If you know about it, there is nothing to do. If you don’t, delete it: it is refused from then on.",
    ]
    if api_key.deleted_at:
        meaning = [f"It has been deleted since: {instant(api_key, api_key.deleted_at)}."]
    return Letter(
        subject=f"{name(api_key)} was generated",
        heading=f"{api_key.created_by_label} generated the {heading(api_key)}.",
        facts=facts,
        meaning=meaning,
        action="Look at the key, or delete it",
        url=key_url(api_key),
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
    meaning = [f"Since then {what_breaks(api_key)} That can’t be undone."]
    if api_key.used_within(DAY, deleted_at(notice)):
        meaning.append("It was used in the last 24 hours before that: make sure that nothing needs it any more.")
    return Letter(
        subject=f"{name(api_key)} was deleted",
        heading=f"The {heading(api_key)} was deleted.",
        facts=facts,
        meaning=meaning,
        action="Open API Access",
        url=api_access(),
        why=because_admin(api_key),
    )


def leaked(notice: Notice, now: dt.datetime) -> Letter:
    """Write that a key was found where it should not be, and is gone."""
    api_key = notice.api_key
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
        meaning=[
            f"Since then {what_breaks(api_key)}",
            "Somebody else may have used it before. The audit log tells what was done with it.",
        ],
        steps=[
            "Generate a new key.",
            f"{put_in_place(api_key)}.",
            "Remove the old one from where it was found, and keep the new one where nobody else reads it.",
        ],
        action="Generate a new key",
        url=f"{api_access()}/keys/new",
        why=because_admin(api_key),
    )


def new_origin(notice: Notice, now: dt.datetime) -> Letter:
    """Write that a key was used, or tried, from where it never was before."""
    api_key = notice.api_key
    new = list(api_key.origins.filter(is_new=True)[: ORIGINS_SHOWN + 1])
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
    return Letter(
        subject=f"{name(api_key)} was {'tried' if refused else 'used'} from somewhere new",
        heading=f"The {heading(api_key)} was {'tried' if refused else 'used'} from somewhere new.",
        facts=facts,
        meaning=meaning,
        steps=steps,
        action="Look at the key",
        url=key_url(api_key),
        why=because_admin(api_key),
    )


def seen(api_key: ApiKey, fact: KnownOrigin) -> str:
    return f"{fact.value}, {'refused' if fact.refused else 'first used'} {instant(api_key, fact.first_seen_at)}"


# Turns of phrase ------------------------------------------------------------------------------------------------------


def name(api_key: ApiKey) -> str:
    """Return what a subject calls the key."""
    return (
        f'{api_key.get_kind_display()} key "{one_line(api_key.description)}" of {one_line(str(api_key.organization))}'
    )


def heading(api_key: ApiKey) -> str:
    """Return what a heading calls the key."""
    return f"{api_key.get_kind_display()} key “{one_line(api_key.description)}” of {api_key.organization}"


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


def instant(api_key: ApiKey, moment: dt.datetime) -> str:
    """Return a moment by the organization's clock, with what tells which moment that is: its zone and offset."""
    local = moment.astimezone(api_key.organization.zone)
    zone = api_key.organization.time_zone
    if zone != "UTC":
        zone += f", UTC{local.isoformat()[-6:]}"
    return f"{local:%-d %b %Y, %H:%M} ({zone})"


def deleted_at(notice: Notice) -> dt.datetime:
    return notice.api_key.deleted_at or notice.created_at


def detail(notice: Notice, key: str) -> str:
    details: dict[str, Any] = notice.details
    return one_line(str(details.get(key) or ""))


def because_admin(api_key: ApiKey) -> str:
    return f"You get this because you are an Admin of {api_key.organization}."


def api_access() -> str:
    return f"{settings.BASE_URL}/settings/api-access"


def key_url(api_key: ApiKey) -> str:
    return f"{api_access()}/keys/{api_key.key_id}"


def one_line(text: str) -> str:
    return " ".join(text.split())
