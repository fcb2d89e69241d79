"""A person's name and address are taken out of the audit log; what was done stays, under a pseudonym.

This is the one change that the log's fence is opened for (`audit.append_only`). Ids stay, so that the events of one
person still belong together.
"""

import html
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import CharField, Q, QuerySet
from django.db.models.functions import Cast

from audit.append_only import lifted
from audit.models import Event

# What the log keeps of a member that says who it is. Roles, and who assigned them, don't.
PERSONAL = ("user_name", "external_id", "given_name", "family_name", "display_name")
MEMBER = "member"
AT_ONCE = 500


@dataclass(frozen=True)
class Erasure:
    """Who is erased, and what takes the place of the name.

    `ids` are those of the members that the person has been. `address` is theirs alone, and goes wherever it is found;
    None if somebody else has it now. `names` are whole names that the person has been called by.
    """

    pseudonym: str
    ids: frozenset[str]
    address: str | None
    names: frozenset[str]

    @cached_property
    def _address(self) -> re.Pattern[str] | None:
        if self.address is None:
            return None
        return re.compile(rf"(?<![\w.+-]){re.escape(self.address)}(?![\w-]|\.\w)", re.IGNORECASE)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(name.casefold() for name in self.names)

    def text(self, text: str) -> str:
        """Return `text` with the pseudonym for a name that it is, and for each address in it."""
        if text.casefold() in self._names:
            return self.pseudonym
        return self._address.sub(self.pseudonym, text) if self._address else text

    def within(self, text: str) -> str:
        """Return `text`, a letter's or its HTML, with the pseudonym for each name and address in it."""
        for name in sorted({*self.names, *map(html.escape, self.names)}, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", self.pseudonym, text)
        return self.text(text)

    def value(self, value: Any) -> Any:
        """Return a JSON value with the pseudonym wherever `text` has it."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if isinstance(value, dict):
            return {key: self.value(each) for key, each in value.items()}
        return value

    def whole(self, value: Any) -> Any:
        """Return a JSON value with the pseudonym for every text in it that isn't empty."""
        if isinstance(value, list):
            return [self.whole(each) for each in value]
        return self.pseudonym if isinstance(value, str) and value else value

    def is_in(self, *columns: str) -> Q:
        """Return the condition that one of the columns, of text, may hold what is to go."""
        found = Q(pk__in=[])
        for column in columns:
            if self.address:
                found |= Q(**{f"{column}__icontains": self.address})
            for name in self.names:
                found |= Q(**{f"{column}__icontains": name})
                # As SQLite keeps JSON: in ASCII.
                if not name.isascii():
                    found |= Q(**{f"{column}__contains": json.dumps(name)[1:-1]})
        return found


def erase_from_log(organization_id: int, erasure: Erasure) -> int:
    """Put the pseudonym into the events of an organization, within the caller's transaction; return how many changed.

    One statement finds them, in one pass over the organization's events.
    """
    own = Q(actor_id__in=erasure.ids) | Q(target_id__in=erasure.ids)
    named = erasure.is_in("actor_label", "target_label", "as_text")
    events: QuerySet[Event] = QuerySet(Event)
    found = events.filter(organization=organization_id).annotate(as_text=Cast("changes", CharField()))
    changed = [event for event in found.filter(own | named).iterator(AT_ONCE) if erase_event(event, erasure)]
    with lifted():
        fields = ["actor_label", "target_label", "changes", "ip", "user_agent"]
        events.bulk_update(changed, fields, batch_size=AT_ONCE)
    return len(changed)


def erase_event(event: Event, erasure: Erasure) -> bool:
    """Put the pseudonym into an event that isn't saved here; return whether that changes it."""
    before = (event.actor_label, event.target_label, event.changes, event.ip, event.user_agent)
    event.actor_label, event.target_label = erasure.text(event.actor_label), erasure.text(event.target_label)
    event.changes = erasure.value(event.changes)
    if event.target_type == MEMBER and event.target_id in erasure.ids:
        event.target_label = erasure.pseudonym
        event.changes = {
            key: erasure.whole(value) if key in PERSONAL else value for key, value in event.changes.items()
        }
    if event.actor_id in erasure.ids:
        event.actor_label, event.ip, event.user_agent = erasure.pseudonym, None, ""
    return before != (event.actor_label, event.target_label, event.changes, event.ip, event.user_agent)


def names_in_log(organization_id: int, ids: frozenset[str]) -> set[str]:
    """Return the whole names by which the log calls the members with these ids."""
    events = Event.objects.filter(organization=organization_id)
    names = set(events.filter(actor_id__in=ids).values_list("actor_label", flat=True))
    changes = events.filter(target_type=MEMBER, target_id__in=ids, changes__has_key="display_name")
    for account in changes.values_list("changes", flat=True):
        names.update(text for text in account["display_name"] if text)
    return names


def ids_in_log(organization_id: int, address: str) -> set[str]:
    """Return the ids of the members, those who are gone among them, that the log knows by an address."""
    events = Event.objects.filter(organization=organization_id, target_type=MEMBER, target_label__iexact=address)
    return set(events.order_by().values_list("target_id", flat=True).distinct())
