"""The list of keys: those which work, each beside the one that it replaces, and those which have expired.

What needs attention comes first: a line names the keys that expire within a month, and these head the list.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apikeys.models import ApiKey, Handover, KnownOrigin, Lineage, Notice
from apikeys.reminders import Scheduled, State, schedule
from apikeys.views.key_filter import OFFERED_FROM, STATUSES, KeyFilter
from members.access import requires
from members.middleware import MemberRequest
from members.models import Organization, Scope

# After that, a key that was never used is forgotten rather than awaited.
AWAITED_FOR = dt.timedelta(days=30)

NAMED_AT_MOST = 5

# Sorts after every expiry.
NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Reminder:
    """What the list says of a key's reminders: `said` before the day `at`, `wrong` if it needs a look."""

    said: str
    at: dt.datetime
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A key in the list. `handover` is the one to a key in a row above, None for a key that nothing replaces.

    `replaces` says that the key in the row below is its predecessor, `is_new` that it was made a moment ago.
    """

    api_key: ApiKey
    now: dt.datetime
    handover: Handover | None = None
    replaces: bool = False
    is_new: bool = False

    @property
    def status(self) -> ApiKey.Status:
        """How far the key is in its life."""
        return self.api_key.status(self.now)

    @property
    def may_rotate(self) -> bool:
        """Whether a successor can be made."""
        return self.handover is None and self.api_key.is_live(self.now)

    @property
    def may_replace(self) -> bool:
        """Whether the key has expired with nothing in its place."""
        return self.handover is None and self.api_key.is_expired(self.now)

    @property
    def waits(self) -> bool:
        """Whether the key gets 403 until SCIM is turned on."""
        return self.api_key.waits_for_scim(self.now)

    @property
    def is_awaited(self) -> bool:
        """Whether the first request is to be expected: the key works, and is not old."""
        api_key = self.api_key
        young = self.now - api_key.created_at < AWAITED_FOR
        return api_key.last_used_at is None and young and api_key.is_live(self.now) and not self.handover

    @property
    def reminder(self) -> Reminder | None:
        """The next reminder of the key, or the last one that was sent."""
        return reminder_among(schedule(self.api_key, self.now))

    @property
    def marks(self) -> list[tuple[str, bool]]:
        """What is new of where the key is used from, as a label and whether it was refused there; set by `listed`."""
        new: list[KnownOrigin] = self.api_key.new_origins  # type: ignore[attr-defined]
        # A call that was refused has its user agent refused as well, which is no news of its own.
        told = [origin for origin in new if not origin.refused or origin.kind == KnownOrigin.Kind.NETWORK]
        return sorted({(mark_of(origin), origin.refused) for origin in told}, key=lambda mark: (not mark[1], mark[0]))

    @property
    def against_policy(self) -> bool:
        """Whether the key could not be made like this today; it stays valid all the same."""
        return self.api_key.is_live(self.now) and not self.api_key.meets_policy()


@requires(Scope.API_ACCESS)
def api_access(request: MemberRequest) -> HttpResponse:
    """List the organization's keys: those that expire within a month first, then the newest."""
    now = timezone.now()
    choice, made = KeyFilter.of(request.GET), request.GET.get("new", "")
    live: list[list[Row]] = []
    expired: list[list[Row]] = []
    keys = listed(request.organization)
    lineage = Lineage.of(request.organization, keys)
    for chain in lineage.chains():
        rows = rows_of(chain, lineage, now, made)
        if any(row.api_key.is_live(now) for row in rows):
            live.append(rows)
        else:
            expired += [[Row(row.api_key, now)] for row in rows]
    kept = {api_key.pk for api_key in keys if choice.keeps(api_key, now)}
    expiring = sorted(soon(row for rows in live for row in rows), key=expiry)
    live.sort(key=lambda rows: min(map(expiry, soon(rows)), default=NEVER))
    context = {
        "live": [rows for rows in live if any(row.api_key.pk in kept for row in rows)],
        "expired": [rows for rows in expired if any(row.api_key.pk in kept for row in rows)],
        "expiring": expiring[:NAMED_AT_MOST],
        "expiring_more": len(expiring) - NAMED_AT_MOST,
        "expiring_count": len(expiring),
        "total": len(keys),
        "kept": len(kept),
        "choice": choice,
        "filters": len(keys) >= OFFERED_FROM or bool(choice),
        "kinds": ApiKey.Kind.choices,
        "statuses": STATUSES.items(),
    }
    return render(request, "apikeys/api_key_list.html", context)


def soon(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of keys that expire within a month."""
    return [row for row in rows if row.status == ApiKey.Status.EXPIRES_SOON]


def expiry(row: Row) -> dt.datetime:
    """Return when the key expires, for sorting."""
    return row.api_key.expires_at or NEVER


def listed(organization: Organization) -> list[ApiKey]:
    """Return the keys with what the list says of them, in as many queries however many there are."""
    reminders = Prefetch("notices", Notice.objects.reminders())
    news = Prefetch("origins", KnownOrigin.objects.filter(is_new=True), to_attr="new_origins")
    keys = organization.api_keys.existing().select_related("created_by__role")
    return list(keys.prefetch_related(reminders, news).order_by("-id"))


def rows_of(chain: list[ApiKey], lineage: Lineage, now: dt.datetime, made: str = "") -> list[Row]:
    """Return the rows of keys that replace one another, the newest first; `made` is the id part of a new key."""
    return [
        Row(
            api_key,
            now,
            lineage.handover(api_key, now),
            replaces=api_key is not chain[-1],
            is_new=api_key.key_id == made,
        )
        for api_key in chain
    ]


def mark_of(origin: KnownOrigin) -> str:
    """Return what the list says of a new origin, as in "New network"."""
    return f"{'Refused' if origin.refused else 'New'} {origin.get_kind_display().lower()}"


def reminder_among(steps: list[Scheduled]) -> Reminder | None:
    """Return what the list says of `steps`: that one failed, else the next, else the last that was sent."""
    past = [step for step in steps if step.state in (State.SENT, State.FAILED, State.WAITING)]
    if past and past[-1].state == State.FAILED:
        return Reminder("Reminder not delivered", past[-1].due_at, wrong=True)
    to_come = next((step for step in steps if step.state == State.TO_COME), None)
    if to_come:
        return Reminder("Next reminder", to_come.due_at)
    if past and past[-1].state == State.SENT:
        sent = [notice.sent_at for notice in past[-1].notices if notice.sent_at]
        return Reminder("Reminded", max(sent, default=past[-1].due_at))
    return None
