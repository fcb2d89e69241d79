"""One function says how a rotation stands, checked against an oracle that only reads what happened.

Histories are drawn: keys are generated, rotated, used and deleted, days pass so that they expire, and the clock of the
automatic deletion strikes. The oracle keeps a diary of its own and knows nothing of handovers.
"""

import datetime as dt
from dataclasses import dataclass

import pytest
import time_machine
from hypothesis import HealthCheck, example, given, settings, strategies as st

from apikeys.letters import letter_for
from apikeys.models import ApiKey, Lineage, Notice
from apikeys.reminders import ROTATION_CLOCK
from audit.actor import Origin
from members.models import Organization
from tests.conftest import SETUP, new_key

BEGIN = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = 24 * HOUR
HERE = Origin("203.0.113.7", "Okta SCIM Client 1.0.0")

STEPS = st.tuples(
    st.sampled_from(["rotate", "rotate", "rotate and delete by itself", "use", "use", "use", "delete", "strike"]),
    st.integers(0, 5),  # which key
    st.sampled_from([None, 2, 5, 9]),  # after how many days a new key expires
    st.sampled_from([dt.timedelta(minutes=2), HOUR, 13 * HOUR, 25 * HOUR, 3 * DAY]),  # what passes before
)


WAIT = ("use", 0, None, 3 * DAY)
THE_NEW_KEY_EXPIRES_FIRST = [("use", 0, None, HOUR), ("rotate", 0, 2, HOUR), ("use", 1, None, HOUR), WAIT, WAIT]
THE_MIDDLE_IS_DELETED = [
    *[("use", 0, None, HOUR), ("rotate", 0, None, HOUR), ("rotate", 1, None, HOUR), ("delete", 1, None, HOUR)],
    *[("use", 2, None, HOUR), ("delete", 0, None, 25 * HOUR), ("use", 1, None, 25 * HOUR)],
]
THE_MIDDLE_IS_SKIPPED = [
    *[("use", 0, None, HOUR), ("rotate and delete by itself", 0, None, HOUR), ("rotate", 1, 9, HOUR)],
    *[("use", 2, None, HOUR), ("use", 1, None, 13 * HOUR), ("strike", 0, None, 13 * HOUR)],
]


@dataclass
class Diary:
    """What happened to one key, by the oracle's own book-keeping."""

    api_key: ApiKey
    of: "Diary | None"
    expires: dt.datetime | None
    uses: list[dt.datetime]
    by_itself: bool = False
    deleted: bool = False

    def works(self, now: dt.datetime) -> bool:
        return not self.deleted and (self.expires is None or now < self.expires)

    def follows(self, other: "Diary") -> bool:
        return self.of is not None and (self.of is other or self.of.follows(other))


def expected(diary: Diary, book: list[Diary], now: dt.datetime) -> str | None:
    """Return the stage by what happened: which keys follow, which of them work, and what was used when."""
    following = [other for other in book if not other.deleted and other.follows(diary)]
    working = [other for other in following if other.works(now)]
    if not following:
        return None
    if not working:
        return "stalled"
    if not diary.uses:
        return "safe"
    first_uses = [min(other.uses) for other in working if other.uses]
    if not first_uses:
        return "unused"
    taken_over, last = min(first_uses), max(diary.uses)
    if not diary.works(now) or (now - last >= DAY and now - taken_over >= DAY):
        return "safe"
    return "both" if last > taken_over else "silent"


def goes_now(diary: Diary, book: list[Diary], now: dt.datetime) -> bool:
    """Whether the oracle would delete the key by itself: another is in use, and nothing needs this one."""
    first_uses = [min(other.uses) for other in book if other.follows(diary) and other.works(now) and other.uses]
    if diary.deleted or not diary.by_itself or not first_uses:
        return False
    return not diary.uses or now - max(*diary.uses, min(first_uses)) >= DAY


