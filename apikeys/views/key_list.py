"""The list of keys: those which work, each beside the one that it replaces, and those which have expired."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apikeys.models import ApiKey, Handover, KnownOrigin, Lineage, Notice
from apikeys.reminders import Scheduled, State, schedule
from members.access import requires
from members.middleware import MemberRequest
from members.models import Organization, Scope


@dataclass(frozen=True, slots=True)
class Reminder:
    """What the list says of a key's reminders: `said` before the day `at`, `wrong` if it needs a look."""

    said: str
    at: dt.datetime
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A key in the list. `handover` is the one to a key in a row above, None for a key that nothing replaces.

    `replaces` says that the key in the row below is its predecessor.
    """

    api_key: ApiKey
    now: dt.datetime
    handover: Handover | None = None
    replaces: bool = False

    @property
    def status(self) -> ApiKey.Status:
        """How far the key is in its life."""
        return self.api_key.status(self.now)

    @property
    def may_rotate(self) -> bool:
        """Whether a successor can be made."""
        return self.handover is None and self.api_key.is_live(self.now)

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
        return sorted({(mark_of(origin), origin.refused) for origin in told})

    @property
    def against_policy(self) -> bool:
        """Whether the key could not be made like this today; it stays valid all the same."""
        return self.api_key.is_live(self.now) and not self.api_key.meets_policy()


@requires(Scope.API_ACCESS)
def api_access(request: MemberRequest) -> HttpResponse:
    """List the organization's keys, the newest first."""
    now = timezone.now()
    live: list[list[Row]] = []
    expired: list[list[Row]] = []
    lineage = Lineage.of(request.organization, listed(request.organization))
    for chain in lineage.chains():
        if any(api_key.is_live(now) for api_key in chain):
            live.append(rows_of(chain, lineage, now))
        else:
            expired += [[Row(api_key, now)] for api_key in chain]
    return render(request, "apikeys/api_key_list.html", {"live": live, "expired": expired})


def listed(organization: Organization) -> list[ApiKey]:
    """Return the keys with what the list says of them, in as many queries however many there are."""
    reminders = Prefetch("notices", Notice.objects.reminders())
    news = Prefetch("origins", KnownOrigin.objects.filter(is_new=True), to_attr="new_origins")
    return list(organization.api_keys.existing().prefetch_related(reminders, news).order_by("-id"))


def rows_of(chain: list[ApiKey], lineage: Lineage, now: dt.datetime) -> list[Row]:
    """Return the rows of keys that replace one another, the newest first."""
    return [Row(api_key, now, lineage.handover(api_key, now), replaces=api_key is not chain[-1]) for api_key in chain]


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
