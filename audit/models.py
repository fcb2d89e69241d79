"""An Event says who did what to what, when and from where; it is written once and never changed.

The verb that changes something records the event in the same transaction, so that neither exists without the other.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

from audit.actor import USER_AGENT_LENGTH, Actor, ActorKind, Origin, name_shown
from lib import request_id
from lib.plain_text import on_one_line
from members.ids import uuid7
from torii_settings.statement import Insert, unsaved

if TYPE_CHECKING:
    from members.models import Organization

__all__ = ["Action", "Actor", "ActorKind", "Event", "Origin"]


class Action(models.TextChoices):
    """What can happen, as tags that logs and filters rely on: they are never renamed."""

    SCIM_ENABLED = "scim.enabled", "SCIM turned on"
    SCIM_DISABLED = "scim.disabled", "SCIM turned off"
    API_KEY_GENERATED = "api_key.generated", "API key generated"
    API_KEY_DELETED = "api_key.deleted", "API key deleted"
    API_KEY_EXPIRED = "api_key.expired", "API key expired"
    API_KEY_MAKER_LEFT = "api_key.maker_left", "API key's maker is no longer an Admin"
    API_KEY_NEW_ORIGIN = "api_key.new_origin", "API key used from somewhere new"
    API_KEY_ORIGIN_ACCEPTED = "api_key.origin_accepted", "API key's new origin accepted"
    MEMBER_CREATED = "member.created", "Member created"
    MEMBER_UPDATED = "member.updated", "Member updated"
    MEMBER_ROLE_CHANGED = "member.role_changed", "Member's role changed"
    MEMBER_DEACTIVATED = "member.deactivated", "Member deactivated"
    MEMBER_REACTIVATED = "member.reactivated", "Member reactivated"
    MEMBER_REMOVED = "member.removed", "Member removed"
    PERSON_ERASED = "person.erased", "Person erased"
    MEMBER_LOADED = "member.loaded", "Members loaded"
    ROLE_CREATED = "role.created", "Role created"
    ROLE_UPDATED = "role.updated", "Role changed"
    ROLE_DELETED = "role.deleted", "Role deleted"
    GROUP_CREATED = "group.created", "Group created"
    GROUP_UPDATED = "group.updated", "Group changed"
    GROUP_REMOVED = "group.removed", "Group removed"
    GROUP_ROLE_CHANGED = "group.role_changed", "Group's role changed"
    SIGNED_IN = "sign_in.succeeded", "Signed in"
    SIGN_IN_FAILED = "sign_in.failed", "Sign-in failed"
    SIGN_IN_LOCKED = "sign_in.locked", "Sign-in refused after too many attempts"
    PASSWORD_SET = "password.set", "Password set"
    SECOND_FACTOR_SET_UP = "second_factor.set_up", "Second factor set up"
    SECOND_FACTOR_REMOVED = "second_factor.removed", "Second factor removed"
    SECOND_FACTOR_RESET = "second_factor.reset", "Second factor reset"
    SECOND_FACTOR_FAILED = "second_factor.failed", "Second factor failed"
    SECOND_FACTOR_LOCKED = "second_factor.locked", "Second factor refused after too many attempts"
    RECOVERY_CODE_USED = "recovery_code.used", "Recovery code used"
    RECOVERY_CODES_REPLACED = "recovery_codes.replaced", "Recovery codes replaced"
    ORGANIZATION_ENTERED = "organization.entered", "Switched to this organization"
    STAFF_OPENED = "staff.opened", "Page opened by staff"
    STAFF_SESSION_ENDED = "staff.session_ended", "Session of staff ended"
    ORGANIZATION_CREATED = "organization.created", "Organization created"
    ORGANIZATION_UPDATED = "organization.updated", "Organization changed"


class EventImmutable(Exception):
    """Somebody tried to change or delete an audit event."""

    def __init__(self) -> None:
        super().__init__("Audit events are append-only: they can't be changed or deleted.")


class EventQuerySet(models.QuerySet["Event"]):
    """Events can be read and added, nothing else."""

    def update(self, **kwargs: Any) -> int:
        """Raise EventImmutable."""
        raise EventImmutable

    def delete(self) -> tuple[int, dict[str, int]]:
        """Raise EventImmutable."""
        raise EventImmutable


class Event(models.Model):
    """One thing that happened in one organization.

    `changes` maps a field to `[before, after]`, or to what was set. Actor and target are kept as text beside their
    ids, because the log outlives them. `request_id` names the request or the run that caused it (`lib.request_id`).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        "members.Organization", on_delete=models.PROTECT, db_index=False, related_name="events"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    action = models.CharField(max_length=40, choices=Action)
    actor_kind = models.CharField(max_length=10, choices=ActorKind)
    actor_id = models.CharField(max_length=40, blank=True)
    actor_label = models.CharField(max_length=320)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=40)
    target_label = models.CharField(max_length=320)
    changes = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=USER_AGENT_LENGTH, blank=True)
    # The default in the database is for the release before, which inserts without it.
    request_id = models.CharField(max_length=request_id.LENGTH, blank=True, default="", db_default="")

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["organization", "-id"], name="event_organization_newest")]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.target_label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the event. Raises EventImmutable for one that exists."""
        if not self._state.adding:
            raise EventImmutable
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raise EventImmutable."""
        raise EventImmutable

    @property
    def actor_name(self) -> str:
        """Who did it, as it is shown. Only the system's names are translated: people may be called anything."""
        return name_shown(self.actor_label) if self.actor_kind == ActorKind.SYSTEM else self.actor_label

    @classmethod
    def record(
        cls,
        action: Action,
        organization: "Organization",
        *,
        by: Actor,
        target: models.Model,
        changes: dict[str, Any] | None = None,
    ) -> "Event":
        """Add an event to the log of `organization`; call it inside the transaction of the change itself."""
        event = event_of(action, organization, by, target, changes or {})
        RECORD.run(event)
        return event

    @classmethod
    def record_many(
        cls,
        action: Action,
        organization: "Organization",
        *,
        by: Actor,
        changes: Iterable[tuple[models.Model, dict[str, Any]]],
    ) -> None:
        """Add an event for each target and what changed of it, as `record` does, but many in one query."""
        RECORD.run_many([event_of(action, organization, by, target, changed) for target, changed in changes])


# Every change writes one.
RECORD = Insert(Event)


def event_of(
    action: Action, organization: "Organization", by: Actor, target: models.Model, changes: dict[str, Any]
) -> Event:
    """Return the event, not yet saved, of what `by` did to `target`."""
    return unsaved(
        Event,
        {
            "id": uuid7(),
            "organization_id": organization.pk,
            "created_at": timezone.now(),
            "action": action.value,
            "actor_kind": by.kind.value,
            "actor_id": by.id,
            "actor_label": label(by.label),
            "target_type": target._meta.model_name or "",
            "target_id": str(target.pk),
            "target_label": label(str(target)),
            "changes": changes,
            "ip": by.origin.ip,
            "user_agent": by.origin.user_agent,
            "request_id": request_id.current(),
        },
        organization=organization,
    )


def label(name: str) -> str:
    """Return a name as the log keeps it; one from before names were checked may hold what breaks a line."""
    return name[:320] if name.isprintable() else on_one_line(name)[:320]
