"""The ids that an audit event may tell.

The log keeps primary keys. Those of members and groups are UUIDs and public; those of keys, roles and organizations
count all organizations' rows, which is nobody's business, so that their public ids are put in their place.
"""

from collections.abc import Iterable

from django.db.models import Q

from api.ids import parse_uuid
from audit.actor import COMMAND_LINE, EARLIER_COMMAND_LINE
from audit.models import ActorKind, Event
from members.models import Organization

PUBLIC_TYPES = ("member", "group")
API_KEY, ROLE, ORGANIZATION = "apikey", "role", "organization"
TYPE_NAMES = {API_KEY: "api_key"}


class PublicIds:
    """The public ids of who and what `events` of `organization` are about; two queries at most."""

    def __init__(self, organization: Organization, events: Iterable[Event]) -> None:
        events = list(events)
        keys = {event.target_id for event in events if event.target_type == API_KEY}
        keys |= {event.actor_id for event in events if event.actor_kind == ActorKind.API_KEY}
        roles = {event.target_id for event in events if event.target_type == ROLE}
        self.organization = organization
        self.keys = dict(organization.api_keys.filter(pk__in=keys).values_list("pk", "key_id")) if keys else {}
        self.roles = dict(organization.roles.filter(pk__in=roles).values_list("pk", "public_id")) if roles else {}

    def of_actor(self, event: Event) -> str | None:
        """Return the member's id or the key's `key_id`; None for anybody else."""
        if event.actor_kind == ActorKind.API_KEY:
            return self.keys.get(int(event.actor_id))
        return event.actor_id if event.actor_kind == ActorKind.MEMBER else None

    def of_target(self, event: Event) -> str | None:
        """Return the id under which the API knows the target; None if it does not, or no more."""
        if event.target_type in PUBLIC_TYPES:
            return event.target_id
        if event.target_type == API_KEY:
            return self.keys.get(int(event.target_id))
        if event.target_type == ROLE:
            public_id = self.roles.get(int(event.target_id))
            return str(public_id) if public_id else None
        return self.organization.public_id if event.target_type == ORGANIZATION else None

    def type_of(self, event: Event) -> str:
        """Return the target's type as the API spells it."""
        return TYPE_NAMES.get(event.target_type, event.target_type)


def by_actor(organization: Organization, text: str) -> Q:
    """Return the condition that `text` is the actor's id, or their label in whatever case."""
    found = Q(actor_label__lower=text.lower()) | Q(actor_kind=ActorKind.MEMBER, actor_id=text.lower())
    if text.lower() == COMMAND_LINE:
        found |= Q(actor_kind=ActorKind.SYSTEM, actor_label__lower__in=EARLIER_COMMAND_LINE)
    if key := organization.api_keys.filter(key_id=text).values_list("pk", flat=True).first():
        found |= Q(actor_kind=ActorKind.API_KEY, actor_id=str(key))
    return found


def by_target(organization: Organization, text: str) -> Q:
    """Return the condition that `text` is the target's id, or its label in whatever case."""
    found = Q(target_label__lower=text.lower()) | Q(target_type__in=PUBLIC_TYPES, target_id=text.lower())
    if key := organization.api_keys.filter(key_id=text).values_list("pk", flat=True).first():
        found |= Q(target_type=API_KEY, target_id=str(key))
    if role := parse_uuid(text):
        pk = organization.roles.filter(public_id=role).values_list("pk", flat=True).first()
        found |= Q(target_type=ROLE, target_id=str(pk))
    if text == organization.public_id:
        found |= Q(target_type=ORGANIZATION)
    return found