class History:
    """Plays steps on the product and keeps the oracle's diary."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.now = BEGIN
        self.book: list[Diary] = []

    def play(self, step: tuple[str, int, int | None, dt.timedelta]) -> None:
        verb, which, days, passes = step
        self.now += passes
        with time_machine.travel(self.now, tick=False):
            self.do(verb, self.book[which % len(self.book)], days)

    def begin(self, days: int | None) -> None:
        with time_machine.travel(self.now, tick=False):
            made = new_key(self.organization, expires_on=self.day(days)).api_key
        self.book.append(Diary(made, None, self.instant(days), []))

    def do(self, verb: str, diary: Diary, days: int | None) -> None:
        stored = ApiKey.objects.get(pk=diary.api_key.pk)
        if verb == "use" and diary.works(self.now):
            stored.record_use(HERE, self.now)
            diary.uses.append(self.now)
        elif verb == "delete" and not diary.deleted:
            stored.delete_key(by=SETUP)
            diary.deleted = True
        elif verb == "strike":
            for other in self.book:
                goes = goes_now(other, self.book, self.now)
                deleted = ApiKey.objects.get(pk=other.api_key.pk).delete_if_replaced(by=ROTATION_CLOCK, now=self.now)
                assert deleted is goes
                other.deleted = other.deleted or goes
        elif verb.startswith("rotate") and diary.works(self.now) and expected(diary, self.book, self.now) is None:
            by_itself = verb != "rotate"
            made = stored.rotate(description="Okta", expires_on=self.day(days), by=SETUP, delete_when_silent=by_itself)
            diary.by_itself = by_itself
            self.book.append(Diary(made.api_key, diary, self.instant(days), []))

    def day(self, days: int | None) -> dt.date | None:
        return None if days is None else self.now.date() + dt.timedelta(days=days)

    def instant(self, days: int | None) -> dt.datetime | None:
        day = self.day(days)
        return None if day is None else dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)


def words(api_key: ApiKey, kind: Notice.Kind, now: dt.datetime) -> str:
    """Return what the mail says below the facts."""
    notice = Notice(api_key=api_key, kind=kind, recipient="ana@acme.example", created_at=now)
    letter = letter_for(notice, now)
    return " ".join([letter.heading, *letter.meaning, *letter.steps, letter.action])


def check_deleted(diary: Diary, book: list[Diary], now: dt.datetime) -> None:
    """Assert that the mail about a deleted key says only where it is so that something gets 401."""
    api_key = ApiKey.objects.get(pk=diary.api_key.pk)
    assert api_key.deleted_at is not None
    expired = diary.expires is not None and diary.expires <= api_key.deleted_at
    in_use = any(other.follows(diary) and other.works(now) and other.uses for other in book)
    breaks = bool(diary.uses) and not expired and not in_use
    assert ("gets 401" in words(api_key, Notice.Kind.DELETED, now)) is breaks


def check_words(diary: Diary, stage: str | None, now: dt.datetime, *, by_itself: bool) -> None:
    """Assert that no mail about the key says what isn't so."""
    api_key = ApiKey.objects.get(pk=diary.api_key.pk)
    if api_key.expires_at is not None:
        said = words(api_key, Notice.Kind.EXPIRY, now)
        assert ("can be deleted" in said) == (stage == "safe")
        assert ("deleted by itself soon" in said) == by_itself
        assert ("Generate a replacement" in said) == (not diary.works(now) and stage in (None, "stalled"))
        assert ("Rotate the key" in said) == (diary.works(now) and stage is None)
        assert ("neither of the two works" in said) == (stage == "stalled" and not diary.works(now))
        assert ("this is the one that works" in said) == (stage == "stalled" and diary.works(now))
        assert not (("never used" in said or "Nothing ever used" in said) and diary.uses)
        if not diary.uses:
            assert "401" not in said


@pytest.mark.django_db
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(days=st.sampled_from([None, 6, 12]), steps=st.lists(STEPS, min_size=3, max_size=14))
@example(days=12, steps=THE_NEW_KEY_EXPIRES_FIRST)
@example(days=6, steps=[*THE_NEW_KEY_EXPIRES_FIRST, *THE_NEW_KEY_EXPIRES_FIRST[-1:]])
@example(days=12, steps=THE_MIDDLE_IS_DELETED)
@example(days=12, steps=THE_MIDDLE_IS_SKIPPED)
def test_every_history_stands_as_an_oracle_says(acme, ana, days, steps):
    acme.api_keys.all().delete()
    history = History(acme)
    history.begin(days)
    for step in steps:
        history.play(step)
        now = history.now
        lineage = Lineage.of(acme)
        for diary in history.book:
            if diary.deleted:
                check_deleted(diary, history.book, now)
                continue
            api_key = ApiKey.objects.get(pk=diary.api_key.pk)
            stage = expected(diary, history.book, now)
            alone, listed = api_key.handover(now), lineage.handover(api_key, now)
            assert [each and each.stage.value for each in (alone, listed)] == [stage, stage]
            by_itself = goes_now(diary, history.book, now)
            assert (alone is not None and alone.goes_now) is by_itself
            check_words(diary, stage, now, by_itself=by_itself)
        placed = [api_key.pk for chain in lineage.chains() for api_key in chain]
        assert sorted(placed) == sorted(diary.api_key.pk for diary in history.book if not diary.deleted)
